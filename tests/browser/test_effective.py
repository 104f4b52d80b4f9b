"""The pages of effective access in a browser: light, dark and on a phone."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.utils import timezone
from playwright.sync_api import BrowserContext

from orgs.models import MemberRole, Organization
from portal.accounts.models import User
from portal.events.record import record
from repositories.models import Grant
from tests import factories
from tests.factories.orgs import add_member, make_organization, make_team
from tests.grants.conftest import make
from tests.grants.test_effective_people import make_robot

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def acme(alice: User) -> Organization:
    """A bit of everything that the pages have to say."""
    organization = make_organization(alice)
    people = {name: factories.make_user(name) for name in ("bob", "carol", "olivia", "frank", "grace")}
    eve, dave = factories.make_user("eve", confirmed=False), factories.make_user("dave")
    add_member(organization, people["olivia"], MemberRole.EDITOR)
    for user in (*people.values(), eve):
        add_member(organization, user)
    admins, users = (
        make_team(organization, "image-admins", people["bob"]),
        make_team(organization, "image-users", people["carol"], eve),
    )
    for name in ("api", "payments/web", "payments/worker", "web"):
        make(alice, name, visibility="public" if name == "web" else "private")
    namespace = organization.namespace
    Grant.objects.create(namespace=namespace, pattern="*", team=admins, role=Grant.Role.WRITE)
    Grant.objects.create(namespace=namespace, pattern="payments/*", team=users, role=Grant.Role.WRITE)
    until = timezone.now() + timedelta(days=20)
    Grant.objects.create(namespace=namespace, pattern="api", user=dave, role=Grant.Role.READ, expires_at=until)
    Grant.objects.create(namespace=namespace, pattern="api", user=eve, role=Grant.Role.WRITE)
    make_robot(organization, "ci", "pull", "push", path="acme/api")
    User.objects.filter(username="frank").update(is_active=False)
    with transaction.atomic():
        for user, name, actions in (
            (people["carol"], "api", ["push"]),
            (dave, "api", ["push"]),
            (eve, "nope", ["pull"]),
        ):
            seen = factories.actor(user).seen_from(address="192.0.2.7", client="docker/28.2.1 go/go1.24.3 os/linux")
            new = {"actions": actions, "count": 3}
            record("repo.access_refused", actor=seen, namespace="acme", target=f"acme/{name}", new=new)
    return organization


PAGES = [
    "/acme/api/-/access",
    "/acme/web/-/access",
    "/acme/api/-/access/check?subject=carol&action=push",
    "/acme/-/check",
    "/acme/-/check?subject=carol&repository=payments%2Fnew&action=push",
    "/acme/-/check?subject=nobody&repository=api&action=push",
    "/acme/api/-/access/refused",
    "/acme/-/refused",
    "/acme/payments/web/-/access/refused",
    "/acme/-/rules",
    "/acme/-/members/carol/access",
    "/acme/-/members/carol",
    "/acme/-/members/carol/remove",
    "/acme/-/teams/image-users/access",
    "/accounts/access/",
]


def cookies(user: User) -> list[dict[str, Any]]:
    client = Client()
    client.force_login(user)
    return [{"name": "sessionid", "value": client.cookies["sessionid"].value, "domain": "localhost", "path": "/"}]


def test_the_pages_in_every_view(
    live_server: Any, inspect: Callable[..., None], acme: Organization, alice: User
) -> None:
    inspect(live_server.url, PAGES, cookies(alice))


def test_a_base_permission_is_shown_before_it_is_saved(
    live_server: Any, open_context: Callable[..., BrowserContext], acme: Organization, alice: User
) -> None:
    context = open_context(viewport={"width": 1440, "height": 900})
    context.add_cookies(cookies(alice))  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(f"{live_server.url}/acme/-/rules")
    page.get_by_label("Nothing").check()
    page.get_by_role("button", name="Save the rules").click()
    page.get_by_role("heading", name="Lose").wait_for()
    assert page.get_by_text("grace").count()
    page.get_by_role("button", name="Save the rules").click()
    page.get_by_text("The rules are saved.").wait_for()


def test_people_are_found_while_one_types(
    live_server: Any, open_context: Callable[..., BrowserContext], acme: Organization, alice: User
) -> None:
    context = open_context(viewport={"width": 1440, "height": 900})
    context.add_cookies(cookies(alice))  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(f"{live_server.url}/acme/api/-/access")
    page.get_by_label("Find a person or access token").fill("carol")
    page.locator("#people").get_by_role("link", name="grace", exact=True).wait_for(state="detached")
    assert page.locator("#people").get_by_role("link", name="carol", exact=True).count() == 1
