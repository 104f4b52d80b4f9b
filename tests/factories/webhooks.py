"""Webhooks and deliveries with attempts, without a worker."""

from datetime import timedelta
from typing import Any

from django.utils import timezone

from portal.accounts.models import User
from repositories.webhooks.access import Place
from repositories.webhooks.actions import create_webhook
from repositories.webhooks.circuit import TRIED_BEFORE_PAUSE
from repositories.webhooks.models import Attempt, Delivery, Webhook
from tests import factories

URL = "https://93.184.215.14/hooks/ci?token=s3cret"


def make_webhook(owner: User, place: Place, name: str = "CI of the shop") -> Webhook:
    return create_webhook(actor=factories.actor(owner), place=place, name=name, url=URL)


def make_delivery(webhook: Webhook, summary: str = "latest", *, state: str = "delivered", **attempt: Any) -> Delivery:
    """One with one attempt, made to order: `status=404`, `error=…`."""
    now = timezone.now()
    told: dict[str, Any] = {
        "status": 200,
        "duration_ms": 43,
        "timings": {"dns": 2, "connect": 9, "first_byte": 30},
        "request_url": "https://93.184.215.14/hooks/ci",
        "request_headers": {"Content-Type": "application/json", "Webhook-Id": "0123456789abcdef"},
        "response_headers": {"Content-Type": "application/json"},
        "response_body": '{"queued": true}',
    } | attempt
    open_ = state in {Delivery.State.WAITING, Delivery.State.SENDING}
    delivery = Delivery.objects.create(
        webhook=webhook,
        event_id=f"event{Delivery.objects.count()}",
        event_action="repo.tag.push",
        summary=summary,
        body=b'{"push_data": {"tag": "latest"}, "repository": {"repo_name": "alice/public-app"}}',
        state=state,
        attempt_count=1,
        next_attempt_at=now + timedelta(minutes=5) if open_ else None,
        finished_at=None if open_ else now,
        last_status=told["status"],
        last_error=told.get("error", ""),
        last_duration_ms=told["duration_ms"],
    )
    Attempt.objects.create(delivery=delivery, number=1, started_at=now, **told)
    return delivery


def make_failing(webhook: Webhook, *, hours: float) -> None:
    """As if what it has had been tried in vain for so long."""
    since = timezone.now() - timedelta(hours=hours)
    Webhook.objects.filter(pk=webhook.pk).update(failing_since=since)
    delivery = webhook.deliveries.earliest("id")
    Attempt.objects.bulk_create(
        Attempt(delivery=delivery, number=number, started_at=since, status=500)
        for number in range(1000, 1000 + TRIED_BEFORE_PAUSE)
    )
