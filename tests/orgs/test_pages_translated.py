"""Every text of the organization's pages goes through gettext."""

import pytest
from django.test import Client

from repositories.models import Grant
from tests import factories
from tests.conftest import signed_in
from tests.factories import orgs
from tests.orgs.conftest import Acme, make_robot
from tests.web.brackets import speak_brackets, untranslated

NAMES = ("alice", "bob", "oscar", "acme", "image-users", "admins", "eve", "They pull", "Kiel", "Acme Ltd.", "deploy")
WRITTEN = ("example.org", "https:", "payments", "*", "testserver", "ed", "·", "–", ",")


def said(client: Client, path: str, **data: str) -> list[str]:
    response = client.post(path, data) if data else client.get(path)
    assert response.status_code in {200, 409, 422}, path
    return untranslated(response.content.decode(), *NAMES, *WRITTEN)


@pytest.fixture
def full(acme: Acme, monkeypatch: pytest.MonkeyPatch) -> Acme:
    organization = acme.organization
    organization.full_name, organization.location, organization.link = "Acme Ltd.", "Kiel", "https://example.org"
    organization.save()
    orgs.make_team(organization, "admins")
    Grant.objects.create(namespace=organization.namespace, pattern="payments/*", team=acme.team, role=2)
    make_robot(acme, label="deploy", for_team=acme.team)
    return acme


@pytest.mark.parametrize(
    "path",
    [
        "/organizations",
        "/organizations/new",
        "/acme/-/members",
        "/acme/-/members?q=zzz",
        "/acme/-/members/bob",
        "/acme/-/members/alice",
        "/acme/-/members/bob/remove",
        "/acme/-/members/alice/remove",
        "/acme/-/teams",
        "/acme/-/teams?q=zzz",
        "/acme/-/teams/image-users",
        "/acme/-/teams/image-users?q=zzz",
        "/acme/-/teams/admins",
        "/acme/-/teams/image-users/edit",
        "/acme/-/teams/image-users/delete",
        "/acme/-/settings",
    ],
)
def test_pages(full: Acme, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    client = signed_in(full.alice)
    speak_brackets(monkeypatch)
    assert said(client, path) == []


@pytest.mark.parametrize(
    ("path", "data"),
    [
        ("/organizations/new", {"name": "Acme!"}),
        ("/acme/-/members/bob/role", {"role": "owner"}),
        ("/acme/-/members/bob/role", {"role": "editor"}),
        ("/acme/-/members/ed/role", {"role": "member"}),
        ("/acme/-/members/oscar/role", {"role": "member"}),
        ("/acme/-/members/alice/role", {"role": "member"}),
        ("/acme/-/teams", {"name": "owners"}),
        ("/acme/-/teams/admins/members", {"member": "eve"}),
        ("/acme/-/settings", {"form": "profile", "link": "nonsense"}),
        ("/acme/-/settings", {"form": "defaults"}),
        ("/acme/-/settings/delete", {"typed_name": "nonsense"}),
    ],
)
def test_answers(full: Acme, monkeypatch: pytest.MonkeyPatch, path: str, data: dict[str, str]) -> None:
    client = signed_in(full.alice)
    speak_brackets(monkeypatch)
    assert said(client, path, **data) == []


def test_a_list_without_anything(alice: object, monkeypatch: pytest.MonkeyPatch) -> None:
    client = signed_in(factories.make_user("bob"))
    speak_brackets(monkeypatch)
    assert said(client, "/organizations") == []
