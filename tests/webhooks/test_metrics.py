"""What Prometheus scrapes."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from portal.accounts.models import User
from portal.events.models import Unread
from repositories.models import Repository
from repositories.webhooks.counting import count_attempts
from repositories.webhooks.models import Attempt, Webhook
from tests.factories.webhooks import make_delivery, make_webhook

pytestmark = pytest.mark.django_db
PATH = "/-/metrics"
TOKEN = "a-token-of-the-tests"


@pytest.fixture
def _open(settings: Any) -> None:
    settings.METRICS_TOKEN = TOKEN


def scrape(token: str = TOKEN) -> Any:
    return Client().get(PATH, headers={"Authorization": f"Bearer {token}"})


def samples() -> dict[tuple[str, str], float]:
    """(name, value of its label) -> value."""
    families = text_string_to_metric_families(scrape().content.decode())
    return {
        (sample.name, next(iter(sample.labels.values()), "")): sample.value
        for family in families
        for sample in family.samples
    }


def test_nothing_is_there_without_a_token_in_the_settings() -> None:
    assert scrape("").status_code == 404


@pytest.mark.usefixtures("_open")
@pytest.mark.parametrize("given", ["", "Bearer", "Bearer wrong", f"Basic {TOKEN}", f"Bearer {TOKEN}x", "Bearer é"])
def test_only_the_token_opens_it(given: str) -> None:
    answer = Client().get(PATH, headers={"Authorization": given})
    assert (answer.status_code, answer.content) == (401, b"")
    assert answer["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.usefixtures("_open")
def test_no_session_and_no_writing() -> None:
    assert Client().post(PATH, headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 405
    answer = scrape()
    assert (answer.status_code, answer["Cache-Control"], answer.cookies) == (200, "no-store", {})
    assert answer["Content-Type"].startswith("text/plain")


@pytest.mark.usefixtures("_open")
def test_the_numbers(alice: User, public_app: Repository) -> None:
    hook = make_webhook(alice, public_app)
    Webhook.objects.update(failing_since=timezone.now())
    Unread.objects.all().delete()  # of the repository's creation
    make_delivery(hook, duration_ms=40)
    make_delivery(hook, duration_ms=300, status=500)
    make_delivery(hook, state="waiting", duration_ms=300, status=500)
    Attempt.objects.update(started_at=timezone.now() - timedelta(minutes=1))
    count_attempts()
    told = samples()
    expected = {
        ("moorage_webhook_deliveries", "later"): 1,
        ("moorage_webhook_deliveries", "due"): 0,
        ("moorage_webhook_oldest_waiting_seconds", ""): 0,
        ("moorage_webhook_attempts_total", "delivered"): 1,
        ("moorage_webhook_attempts_total", "failed"): 2,
        ("moorage_webhook_attempt_duration_seconds_bucket", "0.025"): 0,
        ("moorage_webhook_attempt_duration_seconds_bucket", "0.05"): 1,
        ("moorage_webhook_attempt_duration_seconds_bucket", "0.5"): 3,
        ("moorage_webhook_attempt_duration_seconds_bucket", "+Inf"): 3,
        ("moorage_webhook_attempt_duration_seconds_sum", ""): 0.64,
        ("moorage_webhook_attempts_last_hour", ""): 3,
        ("moorage_webhooks", "failing"): 1,
        ("moorage_webhook_alert_oldest_seconds", ""): 60,
        ("moorage_webhook_alert_success_ratio", ""): 0.9,
    }
    assert {key: told[key] for key in expected} == expected
    assert told["moorage_webhook_success_ratio_last_hour", ""] == pytest.approx(1 / 3)
    assert "public-app" not in scrape().content.decode()
    assert hook.host not in scrape().content.decode()


@pytest.mark.usefixtures("_open")
def test_no_rate_of_nothing() -> None:
    told = samples()
    assert ("moorage_webhook_success_ratio_last_hour", "") not in told
    assert told["moorage_webhook_attempts_total", "delivered"] == 0
