"""The pages that share in a real browser: axe, phone, keyboard, without script."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import BrowserContext, expect

from orgs.models import Organization
from portal.accounts.models import User
from repositories.models import Grant
from tests import factories
from tests.browser.conftest import axe
from tests.browser.test_repository import base, cookies
from tests.factories.orgs import add_member, make_organization, make_team
from tests.grants.conftest import make
from tests.grants.test_sharing_actions import READ, WRITE, give, share

__all__ = ["base"]

pytestmark = pytest.mark.django_db(transaction=True)
Open = Callable[..., BrowserContext]


@pytest.fixture
def acme(alice: User, bob: User, charlie: User) -> Organization:
    """With more teams than fit a page of the matrix, and one of each kind of row."""
    organization = make_organization(alice, full_name="Acme Ltd")
    add_member(organization, bob)
    names = (
        "image-admins",
        "image-users",
        "payments",
        "platform",
        "release-engineering",
        "security",
        "shop",
        "web",
        "zoo",
    )
    teams = [make_team(organization, name, bob) for name in names]
    api = make(alice, "api")
    make(alice, "payments/worker-with-a-rather-long-name-that-has-to-break")
    make(alice, "front", visibility="public")
    give(organization, alice, teams[0], "api", WRITE)
    give(organization, alice, teams[0], "payments/*", WRITE)
    give(organization, alice, teams[1], "*", READ)
    give(organization, alice, teams[1], "coming", READ)
    share(api, alice, bob, WRITE)
    share(api, alice, charlie, READ, expires_at=timezone.now() + timedelta(days=9))
    share(api, alice, factories.make_user("dave"), READ, expires_at=timezone.now() + timedelta(days=1))
    Grant.objects.filter(user__username="dave").update(expires_at=timezone.now() - timedelta(days=1))
    return organization


def test_the_pages_in_light_and_dark_on_a_screen_and_on_a_phone(
    base: str, acme: Organization, alice: User, inspect: Callable[..., None]
) -> None:
    paths = ["/acme/api/-/access", "/acme/-/teams/image-users/repositories", "/acme/-/access", "/new?namespace=acme"]
    inspect(base, paths, cookies(alice, base))


@pytest.mark.parametrize("script", [True, False])
def test_the_matrix_is_edited_and_saved_by_keyboard_with_and_without_script(
    base: str, acme: Organization, alice: User, open_context: Open, script: bool
) -> None:
    context = open_context(java_script_enabled=script)
    context.add_cookies(cookies(alice, base))  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(f"{base}/acme/-/access")
    cell = page.get_by_label("image-users on api", exact=True)
    cell.focus()
    page.keyboard.press("w")
    page.keyboard.press("Enter" if not script else "Tab")
    expect(cell).to_have_value("write")
    page.get_by_role("button", name="Save changes").press("Enter")
    expect(page.get_by_text("1 change is saved.")).to_be_visible()
    assert Grant.objects.get(team__name="image-users", pattern="api").role == WRITE


def test_somebody_outside_is_asked_about_and_then_shared_with(
    base: str, alice: User, charlie: User, open_context: Open
) -> None:
    factories.make_repository(alice, "mine")
    context = open_context()
    context.add_cookies(cookies(alice, base))  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(f"{base}/alice/mine/-/access")
    page.get_by_label("Username").fill("charlie")
    page.get_by_role("button", name="Share").click()
    expect(page.get_by_role("heading", name="Share with charlie?")).to_be_visible()
    assert axe(page) == []
    page.get_by_role("button", name="Share").click()
    expect(page.get_by_text("charlie has the role Read on alice/mine")).to_be_visible()
    assert Grant.objects.get().user == charlie


def test_the_form_of_a_new_repository_follows_the_namespace(
    base: str, acme: Organization, alice: User, open_context: Open
) -> None:
    Organization.objects.update(default_visibility="public")
    context = open_context()
    context.add_cookies(cookies(alice, base))  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(f"{base}/new")
    expect(page.get_by_text("Only you can see, pull and push it")).to_be_visible()
    page.get_by_label("Name", exact=True).fill("kept")
    page.get_by_label("Namespace").select_option("acme")
    expect(page.get_by_text("Only who has access sees and pulls it")).to_be_visible()
    expect(page.locator('input[value="public"]')).to_be_checked()
    expect(page.get_by_label("Name", exact=True)).to_have_value("kept")


def test_the_names_of_repositories_are_offered_while_one_types(
    base: str, acme: Organization, alice: User, open_context: Open
) -> None:
    context = open_context()
    context.add_cookies(cookies(alice, base))  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(f"{base}/acme/-/teams/zoo/repositories")
    offered: list[Any] = page.locator("#repository-names option").evaluate_all("all => all.map(o => o.value)")
    assert offered == ["api", "front", "payments/worker-with-a-rather-long-name-that-has-to-break"]
