"""The pages of a repository in a real browser: axe, phone, without script, live."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from playwright.sync_api import BrowserContext, Page, expect

from portal.accounts.models import User
from repositories.actions import add_comment, star_repository, update_description
from repositories.models import Repository
from tests import factories
from tests.browser.conftest import axe
from tests.factories import images, webhooks

pytestmark = pytest.mark.django_db(transaction=True)
Open = Callable[..., BrowserContext]
OVERVIEW = """# The shop

Serves the shop's **front end**. See [the handbook](https://example.org/handbook).

## Run it

```sh
docker run --rm -p 8080:8080 -e SHOP_DATABASE_URL=postgres://shop@db.internal.example.org/shop -e SHOP_MODE=demo shop
```

| Variable | Default | What it is |
|---|---|---|
| `SHOP_DATABASE_URL` | none | Where the orders are, as a URL |
| `SHOP_MODE` | `live` | `demo` fills in customers and orders |

- small
- quick
"""


@pytest.fixture
def base(live_server: Any) -> str:
    return str(live_server.url)


def cookies(user: User, base: str) -> list[dict[str, Any]]:
    client = Client()
    client.force_login(user)
    return [{"name": settings.SESSION_COOKIE_NAME, "value": client.cookies["sessionid"].value, "url": base}]


@pytest.fixture
def shop(alice: User, bob: User) -> Repository:
    """A repository with all there can be on its pages."""
    as_alice = factories.actor(alice)
    row = factories.make_repository(alice, "shop/front", visibility="public", description="The shop's front end")
    update_description(actor=as_alice, repository=row, full_description=OVERVIEW)
    images.push_image(row, "0.0.1", by=alice, seed="one")
    images.push_image(row, "latest", by=alice, seed="one")
    images.push_image(row, "latest", by=bob, seed="two")
    images.push_image(row, "latest", by=bob, seed="two")
    images.push_index(row, "2.0-multi-platform-with-a-name-that-is-long", by=alice)
    images.push_chart(row, "chart", by=alice)
    images.push_image(row, "found", by=None, seed="found", read=False)
    star_repository(actor=factories.actor(bob), repository=row)
    add_comment(actor=factories.actor(bob), repository=row, text="Works on my machine.\n\nThank you!")
    add_comment(actor=as_alice, repository=row, text="What a word: " + "x" * 200)
    row.refresh_from_db()
    return row


@pytest.fixture
def paths(alice: User, shop: Repository) -> list[str]:
    webhook = webhooks.make_webhook(alice, shop)
    refused = webhooks.make_delivery(webhook, "0.0.1", state="failed", status=404, response_body="<h1>no</h1>" * 20)
    waiting = webhooks.make_delivery(
        webhook, "2.0", state="waiting", status=None, error="No answer within 10 s.", response_headers={}
    )
    delivered = webhooks.make_delivery(webhook)
    one = f"/alice/shop/front/-/webhooks/{webhook.pk}"
    return [
        "/new",
        "/alice",
        "/alice?q=nothing",
        *(f"/alice/shop/front{page}" for page in ("", "/-/tags", "/-/tags?q=nothing", "/-/history", "/-/comments")),
        *(f"/alice/shop/front/-/tags/{tag}" for tag in ("latest", "2.0-multi-platform-with-a-name-that-is-long")),
        *(f"/alice/shop/front/-/tags/{tag}" for tag in ("chart", "found")),
        "/alice/shop/front/-/settings",
        "/alice/shop/front/-/webhooks",
        one,
        f"{one}/edit",
        *(f"{one}/deliveries/{delivery.public_id}" for delivery in (refused, waiting, delivered)),
    ]


def test_every_page_of_its_owner(base: str, alice: User, paths: list[str], inspect: Callable[..., None]) -> None:
    inspect(base, paths, cookies(alice, base))


def test_what_visitors_and_newcomers_see(
    base: str, alice: User, eve: User, shop: Repository, inspect: Callable[..., None]
) -> None:
    factories.make_repository(alice, "empty", visibility="public")
    shared = ["/alice", "/alice/shop/front", "/alice/shop/front/-/comments", "/alice/empty", "/alice/empty/-/tags"]
    inspect(base, shared)
    inspect(base, [*shared, "/new", "/eve"], cookies(eve, base))


def test_empty_pages_of_the_owner(base: str, alice: User, inspect: Callable[..., None]) -> None:
    factories.make_repository(alice, "empty")
    one = "/alice/empty"
    pages = [one, f"{one}/-/tags", f"{one}/-/history", f"{one}/-/comments", f"{one}/-/webhooks"]
    inspect(base, pages, cookies(alice, base))


@pytest.fixture
def page(base: str, alice: User, open_context: Open) -> Page:
    context = open_context()
    context.add_cookies(cookies(alice, base))  # type: ignore[arg-type]
    return context.new_page()


def test_a_push_shows_up_by_itself(base: str, alice: User, page: Page) -> None:
    row = factories.make_repository(alice, "app")
    page.goto(f"{base}/alice/app")
    expect(page.get_by_text("docker push")).to_be_visible()
    images.push_image(row, "latest", by=alice)
    expect(page.get_by_role("link", name="latest")).to_be_visible()
    expect(page.locator(".tabs").get_by_text("1", exact=True)).to_be_visible()
    expect(page.locator("#repository-meta")).to_have_text(re.compile("pushed just now"))
    expect(page.locator("#repository-pull code")).to_contain_text("docker pull")
    assert axe(page) == []
    page.locator(".tabs").get_by_role("link", name="Tags").click()
    images.push_image(row, "0.0.1", by=alice)
    expect(page.get_by_role("link", name="0.0.1")).to_be_visible()
    images.push_image(row, "latest", by=alice, seed="other")
    expect(page.get_by_text("moved from")).to_be_visible()


def test_what_a_task_has_read_shows_up_by_itself(base: str, alice: User, page: Page) -> None:
    row = factories.make_repository(alice, "app")
    images.push_image(row, "latest", by=alice, read=False)
    page.goto(f"{base}/alice/app/-/tags/latest")
    expect(page.get_by_text("being read…")).to_be_visible()
    images.push_image(row, "latest", by=alice)
    expect(page.locator("#tag-page").get_by_text("linux/amd64")).to_be_visible()
    expect(page.get_by_role("banner")).to_have_count(1)


def test_filtering_tags_changes_the_list_and_the_address(base: str, alice: User, page: Page) -> None:
    row = factories.make_repository(alice, "app")
    for tag in ("alpha", "beta"):
        images.push_image(row, tag, by=alice)
    page.goto(f"{base}/alice/app/-/tags")
    page.get_by_label("Find a tag by name").fill("alp")
    expect(page.get_by_role("link", name="beta")).to_have_count(0)
    expect(page).to_have_url(re.compile(r"/alice/app/-/tags\?q=alp&.*order=newest"))
    images.push_image(row, "alpine", by=alice)
    expect(page.get_by_role("link", name="alpine")).to_be_visible()  # the poll keeps the filter
    page.get_by_label("Order").select_option("name")
    expect(page).to_have_url(re.compile(r"/alice/app/-/tags\?q=alp&.*order=name$"))
    page.go_back()
    expect(page.get_by_role("banner")).to_be_visible()  # the page, not the part of it


def test_star_without_leaving_the_page(base: str, bob: User, shop: Repository, page: Page) -> None:
    page.goto(f"{base}/alice/shop/front")
    star = page.get_by_role("button", name="Star this repository")
    expect(star).to_have_attribute("aria-pressed", "false")
    star.focus()
    page.keyboard.press("Enter")
    expect(star).to_have_attribute("aria-pressed", "true")
    expect(star).to_be_focused()
    expect(star).to_contain_text("2")


def test_a_preview_without_saving(base: str, shop: Repository, page: Page) -> None:
    page.goto(f"{base}/alice/shop/front/-/settings")
    page.get_by_label("Overview").fill("## Quite *new*")
    page.get_by_role("button", name="Preview").click()
    expect(page.locator("#preview-body em")).to_have_text("new")
    page.reload()
    expect(page.get_by_label("Overview")).to_have_value(OVERVIEW.rstrip("\n") + "\n")


def test_on_a_phone_the_tab_of_the_page_is_in_sight(base: str, shop: Repository, page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{base}/alice/shop/front/-/settings")
    expect(page.get_by_role("link", name="Settings")).to_be_in_viewport()


def test_deleting_waits_for_the_name_and_the_dialog_is_accessible(base: str, shop: Repository, page: Page) -> None:
    page.goto(f"{base}/alice/shop/front/-/settings")
    page.get_by_role("button", name="Make private").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    assert axe(page) == []
    page.keyboard.press("Escape")
    page.get_by_role("link", name="Delete repository").click()
    confirm = page.get_by_role("button", name="Delete this repository")
    expect(confirm).to_be_disabled()
    page.get_by_label("Type alice/shop/front to confirm").fill("alice/shop/front")
    confirm.click()
    expect(page).to_have_url(f"{base}/alice")
    expect(page.get_by_text("alice/shop/front is deleted.")).to_be_visible()


def test_everything_works_without_script(base: str, alice: User, bob: User, shop: Repository, browser: Any) -> None:
    context = browser.new_context(java_script_enabled=False)
    context.set_default_timeout(10_000)
    context.add_cookies(cookies(alice, base))
    page = context.new_page()
    page.goto(f"{base}/alice/shop/front")
    page.get_by_role("button", name="Star this repository").click()
    expect(page.get_by_role("button", name="Star this repository")).to_have_attribute("aria-pressed", "true")
    page.locator(".tabs").get_by_role("link", name="Tags").click()
    page.get_by_label("Find a tag by name").fill("0.0")
    page.get_by_role("button", name="Filter").click()
    expect(page.get_by_role("link", name="chart")).to_have_count(0)
    page.locator(".tabs").get_by_role("link", name="Comments").click()
    page.get_by_label("Your comment").fill("Without script")
    page.get_by_role("button", name="Comment", exact=True).click()
    expect(page.get_by_text("Without script")).to_be_visible()
    page.get_by_role("button", name="Delete the comment of alice").first.click()
    page.get_by_role("button", name="Delete the comment", exact=True).click()
    expect(page.get_by_text("Without script")).to_have_count(0)
    page.locator(".tabs").get_by_role("link", name="Settings").click()
    page.get_by_role("button", name="Make private").click()
    page.get_by_role("button", name="Yes, make it private").click()
    expect(page.get_by_text("alice/shop/front is private now.")).to_be_visible()
    context.close()
