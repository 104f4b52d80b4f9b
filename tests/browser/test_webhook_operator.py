"""The operators' page of webhooks in a real browser: axe, phone, dark, without script, live."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import BrowserContext, expect

from portal.accounts.models import User
from portal.events.models import Unread
from repositories.models import Repository
from repositories.webhooks.counting import count_attempts
from repositories.webhooks.models import Attempt, Count, Delivery, Webhook
from tests import factories
from tests.browser.test_repository import base, cookies
from tests.factories.sync import make_operator
from tests.factories.webhooks import make_delivery, make_webhook

__all__ = ["base"]

pytestmark = pytest.mark.django_db(transaction=True)
Open = Callable[..., BrowserContext]
PAGE = "/registry/webhooks"


@pytest.fixture
def olga(db: None) -> User:
    return make_operator()


def make_minutes(count: int) -> None:
    now = timezone.now().replace(second=0, microsecond=0)
    for number in range(3, count):  # those before are counted
        Count.objects.create(
            span="minute",
            at=now - timedelta(minutes=number),
            delivered=40 + number * 7 % 30,
            failed=number % 9 if number % 4 else 0,
        )


@pytest.fixture
def trouble(alice: User, public_app: Repository) -> Webhook:
    """Webhooks in every sort of trouble, hosts, an hour of attempts, and a queue that stands still."""
    now = timezone.now()
    names = ("ci.example.com", "hooks.slack.com", "deploy.internal.example.org")
    for number, host in enumerate(names):
        hook = make_webhook(alice, factories.make_repository(alice, f"service-{number}"), f"Deploy {number}")
        state: dict[str, Any] = {"failing_since": now - timedelta(hours=30 - number)}
        if number:
            by = "failing" if number == 1 else "receiver"
            state |= {"is_active": False, "disabled_by": by, "paused_at": now - timedelta(hours=6)}
        Webhook.objects.filter(pk=hook.pk).update(host=host, **state)
        make_delivery(hook, state="held" if number == 1 else "failed", status=503, duration_ms=900 * number + 30)
    hook = make_webhook(alice, public_app)
    make_delivery(hook, state="waiting", status=500)
    Delivery.objects.filter(webhook=hook).update(next_attempt_at=now - timedelta(minutes=7))
    for number in range(30):
        make_delivery(hook, status=500 if number % 4 == 0 else 200, duration_ms=20 + number)
    Attempt.objects.update(started_at=now - timedelta(minutes=1))
    count_attempts()
    Unread.objects.all().delete()
    make_minutes(60)
    return hook


def test_in_light_and_dark_on_a_screen_and_on_a_phone(
    base: str, trouble: Webhook, olga: User, inspect: Callable[..., None]
) -> None:
    inspect(base, [PAGE], cookies(olga, base))


def test_before_there_is_a_webhook(base: str, olga: User, inspect: Callable[..., None]) -> None:
    inspect(base, [PAGE], cookies(olga, base))


@pytest.mark.parametrize("script", [True, False])
def test_what_stands_still_is_said(
    base: str, trouble: Webhook, olga: User, open_context: Open, *, script: bool
) -> None:
    context = open_context(java_script_enabled=script)
    context.add_cookies(cookies(olga, base))  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(f"{base}/registry/")
    page.get_by_role("navigation", name="Registry").get_by_role("link", name="Webhooks").click()
    expect(page.get_by_text("has waited 7 minutes for a worker")).to_be_visible()
    expect(page.get_by_text("deploy.internal.example.org").first).to_be_visible()


def test_the_page_follows_by_itself(base: str, trouble: Webhook, olga: User, open_context: Open) -> None:
    context = open_context()
    context.add_cookies(cookies(olga, base))  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(f"{base}{PAGE}")
    expect(page.get_by_text("has waited 7 minutes for a worker")).to_be_visible()
    Delivery.objects.filter(state="waiting").update(state="delivered", finished_at=timezone.now())
    expect(page.get_by_text("for a worker; the limit")).to_have_count(0, timeout=15_000)
    expect(page.get_by_text("nothing waits")).to_be_visible()
