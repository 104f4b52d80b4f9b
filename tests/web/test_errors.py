"""What people see when something is not there, not allowed, or broken."""

from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import path

from portal.kit.errors import Conflict, Forbidden, RateLimited, Unauthorized, Unavailable
from portal.urls import handler429, urlpatterns as real

ERRORS = {
    "unauthorized": Unauthorized("Sign in to star it."),
    "forbidden": Forbidden("You need the role “admin” on this repository."),
    "conflict": Conflict("Somebody else was first."),
    "limited": RateLimited(retry_after=7),
    "unavailable": Unavailable(),
}


def fail(request: HttpRequest, name: str) -> HttpResponse:
    raise ERRORS.get(name, ValueError("a bug"))


urlpatterns = [path("-/fail/<name>", fail), *real]
__all__ = ["handler429", "urlpatterns"]
pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]


def test_nothing_here_offers_to_sign_in() -> None:
    response = Client().get("/no-such-name/nothing?a=b")
    assert response.status_code == 404
    page = response.content.decode()
    assert "There is nothing here that you may see" in page
    assert "/accounts/login/?next=/no-such-name/nothing%3Fa%3Db" in page


def test_who_is_signed_in_is_not_asked_to_sign_in(alices_client: Client) -> None:
    assert "/accounts/login/" not in alices_client.get("/no-such-name/nothing").content.decode()


@pytest.mark.parametrize(
    ("name", "status", "sentence"),
    [
        ("unauthorized", 401, "Sign in to star it."),
        ("forbidden", 403, "You need the role “admin” on this repository."),
        ("conflict", 409, "Somebody else was first."),
        ("limited", 429, "Too many requests."),
        ("unavailable", 503, "does not answer"),
    ],
)
def test_an_error_with_a_reason_shows_the_reason(name: str, status: int, sentence: str) -> None:
    response = Client().get(f"/-/fail/{name}")
    assert response.status_code == status
    assert sentence in response.content.decode()


def test_a_bug_shows_a_page_that_needs_nothing(alices_client: Client, settings: Any) -> None:
    alices_client.raise_request_exception = False
    response = alices_client.get("/-/fail/bug")
    assert response.status_code == 500
    page = response.content.decode()
    assert "Something broke on our side" in page
    assert "a bug" not in page


def test_a_foreign_host_name_is_not_understood() -> None:
    response = Client().get("/", headers={"host": "evil.example"})
    assert response.status_code == 400
    assert "We did not understand that" in response.content.decode()
