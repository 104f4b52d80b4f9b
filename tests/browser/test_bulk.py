"""Many tags are chosen, deleted and brought back in a real browser, with a real registry behind."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone
from playwright.sync_api import BrowserContext, Page, expect

from portal.accounts.models import User
from repositories.deletion import bulk
from repositories.deletion.models import BulkDeletion
from repositories.images.models import Tag, TagPulls
from repositories.images.reconcile import add
from repositories.models import Repository
from tests.browser.conftest import axe
from tests.browser.test_repository import base, cookies
from tests.real_registry import RealRegistry, running_registry

__all__ = ["base"]

pytestmark = pytest.mark.django_db(transaction=True)
Open = Callable[..., BrowserContext]
NAME = "alice/private-app"
PAGE = f"/{NAME}/-/deletions"
BRANCHES = [f"pr-{number}" for number in range(1, 13)]


@pytest.fixture
def registry(tmp_path: Path, settings: object) -> Iterator[RealRegistry]:
    with running_registry(tmp_path) as running:
        settings.REGISTRY_URL = running.url  # type: ignore[attr-defined]
        yield running


@pytest.fixture
def app(private_app: Repository, registry: RealRegistry) -> Repository:
    """Twelve old branches, of which one is immutable and one has the image of `stable`."""
    for number, tag in enumerate([*BRANCHES, "stable"]):
        text = "pr-1" if tag == "stable" else tag
        add(private_app, registry.hold(NAME, tag, text=text), tag=tag)
        Tag.objects.filter(name=tag).update(pushed_at=timezone.now() - timedelta(days=90 - number))
    TagPulls.objects.create(repository=private_app, tag="stable", day=timezone.now().date(), count=1_234)
    Repository.objects.filter(pk=private_app.pk).update(
        immutability="matching", immutable_rules=["pr-12"], star_count=3
    )
    return private_app


def work() -> None:
    BulkDeletion.objects.filter(state="running").update(leased_until=timezone.now())
    bulk.sweep()


def test_from_the_filter_to_the_undoing(
    base: str, app: Repository, registry: RealRegistry, alice: User, open_context: Open
) -> None:
    context = open_context()
    context.add_cookies(cookies(alice, base))  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(base + PAGE)
    page.get_by_label("Name contains").fill("pr-")
    expect(page.locator(".bulk-found")).to_contain_text("12 tags match")
    page.get_by_role("button", name="Look at all 12 that match").click()
    expect(page.get_by_role("heading", name="Delete 11 tags?")).to_be_visible()
    expect(page.get_by_text("1 tag is immutable and is skipped")).to_be_visible()
    button = page.get_by_role("button", name="Delete 11 tags")
    expect(button).to_be_disabled()
    page.get_by_label(f"Type {NAME} to confirm").fill(NAME)
    button.click()
    expect(page.locator(".bulk-state")).to_contain_text("0 of 12 deleted")
    work()
    expect(page.locator(".bulk-state")).to_contain_text("11 of 12 deleted, 1 skipped")  # by itself
    expect(page.get_by_role("cell", name="It is immutable.")).to_be_visible()
    assert registry.tags(NAME) == ["pr-12", "stable"]
    assert axe(page) == []
    page.get_by_role("button", name="Bring all 11 back").click()
    expect(page.locator(".bulk-state")).to_contain_text("0 of 11 brought back")
    work()
    expect(page.locator(".bulk-state")).to_contain_text("11 of 11 brought back")
    assert registry.tags(NAME) == sorted([*BRANCHES, "stable"])


def chosen_by_hand(page: Page, *, script: bool) -> None:
    if script:
        page.get_by_label("Choose all on this page").check()
        expect(page.get_by_label("Choose pr-1", exact=True)).to_be_checked()
        page.get_by_label("Choose all on this page").uncheck()
    page.get_by_label("Choose pr-1", exact=True).check()
    page.get_by_label("Choose pr-3", exact=True).check()


@pytest.mark.parametrize("script", [True, False])
def test_tags_that_are_chosen_by_hand(
    base: str, app: Repository, registry: RealRegistry, alice: User, open_context: Open, script: bool
) -> None:
    context = open_context(java_script_enabled=script)
    context.add_cookies(cookies(alice, base))  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(base + PAGE)
    chosen_by_hand(page, script=script)
    page.get_by_role("button", name="Look at the chosen ones").click()
    expect(page.get_by_text("1 image loses its tag and stays")).to_be_visible()
    page.get_by_role("button", name="Delete 2 tags").click()
    expect(page.locator(".bulk-state")).to_contain_text("0 of 2 deleted")
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("2 tags were left as they are.")).to_be_visible()
    assert len(registry.tags(NAME)) == 13


def test_the_pages_in_light_and_dark_on_a_screen_and_on_a_phone(
    base: str, app: Repository, alice: User, inspect: Callable[..., None]
) -> None:
    inspect(base, [PAGE, f"{PAGE}?pattern=%28", f"/{NAME}/-/settings/delete"], cookies(alice, base))
