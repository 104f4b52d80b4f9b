"""Immutable tags and the archive in a real browser: axe, phone, live while one types, without script."""

from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, expect

from portal.accounts.models import User
from repositories.actions import archive_repository, protect_tags
from repositories.models import Repository
from tests import factories
from tests.browser.test_repository import base, cookies
from tests.factories import images

__all__ = ["base"]

pytestmark = pytest.mark.django_db(transaction=True)
Open = Callable[..., BrowserContext]
RULES, EXCEPTIONS = [r"\d+\.\d+\.\d+", "v.*"], [".*-dev"]


@pytest.fixture
def shop(alice: User) -> Repository:
    row = factories.make_repository(alice, "shop/front", visibility="public", description="The shop's front end")
    for name in ("1.0.0", "1.0.1", "1.1.0", "v2", "v2-dev", "latest", *(f"3.0.{n}" for n in range(9))):
        images.push_image(row, name, by=alice, seed=name)
    row.refresh_from_db()
    return row


def protect(shop: Repository, alice: User, mode: str) -> None:
    actor = factories.actor(alice)
    protect_tags(actor=actor, repository=shop, immutability=mode, rules=RULES, exceptions=EXCEPTIONS)


def test_pages_look_well(shop: Repository, alice: User, base: str, inspect: Callable[..., None]) -> None:
    inspect(base, ["/alice/shop/front/-/settings/tags"], cookies(alice, base))
    protect(shop, alice, "matching")
    inspect(base, ["/alice/shop/front/-/settings/tags"], cookies(alice, base))
    archive_repository(actor=factories.actor(alice), repository=shop)
    own = ["/alice/shop/front", "/alice/shop/front/-/settings", "/alice?state=archived"]
    inspect(base, own, cookies(alice, base))
    inspect(base, ["/alice/shop/front/-/comments"])


def test_shows_what_a_rule_covers_while_it_is_typed(
    shop: Repository, alice: User, base: str, open_context: Open
) -> None:
    context = open_context()
    context.add_cookies(cookies(alice, base))  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(f"{base}/alice/shop/front/-/settings/tags")
    coverage = page.locator("#coverage")
    expect(coverage).to_contain_text("No tag is immutable")
    expect(page.get_by_label("Rules")).not_to_be_visible()
    page.get_by_text("Tags that match a rule").click()
    page.get_by_label("Rules").fill("v.*\nv[")
    expect(coverage).to_contain_text("2 of 15 tags are immutable")
    expect(coverage).to_contain_text("missing ]")
    page.get_by_label("Exceptions").fill(".*-dev")
    expect(coverage).to_contain_text("1 of 15 tags are immutable")
    page.get_by_label("Rules").fill("v.*")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("What is immutable is saved.")).to_be_visible()
    shop.refresh_from_db()
    assert (shop.immutability, shop.immutable_rules, shop.immutable_exceptions) == ("matching", ["v.*"], [".*-dev"])


def test_works_without_script(shop: Repository, alice: User, base: str, open_context: Open) -> None:
    context = open_context(java_script_enabled=False)
    context.add_cookies(cookies(alice, base))  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(f"{base}/alice/shop/front/-/settings/tags")
    page.get_by_text("Tags that match a rule").click()
    page.get_by_label("Rules").fill("v.*")
    page.get_by_role("button", name="What it covers").click()
    expect(page.locator("#coverage")).to_contain_text("2 of 15 tags are immutable")
    shop.refresh_from_db()
    assert shop.immutability == "off"
    page.get_by_role("button", name="Save").click()
    shop.refresh_from_db()
    assert shop.immutability == "matching"


def test_archives_and_brings_back(shop: Repository, alice: User, base: str, open_context: Open) -> None:
    context = open_context()
    context.add_cookies(cookies(alice, base))  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(f"{base}/alice/shop/front/-/settings")
    page.get_by_role("button", name="Archive", exact=True).click()
    page.get_by_role("button", name="Yes, archive it").click()
    expect(page.get_by_text("is archived: it can be pulled")).to_be_visible()
    expect(page.get_by_role("heading", name="About")).not_to_be_visible()
    page.goto(f"{base}/alice/shop/front")
    page.get_by_role("link", name="Bring it back").click()
    page.get_by_role("button", name="Bring it back").click()
    expect(page.get_by_text("can be pushed and changed again")).to_be_visible()
    shop.refresh_from_db()
    assert not shop.is_archived
