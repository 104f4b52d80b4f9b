"""History, roll back, restore, copy and compare in a real browser: axe, phone, with and without script."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from playwright.sync_api import BrowserContext, expect
from pytest_django import Settings

from portal.accounts.models import User
from repositories.images import tag_actions
from repositories.images.models import Manifest
from repositories.images.reconcile import add
from repositories.images.untagging import record_lost, record_untagged
from repositories.models import Repository
from tests import factories
from tests.browser.conftest import axe
from tests.browser.test_repository import base, cookies
from tests.browser.test_story import FORM_CAME_BACK
from tests.factories import images, webhooks
from tests.real_registry import RealRegistry, running_registry

__all__ = ["base"]

pytestmark = pytest.mark.django_db(transaction=True)
Open = Callable[..., BrowserContext]
LONG = "2.0-a-name-that-is-rather-long-and-has-no-end-that-one-could-see"


@pytest.fixture
def registry(tmp_path: Path, settings: Settings) -> Iterator[RealRegistry]:
    with running_registry(tmp_path) as running:
        settings.REGISTRY_URL = running.url
        yield running


@pytest.fixture
def shop(alice: User, bob: User) -> Repository:
    """With every kind of row in its history."""
    row = factories.make_repository(alice, "shop/front", visibility="public")
    webhooks.make_webhook(alice, row)
    images.push_image(row, "1.0", by=alice, seed="one")
    new = images.push_image(row, "1.0", by=bob, seed="two")
    images.push_image(row, "1.0", by=bob, seed="two")
    images.push_index(row, LONG, by=alice)
    images.push_index(row, LONG, by=bob, seed="another")
    images.push_chart(row, "chart", by=alice)
    images.push_image(row, "found", by=None, seed="found", read=False)
    gone = images.push_image(row, "gone", by=alice, seed="gone")
    lost = images.push_image(row, "lost", by=alice, seed="lost")
    with transaction.atomic():
        record_untagged(repository_id=row.pk, tag="gone", digest=gone.digest, pusher=images.pusher(bob))
    record_lost(repository_id=row.pk, tag="lost", digest=lost.digest)
    Manifest.objects.filter(pk=lost.pk).update(missing_since=row.created_at)
    document = images.config()
    document["config"] |= {"User": "app", "Env": ["PATH=/bin"], "Labels": {"a.rather.long.label": "value " * 60}}
    Manifest.objects.filter(pk=new.pk).update(config=document)
    row.refresh_from_db()
    return row


def test_the_pages_in_light_and_dark_on_a_screen_and_on_a_phone(
    base: str, alice: User, shop: Repository, inspect: Callable[..., None]
) -> None:
    one = "/alice/shop/front/-"
    pages = [
        "history",
        "history?tag=1.0",
        "history?person=nobody",
        "history?action=eaten",
        "tags/gone",
        "tags/1.0/roll-back",
        "tags/chart/roll-back",
        "tags/gone/restore",
        "tags/lost/restore",
        f"tags/{LONG}/copy",
        "compare",
        "compare?to=1.0",
        "compare?from=1.0&to=1.0",
        f"compare?to={LONG}",
        "compare?from=found&to=chart",
    ]
    inspect(base, [f"{one}/{page}" for page in pages], cookies(alice, base))


@pytest.mark.parametrize("script", [True, False])
def test_a_tag_is_rolled_back_from_its_history(
    base: str,
    alice: User,
    private_app: Repository,
    registry: RealRegistry,
    open_context: Open,
    complaints: list[str],
    script: bool,
) -> None:
    name = private_app.full_name
    old, new = registry.hold(name, "1.0", text="old"), registry.hold(name, "2.0", text="new")
    for tag, digest in (("1.0", old), ("2.0", new)):
        add(private_app, digest, tag=tag)
    as_alice = factories.actor(alice)
    tag_actions.copy_tag(actor=as_alice, source=private_app, reference="2.0", repository=private_app, tag="1.0")
    page = _page(open_context, alice, base, script=script)
    page.goto(f"{base}/{name}/-/history?tag=1.0")
    page.get_by_role("link", name="Roll back to this").click()
    expect(page.get_by_role("heading", name="Roll back 1.0")).to_be_visible()
    assert registry.digest(name, "1.0") == new
    page.get_by_role("button", name="Roll back", exact=True).click()
    expect(page.get_by_text(f"1.0 is rolled back to {old[:19]}.")).to_be_visible()
    assert registry.digest(name, "1.0") == old

    page.goto(f"{base}/{name}/-/tags/1.0/copy")
    page.get_by_label("Tag", exact=True).fill("2.0")
    page.get_by_role("button", name="Copy", exact=True).click()
    expect(page.get_by_text("There is a tag 2.0 already")).to_be_visible()
    assert [text.partition(": ")[2] for text in complaints] == [FORM_CAME_BACK]
    complaints.clear()
    page.get_by_label("Tag", exact=True).fill("prod")
    page.get_by_role("button", name="Copy", exact=True).click()
    expect(page.get_by_text(f"1.0 is copied to {name}:prod.")).to_be_visible()
    assert registry.digest(name, "prod") == old


def _page(open_context: Open, user: User, base: str, *, script: bool = True) -> Any:
    context = open_context(java_script_enabled=script)
    context.add_cookies(cookies(user, base))  # type: ignore[arg-type]
    return context.new_page()


def test_the_history_is_filtered_as_one_chooses(base: str, alice: User, shop: Repository, open_context: Open) -> None:
    page = _page(open_context, alice, base)
    page.goto(f"{base}/alice/shop/front/-/history")
    page.get_by_label("What").select_option("deleted")
    expect(page.locator(".history-entry")).to_have_count(1)
    expect(page).to_have_url(f"{base}/alice/shop/front/-/history?tag=&action=deleted&person=")
    page.get_by_label("What").select_option("")
    page.get_by_label("Who").fill("bob")
    page.get_by_label("Who").press("Enter")
    expect(page.locator(".history-entry")).to_have_count(4)
    assert axe(page) == []
    page.get_by_role("link", name=re.compile(r"Compare\W+1\.0")).click()
    expect(page.get_by_text("A machine that has")).to_be_visible()
    page.get_by_role("combobox", name="From").fill("cha")
    expect(page.locator("#compare-tags option")).to_have_count(1)
    page.get_by_role("combobox", name="From").fill("chart")
    page.get_by_role("button", name="Compare").click()
    expect(page.get_by_text("These are two kinds of things: Artifact and Image.")).to_be_visible()
