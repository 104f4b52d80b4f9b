"""Access tokens of people and organizations in a real browser: by axe, and the form that shows what a choice needs."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import SESSION_KEY
from django.test import Client
from django.utils import timezone
from playwright.sync_api import BrowserContext, Page, expect

from orgs.actions import access_tokens
from portal.accounts import actions, limits
from portal.accounts.models import OrganizationAccessToken, PersonalAccessToken, User
from tests import factories
from tests.browser.conftest import axe
from tests.conftest import signed_in
from tests.factories.orgs import make_organization, make_team
from tests.factories.robots import make_robot

pytestmark = pytest.mark.django_db(transaction=True)
Open = Callable[..., BrowserContext]
DOCKER = "docker/28.2.2 go/go1.24.3 git-commit/45873be kernel/6.8 os/linux arch/amd64 UpstreamClient(Docker-Client/28)"


@pytest.fixture
def base(live_server: Any, settings: Any) -> str:
    settings.PUBLIC_URL = live_server.url
    return str(live_server.url)


def cookies(client: Client, base: str) -> list[dict[str, Any]]:
    assert client.session[SESSION_KEY]
    return [{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": base}]


@pytest.fixture
def token(alice: User) -> OrganizationAccessToken:
    """Acme's, which a team's grants and a rotation concern; beside others of every state, and Alice's own."""
    acme = make_organization(alice)
    make_team(acme, "image-admins", alice)
    seen = {"last_used_at": timezone.now(), "last_used_address": "203.0.113.7", "last_used_client": DOCKER}
    places = limits.from_lines("acme/payments/*: push\nacme/api: pull, webhooks\nacme: audit:read", [])
    as_alice = factories.actor(alice)
    actions.create_access_token(actor=as_alice, label="Jenkins, nightly builds", limits=places)
    factories.make_access_token(alice, label="laptop")
    PersonalAccessToken.objects.update(**seen)
    make_robot(alice, acme, label="cluster", path="acme/*")
    make_robot(alice, acme, label="retired", path="acme/web")
    OrganizationAccessToken.objects.update(**seen, is_active=False)
    OrganizationAccessToken.objects.filter(label="retired").update(expires_at=timezone.now() - timedelta(days=3))
    row, _secret = access_tokens.create_access_token(
        actor=as_alice, organization=acme, label="deploy", description="GitLab", limits=places, team="image-admins"
    )
    access_tokens.rotate_access_token(
        actor=as_alice, organization=acme, public_id=row.public_id, overlap=timedelta(days=1)
    )
    return row


def test_every_page_is_fit_for_everybody(
    base: str, alice: User, token: OrganizationAccessToken, inspect: Callable[..., None]
) -> None:
    retired = OrganizationAccessToken.objects.get(label="retired")
    personal = PersonalAccessToken.objects.get(label__startswith="Jenkins")
    paths = [
        "/accounts/tokens/",
        "/accounts/tokens/new/",
        f"/accounts/tokens/{personal.public_id}/delete/",
        "/acme/-/tokens",
        "/acme/-/tokens/new",
        f"/acme/-/tokens/{token.public_id}",
        f"/acme/-/tokens/{retired.public_id}",
        "/acme/-/teams/image-admins",
    ]
    inspect(base, paths, cookies(signed_in(alice), base))


@pytest.mark.parametrize("width", [1440, 390])
def test_a_limited_token_from_form_to_secret(base: str, alice: User, open_context: Open, width: int) -> None:
    page = open_page(open_context, base, alice, width)
    page.goto(f"{base}/accounts/tokens/new/")
    page.get_by_label("Label").fill("pipeline")
    expect(page.get_by_role("textbox", name="Where")).to_be_hidden()
    page.get_by_text("Limit this token").click()
    page.get_by_role("textbox", name="Where").fill("acme/api")
    page.get_by_label("Manage webhooks").check()
    page.get_by_role("button", name="Create token").click()
    expect(page.get_by_text("What it may do, and where")).to_be_visible()
    expect(page.get_by_text("manage webhooks")).to_be_visible()
    assert axe(page) == []


@pytest.mark.parametrize("width", [1440, 390])
def test_a_robot_from_form_to_rotation_to_the_end(base: str, alice: User, open_context: Open, width: int) -> None:
    make_organization(alice)
    page = open_page(open_context, base, alice, width)
    page.goto(f"{base}/acme/-/tokens")
    page.get_by_role("link", name="New access token").click()
    page.get_by_label("Label").fill("deploy")
    page.get_by_role("button", name="Create token").click()
    expect(page.get_by_text("docker login -u acme")).to_be_visible()
    assert axe(page) == []
    page.get_by_role("link", name="I have copied it").click()
    page.get_by_role("button", name="Make a new secret").click()
    expect(page.get_by_text("The secret of before is taken until")).to_be_visible()
    assert axe(page) == []
    page.get_by_role("link", name="I have copied it").click()
    page.get_by_role("button", name="Switch off").click()
    expect(page.get_by_text("is switched off")).to_be_visible()
    page.get_by_role("button", name="Delete token").first.click()
    page.get_by_role("dialog").get_by_role("textbox").fill("deploy")
    page.get_by_role("dialog").get_by_role("button", name="Delete token").click()
    expect(page.get_by_text("No access tokens yet")).to_be_visible()


def open_page(open_context: Open, base: str, user: User, width: int) -> Page:
    context = open_context(viewport={"width": width, "height": 900})
    context.add_cookies(cookies(signed_in(user), base))  # type: ignore[arg-type]
    return context.new_page()
