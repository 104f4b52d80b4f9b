"""Every text of the pages of access tokens goes through gettext."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from portal.accounts import limits
from portal.accounts.models import OrganizationAccessToken, PersonalAccessToken, User
from tests import factories
from tests.conftest import signed_in
from tests.factories.orgs import make_organization, make_team
from tests.factories.robots import make_robot
from tests.web.brackets import speak_brackets, untranslated

NAMES = ("alice", "acme", "deploy", "image-admins", "payments", "docker", "audit:read", "testserver", "pull", "push")
WRITTEN = ("*", "·", ":", ",", "/")
EVERYWHERE = "acme/payments/*: push\nacme: audit:read"


@pytest.fixture
def client(alice: User, monkeypatch: pytest.MonkeyPatch) -> Client:
    acme = make_organization(alice)
    make_team(acme, "image-admins", alice)
    make_robot(alice, acme, label="deploy", team="image-admins")
    used = {
        "limits": limits.from_lines(EVERYWHERE, []),
        "last_used_at": timezone.now(),
        "last_used_address": "203.0.113.7",
        "last_used_client": "docker/28.2.2",
    }
    OrganizationAccessToken.objects.update(
        **used, old_hash="0" * 64, old_hash_until=timezone.now() + timedelta(hours=2), is_active=False
    )
    factories.make_access_token(alice, label="deploy")
    PersonalAccessToken.objects.update(**used)
    found = signed_in(alice)
    speak_brackets(monkeypatch)
    return found


def said(client: Client, path: str, **data: object) -> list[str]:
    response = client.post(path, data) if data else client.get(path)
    assert response.status_code in {200, 201, 422}, path
    return untranslated(response.content.decode(), *NAMES, *WRITTEN)


def test_pages_of_personal_tokens(client: Client) -> None:
    token = PersonalAccessToken.objects.get()
    for path in ("/accounts/tokens/", "/accounts/tokens/new/", f"/accounts/tokens/{token.public_id}/delete/"):
        assert said(client, path) == []
    form = {"label": "deploy", "level": "limited", "places": EVERYWHERE}
    assert said(client, "/accounts/tokens/new/", **form, actions="push") == []
    assert said(client, "/accounts/tokens/new/", **form) == []


def test_pages_of_organization_tokens(client: Client) -> None:
    token = OrganizationAccessToken.objects.get()
    one = f"/acme/-/tokens/{token.public_id}"
    for path in ("/acme/-/tokens", "/acme/-/tokens/new", one):
        assert said(client, path) == []
    form = {"label": "payments", "places": "acme/payments/*", "actions": "push"}
    assert said(client, "/acme/-/tokens/new", **{**form, "places": "acme//"}) == []
    assert said(client, "/acme/-/tokens/new", **form) == []
    assert said(client, f"{one}/rotate", overlap="3600", expiry="keep") == []
    OrganizationAccessToken.objects.filter(pk=token.pk).update(expires_at=timezone.now(), limits=[])
    for path in ("/acme/-/tokens", one):
        assert said(client, path) == []
