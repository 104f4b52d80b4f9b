"""Sign-in and sign-out."""

from typing import Any

import pytest
from django.test import Client

from portal.accounts.models import User
from tests import factories

URL = "/accounts/login/"
WRONG = "The username or e-mail address and the password do not belong together."


def sign_in(client: Client, login: str, password: str = factories.PASSWORD, **more: str) -> Any:
    return client.post(URL, {"login": login, "password": password, **more})


@pytest.mark.parametrize("login", ["alice", "alice@example.org", "ALICE@example.org", " alice "])
def test_by_name_or_by_address(alice: User, login: str) -> None:
    client = Client()
    response = sign_in(client, login)
    assert response.status_code == 302
    assert response["Location"] == "/"
    assert client.get("/").context["user"] == alice


def test_leads_back_to_where_one_came_from(alice: User) -> None:
    assert sign_in(Client(), "alice", next="/accounts/tokens/")["Location"] == "/accounts/tokens/"
    assert sign_in(Client(), "alice", next="https://evil.example/")["Location"] == "/"


@pytest.mark.parametrize(
    ("login", "password"), [("alice", "wrong"), ("nobody", "wrong"), ("alice@example.org", "wrong")]
)
def test_a_wrong_pair_gets_the_same_sentence_whether_or_not_the_name_exists(
    alice: User, login: str, password: str
) -> None:
    response = sign_in(Client(), login, password)
    assert response.context["form"].non_field_errors() == [WRONG]


def test_an_unconfirmed_user_signs_in(eve: User) -> None:
    client = Client()
    sign_in(client, "eve")
    assert client.get("/").context["user"] == eve


def test_an_account_that_is_switched_off_does_not_get_in(alice: User) -> None:
    alice.is_active = False
    alice.save()
    client = Client()
    response = client.post(URL, {"login": "alice", "password": factories.PASSWORD}, follow=True)
    assert "This account is switched off" in response.content.decode()
    assert not client.get("/").context["user"].is_authenticated


def test_guessing_is_stopped_after_five_tries_even_for_the_right_password(alice: User) -> None:
    for _ in range(5):
        sign_in(Client(), "alice", "wrong")
    response = sign_in(Client(), "alice")
    assert "Too many failed attempts" in response.content.decode()


def test_signing_out_needs_a_click(alices_client: Client) -> None:
    assert "Sign out?" in alices_client.get("/accounts/logout/").content.decode()
    assert alices_client.get("/").context["user"].is_authenticated
    alices_client.post("/accounts/logout/")
    assert not alices_client.get("/").context["user"].is_authenticated


@pytest.mark.parametrize("path", ["tokens/", "tokens/new/", "profile/", "namespace/", "email/", "password/change/"])
@pytest.mark.django_db
def test_settings_ask_anonymous_visitors_to_sign_in(path: str) -> None:
    response = Client().get(f"/accounts/{path}")
    assert response.status_code == 302
    assert response["Location"] == f"{URL}?next=/accounts/{path}"


def test_forms_refuse_a_request_without_the_csrf_token(alice: User) -> None:
    response = sign_in(Client(enforce_csrf_checks=True), "alice")
    assert response.status_code == 403
    assert "Please send it again" in response.content.decode()
