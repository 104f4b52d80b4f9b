"""The log of a webhook, deliveries and build statuses in a real browser: axe, phone, dark, without script, live."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import BrowserContext, Page, expect

from portal.accounts.models import User
from repositories.models import Repository
from repositories.webhooks.models import Attempt, BuildStatus, Delivery, Webhook
from tests import factories
from tests.browser.test_repository import base, cookies
from tests.factories import images, webhooks

__all__ = ["base"]

pytestmark = pytest.mark.django_db(transaction=True)
Open = Callable[..., BrowserContext]
PAGE = "/alice/shop/-/webhooks"


@pytest.fixture
def shop(alice: User) -> Repository:
    return factories.make_repository(alice, "shop")


@pytest.fixture
def hook(alice: User, shop: Repository) -> Webhook:
    return webhooks.make_webhook(alice, shop)


def make_log(hook: Webhook) -> dict[str, Delivery]:
    """One delivery of every kind."""
    made = {
        "delivered": webhooks.make_delivery(hook, "1.0"),
        "redirected": webhooks.make_delivery(
            hook, "1.1", state="failed", status=302, error="Redirects are not followed; this one leads to /login"
        ),
        "interrupted": webhooks.make_delivery(
            hook, "1.2", state="waiting", status=None, error="No answer within 10 s."
        ),
        "held": webhooks.make_delivery(hook, "1.3", state="held", status=500),
        "lost": webhooks.make_delivery(hook, "1.4", state="failed", status=None, error="No such host: ci.example"),
        "unmade": webhooks.make_delivery(hook, "1.5", state="failed", status=None, error="The template says: no tag"),
    }
    Attempt.objects.create(
        delivery=made["interrupted"],
        number=2,
        is_interrupted=True,
        error="The sending process ended before an answer was recorded. The receiver may have got it.",
    )
    Attempt.objects.create(
        delivery=made["delivered"],
        number=2,
        status=200,
        duration_ms=812,
        timings={"dns": 12, "connect": 40, "tls": 90, "first_byte": 600},
        address="93.184.215.14",
        request_url="https://93.184.215.14/hooks/ci",
        request_headers={"Content-Type": "application/json", "Authorization": "…", "Webhook-Id": "0123456789abcdef"},
        response_headers={"Content-Type": "application/json", "Set-Cookie": "…"},
        response_body='{"queued": true, "job": {"id": 17, "steps": ["build", "test"]}}',
        response_truncated=True,
    )
    Delivery.objects.filter(pk=made["unmade"].pk).update(body=b"", attempt_count=0)
    made["unmade"].attempts.all().delete()
    again = webhooks.make_delivery(hook, "1.1", state="waiting", status=503)
    Delivery.objects.filter(pk=again.pk).update(redelivery_of=made["redirected"])
    return made


def say(tag: str, digest: str, shop: Repository, context: str, state: str, **more: Any) -> None:
    BuildStatus.objects.create(repository=shop, tag=tag, digest=digest, context=context, state=state, **more)


@pytest.fixture
def page(base: str, alice: User, open_context: Open) -> Page:
    context = open_context(permissions=["clipboard-read", "clipboard-write"])
    context.add_cookies(cookies(alice, base))  # type: ignore[arg-type]
    return context.new_page()


def test_the_pages_in_light_and_dark_on_a_screen_and_on_a_phone(
    base: str, alice: User, shop: Repository, hook: Webhook, inspect: Callable[..., None]
) -> None:
    made = make_log(hook)
    empty = webhooks.make_webhook(alice, shop, "Nothing yet")
    paused = webhooks.make_webhook(alice, alice.namespace, "Paused")
    webhooks.make_delivery(paused, "1.0", state="held", status=500)
    Webhook.objects.filter(pk=paused.pk).update(
        is_active=False, disabled_by="failing", failing_since=timezone.now() - timedelta(days=1)
    )
    manifest = images.push_image(shop, "1.0", by=alice)
    say(
        "1.0",
        manifest.digest,
        shop,
        "ci/build",
        "success",
        description="All 387 tests passed.",
        target_url="https://ci",
    )
    say("1.0", manifest.digest, shop, "security scan of the night", "failure", description="2 findings")
    log = f"{PAGE}/{hook.pk}"
    paths = [
        log,
        f"{log}?state=failed",
        f"{log}?q=none",
        f"{log}?from=2026-02-02T10:00&to=2026-02-01T10:00",
        f"{log}/redeliver?q=1.",
        f"{PAGE}/{empty.pk}",
    ]
    paths += [f"/alice/-/webhooks/{paused.pk}", "/alice/shop/-/tags", "/alice/shop/-/tags/1.0"]
    paths += [f"{log}/deliveries/{row.public_id}" for row in made.values()]
    inspect(base, paths, cookies(alice, base))


def test_the_log_is_filtered_as_one_types_and_follows_by_itself(base: str, hook: Webhook, page: Page) -> None:
    make_log(hook)
    page.goto(f"{base}{PAGE}/{hook.pk}")
    expect(page.get_by_text("7 deliveries")).to_be_visible()
    page.get_by_label("State").select_option("Delivered")
    expect(page.get_by_text("1 delivery", exact=True)).to_be_visible()
    assert "state=delivered" in page.url
    webhooks.make_delivery(hook, "2.0")
    webhooks.make_delivery(hook, "2.1", state="failed")
    expect(page.get_by_role("link", name="2.0")).to_be_visible()
    expect(page.get_by_role("link", name="2.1")).to_have_count(0)
    page.get_by_role("link", name="Send all of these again").click()
    page.get_by_role("button", name="Send 2 deliveries again").click()
    expect(page.get_by_text("2 deliveries are being sent again.")).to_be_visible()


def test_without_a_script_a_button_filters(base: str, alice: User, hook: Webhook, open_context: Open) -> None:
    make_log(hook)
    context = open_context(java_script_enabled=False)
    context.add_cookies(cookies(alice, base))  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(f"{base}{PAGE}/{hook.pk}")
    page.get_by_label("Tag or repository").fill("1.4")
    page.get_by_role("button", name="Filter").click()
    expect(page.get_by_text("1 delivery", exact=True)).to_be_visible()
    page.get_by_role("link", name="1.4").click()
    expect(page.get_by_text("No such host: ci.example")).to_be_visible()


def test_a_delivery_follows_its_attempts_and_is_copied_as_curl(base: str, hook: Webhook, page: Page) -> None:
    row = webhooks.make_delivery(hook, "1.0", state="waiting", status=503)
    page.goto(f"{base}{PAGE}/{hook.pk}/deliveries/{row.public_id}")
    expect(page.get_by_text("The last attempt failed. Next try in 4 minutes.")).to_be_visible()
    page.get_by_role("button", name="Copy as curl").click()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith("# Set first: ")
    assert copied.endswith('--data-raw "$body"')
    Delivery.objects.update(state="delivered", last_status=200)
    Attempt.objects.create(delivery=row, number=2, status=200)
    expect(page.get_by_text("Attempt 2")).to_be_visible()


def test_a_build_status_arrives_while_one_looks(base: str, alice: User, shop: Repository, page: Page) -> None:
    manifest = images.push_image(shop, "1.0", by=alice)
    say("1.0", manifest.digest, shop, "ci/build", "pending")
    page.goto(f"{base}/alice/shop/-/tags/1.0")
    expect(page.get_by_role("heading", name="Build status")).to_be_visible()
    expect(page.get_by_text("Pending").first).to_be_visible()
    BuildStatus.objects.update(state="success", reported_at=timezone.now())
    expect(page.get_by_text("Success").first).to_be_visible()
