"""Every text of the pages of effective access goes through gettext."""

import pytest
from django.test import Client

from orgs.models import Organization, Team
from portal.accounts.models import User
from repositories.models import Grant, Repository
from tests import factories
from tests.conftest import signed_in
from tests.grants.test_effective_people import make_robot
from tests.grants.test_refused import refuse
from tests.web.brackets import speak_brackets, untranslated

pytestmark = pytest.mark.django_db
NAMES = (
    "alice",
    "olivia",
    "bob",
    "carol",
    "acme:ci",
    "acme",
    "image-users",
    "image-admins",
    "eve",
    "payments/*",
    "payments",
    "new",
)
WRITTEN = ("*", "·", "–", ",", "api", "docker", "pull", "push", "session", "dave", ":", "testserver")
PAGES = [
    "/acme/api/-/access/check?subject=carol&action=push",
    "/acme/api/-/access/check?subject=eve&action=push",
    "/acme/api/-/access/check?subject=acme:ci&action=publish",
    "/acme/-/check?subject=carol&action=push&repository=new",
    "/acme/-/check?subject=dave&action=create&repository=new",
    "/acme/-/check?subject=nobody&action=push&repository=new",
    "/acme/api/-/access/refused",
    "/acme/-/refused",
    "/acme/-/rules",
    "/acme/-/members/carol/access",
    "/acme/-/members/carol/access?q=zzz",
    "/acme/-/teams/image-users/access",
    "/accounts/access/",
]


@pytest.fixture
def full(acme: Organization, api: Repository, users: Team, admins: Team, dave: User, eve: User, carol: User) -> None:
    Grant.objects.create(namespace=acme.namespace, pattern="*", team=admins, role=Grant.Role.WRITE)
    Grant.objects.create(namespace=acme.namespace, pattern="payments/*", team=users, role=Grant.Role.WRITE)
    Grant.objects.create(namespace=acme.namespace, pattern="api", user=eve, role=Grant.Role.ADMIN)
    make_robot(acme, "ci", "pull", "push")
    refuse(factories.actor(carol), "acme/api", "push", count=2)


@pytest.mark.parametrize("path", PAGES)
def test_pages(full: None, alice: User, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    client = signed_in(alice)
    speak_brackets(monkeypatch)
    assert said(client.get(path)) == []


def test_people(full: None, alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    client = signed_in(alice)
    speak_brackets(monkeypatch)
    assert said(client.get("/acme/api/-/access/people", headers={"HX-Request": "true"})) == []


def test_questions(full: None, alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    client = signed_in(alice)
    speak_brackets(monkeypatch)
    rules = {"base_permission": "0", "who_creates": "owners", "who_publishes": "owners"}
    assert said(client.post("/acme/-/rules", rules)) == []
    assert said(client.post("/acme/api/-/settings/visibility", {"visibility": "public"})) == []
    assert said(client.post("/acme/-/teams/image-users/members/bob/preview")) == []


def said(response: object) -> list[str]:
    assert response.status_code in {200, 404}  # type: ignore[attr-defined]
    return untranslated(response.content.decode(), *NAMES, *WRITTEN)  # type: ignore[attr-defined]


def test_the_client_is_the_owners(full: None) -> None:
    """What is read above are the pages themselves, not a refusal."""
    client = Client()
    client.force_login(User.objects.get(username="alice"))
    assert [client.get(path).status_code for path in PAGES] == [200] * len(PAGES)
