"""The list of tags in a real browser: axe, phone, filters that follow what one types, heads that sort."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone
from playwright.sync_api import BrowserContext, Page, expect

from portal.accounts.models import User
from repositories.images import pulls
from repositories.images.models import Tag
from repositories.models import Immutability, Repository
from tests import factories
from tests.browser.test_repository import cookies
from tests.factories import images

pytestmark = pytest.mark.django_db(transaction=True)
Open = Callable[..., BrowserContext]
PATH = "/alice/shop/-/tags"
VERSIONS = ("1.9.0", "1.10.0", "2.0.0-rc1", "2.0.0", "latest")
LONG = "a-very-long-branch-name-" * 5


@pytest.fixture
def base(live_server: Any) -> str:
    return str(live_server.url)


@pytest.fixture
def shop(alice: User, bob: User) -> Repository:
    """Versions, one of them moved; some pulled, some immutable, one for two platforms, one nobody saw coming."""
    row = factories.make_repository(alice, "shop", visibility="public")
    for number, name in enumerate(VERSIONS):
        images.push_image(row, name, by=(alice, bob)[number % 2], seed=name)
        Tag.objects.filter(name=name).update(pushed_at=timezone.now() - timedelta(days=20 - number))
    images.push_image(row, "latest", by=bob, seed="2.0.0")
    images.push_index(row, "multi", by=alice)
    images.push_image(row, LONG, by=None, seed=LONG)
    images.push_image(row, f"sha256-{'a' * 64}.sig", by=alice, seed="signature")
    row.immutability, row.immutable_rules = Immutability.MATCHING, ["[0-9.]+"]
    row.save(update_fields=["immutability", "immutable_rules"])
    told = [
        pulls.Pull(row.full_name, tag, "", timezone.now() - timedelta(days=day, minutes=5))
        for tag, every in (("latest", 1), ("2.0.0", 3), ("multi", 29))
        for day in range(0, 30, every)
        for _number in range(1 + day * 7 % 11)
    ]
    with transaction.atomic():
        pulls.count_pulls(told)
    return row


def names(page: Page) -> list[str]:
    return page.locator(".tag-name a").all_inner_texts()


def test_looks_well_everywhere(
    shop: Repository, base: str, alice: User, open_context: Open, inspect: Callable[..., None]
) -> None:
    paths = [PATH, f"{PATH}?order=version&kind=image&platform=linux%2Famd64&attached=1", f"{PATH}?q=nothing"]
    inspect(base, paths, cookies(alice, base))


def test_follows_what_one_types_and_chooses(shop: Repository, base: str, open_context: Open) -> None:
    page = open_context().new_page()
    page.goto(base + PATH)
    page.get_by_label("Find a tag by name").fill("0.0")
    expect(page.locator(".tag-name a")).to_have_text(["2.0.0", "2.0.0-rc1", "1.10.0"])
    expect(page).to_have_url(re.compile("q=0.0"))
    page.get_by_label("Order").select_option("Lowest version first")
    expect(page.locator(".tag-name a")).to_have_text(["1.10.0", "2.0.0-rc1", "2.0.0"])
    page.get_by_role("link", name="Tag").and_(page.locator(".sort")).click()
    expect(page.locator(".tag-name a")).to_have_text(["1.10.0", "2.0.0", "2.0.0-rc1"])
    expect(page.locator("th[aria-sort=ascending]")).to_have_count(1)
    expect(page.get_by_label("Order")).to_have_value("name")


def test_works_without_script(shop: Repository, base: str, open_context: Open) -> None:
    page = open_context(java_script_enabled=False).new_page()
    page.goto(base + PATH)
    page.get_by_label("Kind").select_option("Multi-platform image")
    page.get_by_role("button", name="Filter").click()
    assert names(page) == ["multi"]
    page.goto(f"{base}{PATH}?q=sha256")
    page.get_by_label("Signatures and attestations").check()
    page.get_by_role("button", name="Filter").click()
    assert names(page) == [f"sha256-{'a' * 64}.sig"]
