"""Every text of the pages that share goes through gettext."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from orgs.models import Organization, Team
from portal.accounts.models import User
from repositories.models import Grant
from tests.conftest import signed_in
from tests.grants.conftest import make
from tests.grants.test_sharing_actions import READ, WRITE, give, share
from tests.web.brackets import speak_brackets, untranslated

NAMES = ("acme", "alice", "bob", "carol", "dave", "olivia", "image-admins", "image-users", "payments/*", "shop", "api")
OTHERS = ("payments", "private-app", "coming", "testserver", "UTC", "*", "://")


def said(response: object) -> list[str]:
    assert hasattr(response, "content")
    return untranslated(response.content.decode(), *NAMES, *OTHERS)


@pytest.fixture
def full(acme: Organization, alice: User, carol: User, dave: User, admins: Team, users: Team) -> None:
    api = make(alice, "api")
    make(alice, "shop", visibility="public")
    give(acme, alice, admins, "api", WRITE)
    give(acme, alice, users, "payments/*", READ)
    give(acme, alice, users, "coming", READ)
    give(acme, alice, users, "*", READ)
    share(api, alice, dave, READ, expires_at=timezone.now() + timedelta(days=1))
    share(api, alice, carol, READ)
    Grant.objects.filter(user=dave).update(expires_at=timezone.now() - timedelta(days=1))


@pytest.mark.parametrize(
    "path",
    [
        "/acme/api/-/access",
        "/acme/-/teams/image-users/repositories",
        "/acme/-/teams/image-admins/repositories",
        "/acme/-/teams/image-users",
        "/acme/-/access",
        "/acme/-/access?new=A*",
        "/acme/-/access?q=nothing",
        "/acme/api/-/settings",
        "/new?namespace=acme",
    ],
)
def test_pages_that_are_full(full: None, alices_client: Client, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    speak_brackets(monkeypatch)
    response = alices_client.get(path)
    assert response.status_code == 200
    assert [text for text in said(response) if text not in {"A", "nothing", "new"}] == []


def test_pages_that_are_empty(
    acme: Organization, alices_client: Client, private_app: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    speak_brackets(monkeypatch)
    for path in ("/alice/private-app/-/access", "/acme/-/access"):
        assert said(alices_client.get(path)) == []


def test_what_is_said_of_a_mistake_and_before_a_change(
    full: None, alices_client: Client, bob: User, dave: User, private_app: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    speak_brackets(monkeypatch)
    own = "/alice/private-app/-/access/collaborators"
    asked = alices_client.post(own, {"username": "bob", "role": "write"})
    assert said(asked) == []
    assert said(alices_client.post(own, {"username": "carola", "role": "write"})) == []
    seen = alices_client.post(
        "/acme/-/teams/image-admins/repositories", {"pattern": "*", "role": "admin", "preview": "1"}
    )
    assert said(seen) == []


def test_what_is_shared_with_me(acme: Organization, alice: User, dave: User, monkeypatch: pytest.MonkeyPatch) -> None:
    share(make(alice, "api"), alice, dave, WRITE)
    speak_brackets(monkeypatch)
    page = signed_in(dave).get("/")
    assert "⟦Shared with me⟧" in page.content.decode()
    assert [text for text in said(page) if "docker" not in text] == []
