"""An address with a slash too many or too few leads to the page that it means."""

import pytest
from django.test import Client

from portal.accounts.models import User
from repositories.models import Repository


@pytest.mark.parametrize(
    ("asked", "meant"),
    [
        ("/admin", "/admin/"),
        ("/accounts/login", "/accounts/login/"),
        ("/accounts/login?next=/new", "/accounts/login/?next=/new"),
        ("/explore/", "/explore"),
        ("/alice/", "/alice"),
        ("/alice/public-app/", "/alice/public-app"),
        ("/alice/public-app/-/tags/?q=a&order=name", "/alice/public-app/-/tags?q=a&order=name"),
    ],
)
def test_a_slash_more_or_less_leads_to_the_page(public_app: Repository, asked: str, meant: str) -> None:
    response = Client().get(asked)
    assert (response.status_code, response.headers.get("Location")) == (301, meant)
    assert Client().get(meant).status_code in {200, 302}


def test_what_is_private_and_what_is_not_there_get_the_same_answer(private_app: Repository) -> None:
    for name in ("private-app", "nothing"):
        assert Client().get(f"/alice/{name}/")["Location"] == f"/alice/{name}"
        assert Client().get(f"/alice/{name}").status_code == 404


@pytest.mark.parametrize("path", ["/nobody", "/nobody/nothing/-/nothing", "/v2/nothing/", "/static/x"])
def test_what_fits_no_page_stays_not_found(db: None, path: str) -> None:
    assert Client().get(path).status_code == 404


def test_it_leads_to_no_other_host(db: None) -> None:
    assert Client().get("/", PATH_INFO="//evil.example.org/").status_code == 404


def test_it_never_goes_in_circles(alice: User, alices_client: Client) -> None:
    alice.is_staff = alice.is_superuser = True
    alice.save(update_fields=["is_staff", "is_superuser"])
    assert alices_client.get("/admin/nothing/at/all", follow=True).status_code == 404


def test_what_changes_something_is_not_redirected(alices_client: Client) -> None:
    assert alices_client.post("/new/").status_code == 404
