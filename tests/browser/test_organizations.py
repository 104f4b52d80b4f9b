"""Organizations, members and teams in a real browser: every page by axe, and what changes with and without a script."""

from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import BrowserContext, Page, expect

from orgs.models import MemberRole, Membership, Organization, Team
from portal.accounts.models import User
from repositories.models import Grant, Repository, Visibility
from tests import factories
from tests.browser.test_accounts import cookies
from tests.conftest import signed_in
from tests.factories.orgs import add_member, make_organization, make_team

pytestmark = pytest.mark.django_db(transaction=True)
Open = Callable[..., BrowserContext]
LONG = "somebody-with-a-very-long-name-of-39-ch"


@pytest.fixture
def base(live_server: Any) -> str:
    return str(live_server.url)


@pytest.fixture
def acme(alice: User, bob: User) -> Organization:
    """Names of the greatest length, somebody in many teams, somebody who was never here."""
    organization = make_organization(alice, full_name="Acme Ltd.", link="https://acme.example.org", location="Kiel")
    long = factories.make_user(LONG)
    User.objects.filter(pk=long.pk).update(full_name="Somebody With A Very Long Name " * 3, last_seen_at=timezone.now())
    add_member(organization, bob, MemberRole.EDITOR)
    add_member(organization, long)
    for name in ("image-admins", "image-users", "payments", "a-team-with-the-longest-name-40-chars-ok"):
        make_team(organization, name, bob, description="They look after what the others push, day and night")
    make_team(organization, "nobody-in-it")
    Grant.objects.create(namespace=organization.namespace, pattern="payments/*", team=Team.objects.first(), role=2)
    return organization


def opened(context: BrowserContext, base: str, user: User, path: str) -> Page:
    context.add_cookies(cookies(signed_in(user), base))  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(base + path)
    return page


def test_pages_of_an_owner(base: str, acme: Organization, alice: User, inspect: Callable[..., None]) -> None:
    namespace = acme.namespace
    Repository.objects.create(namespace=namespace, name="web", full_name="acme/web", visibility=Visibility.PUBLIC)
    paths = [
        "/organizations",
        "/organizations/new",
        "/acme",
        "/acme/-/members",
        "/acme/-/members?q=none",
        "/acme/-/members/bob",
        "/acme/-/members/bob/remove",
        "/acme/-/members/alice/remove",
        "/acme/-/teams",
        "/acme/-/teams?q=none",
        "/acme/-/teams/image-admins",
        "/acme/-/teams/nobody-in-it",
        "/acme/-/teams/image-admins/edit",
        "/acme/-/teams/image-admins/delete",
        "/acme/-/settings",
    ]
    inspect(base, paths, cookies(signed_in(alice), base))


def test_pages_of_others(base: str, acme: Organization, bob: User, charlie: User, inspect: Callable[..., None]) -> None:
    inspect(base, ["/acme", "/acme/-/members", "/acme/-/settings"], cookies(signed_in(bob), base))
    Repository.objects.create(namespace=acme.namespace, name="web", full_name="acme/web", visibility=Visibility.PUBLIC)
    inspect(base, ["/organizations", "/acme"], cookies(signed_in(charlie), base))


@pytest.mark.parametrize("script", [True, False])
def test_a_role_is_changed_where_it_stands(
    base: str, acme: Organization, alice: User, open_context: Open, script: bool
) -> None:
    page = opened(open_context(java_script_enabled=script), base, alice, "/acme/-/members")
    row = page.get_by_role("row").filter(has_text="bob")
    expect(row.get_by_role("button", name="Save")).to_be_hidden()
    row.get_by_label("Role of bob").select_option("member")
    row.get_by_role("button", name="Save").click()
    expect(page.get_by_text("what its base permission says")).to_be_visible()
    page.get_by_role("button", name="Change the role").click()
    expect(page.get_by_text("bob is Member now.")).to_be_visible()
    assert Membership.objects.get(user__username="bob").role == MemberRole.MEMBER
    row.get_by_label("Role of bob").select_option("owner")
    row.get_by_role("button", name="Save").click()
    expect(page.get_by_text("An owner may do everything in acme")).to_be_visible()
    page.get_by_role("button", name="Change the role").click()
    expect(page.get_by_text("bob is Owner now.")).to_be_visible()
    assert Membership.objects.get(user__username="bob").role == MemberRole.OWNER


def test_members_are_found_while_one_types(base: str, acme: Organization, alice: User, open_context: Open) -> None:
    page = opened(open_context(), base, alice, "/acme/-/members")
    page.get_by_label("Find a member by name").press_sequentially("somebody")
    expect(page.get_by_role("heading", name="1 member")).to_be_visible()
    assert "q=somebody" in page.url
    page.get_by_label("Find a member by name").fill("")
    expect(page.get_by_role("heading", name="3 members")).to_be_visible()


@pytest.mark.parametrize("script", [True, False])
def test_a_team_is_made_filled_and_deleted(
    base: str, acme: Organization, alice: User, open_context: Open, script: bool
) -> None:
    page = opened(open_context(java_script_enabled=script), base, alice, "/acme/-/teams")
    page.get_by_label("Name", exact=True).fill("deployers")
    page.get_by_role("button", name="Create team").click()
    page.get_by_label("Username").fill("bob")
    page.get_by_role("button", name="Add to the team").click()
    expect(page.get_by_text("bob is in deployers now.")).to_be_visible()
    page.get_by_role("button", name="Take bob out of deployers").click()
    expect(page.get_by_text("Nobody in it yet")).to_be_visible()
    page.get_by_role("link", name="Delete").click()
    page.get_by_role("button", name="Delete the team").click()
    expect(page.get_by_text("The team deployers is deleted.")).to_be_visible()
    assert not Team.objects.filter(name="deployers").exists()


@pytest.mark.parametrize("script", [True, False])
def test_an_organization_is_deleted_by_its_name(
    base: str, acme: Organization, alice: User, open_context: Open, script: bool
) -> None:
    page = opened(open_context(java_script_enabled=script), base, alice, "/acme/-/settings")
    page.get_by_role("button", name="Delete organization").click()
    page.get_by_label("Type acme to confirm").fill("acme")
    page.get_by_role("button", name="Delete this organization").click()
    expect(page.get_by_text("acme is deleted. Nobody else can take its name.")).to_be_visible()
    assert not Organization.objects.exists()
