"""Every text of every page goes through gettext."""

import pytest
from django.test import Client

from portal.accounts.models import User
from repositories.models import Repository
from tests import factories
from tests.conftest import signed_in
from tests.web.brackets import speak_brackets, untranslated

NAMES = ("alice", "eve", "public-app", "private-app", "testserver", "CI of the shop")


def said(client: Client, path: str) -> list[str]:
    response = client.get(path)
    assert response.status_code in {200, 404}, path
    return untranslated(response.content.decode(), *NAMES)


def test_the_finder_finds() -> None:
    page = '<p title="Hello">⟦Sign <b>in</b>⟧ now</p><input placeholder="⟦Name⟧"><code>docker</code><b>alice</b>'
    assert untranslated(page, "alice") == ["Hello", "now"]


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/explore",
        "/search?q=nothing",
        "/no-such-name/nothing",
        "/accounts/login/",
        "/accounts/signup/",
        "/accounts/password/reset/",
        "/accounts/password/reset/done/",
        "/accounts/confirm-email/nonsense/",
        "/accounts/inactive/",
    ],
)
def test_pages_for_visitors(public_app: Repository, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    speak_brackets(monkeypatch)
    assert said(Client(), path) == []


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/accounts/tokens/",
        "/accounts/tokens/new/",
        "/accounts/profile/",
        "/accounts/namespace/",
        "/accounts/email/",
        "/accounts/password/change/",
        "/accounts/logout/",
    ],
)
@pytest.mark.parametrize("confirmed", [True, False], ids=["confirmed", "unconfirmed"])
def test_pages_for_users(alice: User, eve: User, monkeypatch: pytest.MonkeyPatch, path: str, confirmed: bool) -> None:
    factories.make_access_token(alice, label="CI of the shop")
    client = signed_in(alice if confirmed else eve)
    speak_brackets(monkeypatch)
    assert said(client, path) == []


def test_errors_of_forms(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    speak_brackets(monkeypatch)
    for form in (
        {"username": "Alice", "email": "alice@example.org", "password1": "short"},
        {"username": "alice", "email": "nonsense", "password1": ""},
        {"username": "admin", "email": "", "password1": "12345678"},
    ):
        page = Client().post("/accounts/signup/", form).content.decode()
        assert untranslated(page, *NAMES, "admin", "nonsense", "Alice") == []
    page = Client().post("/accounts/login/", {"login": "alice", "password": "wrong"}).content.decode()
    assert untranslated(page, *NAMES) == []
