"""A clock that is set back: what was written before is in the future then."""

from datetime import timedelta

import time_machine
from django.utils import timezone

from repositories.webhooks import fanout
from repositories.webhooks.models import Delivery, Webhook
from repositories.webhooks.sender import send_due
from tests.system.receiver import Receiver, fail, status
from tests.webhooks.conftest import Push

AHEAD = timedelta(days=400)


def test_a_receiver_that_asked_to_be_left_alone_is_not_for_a_year(
    hook: Webhook, push: Push, receiver: Receiver
) -> None:
    receiver.on("/ci?token=s3cret", status(429, headers={"Retry-After": "60"}))
    with time_machine.travel(timezone.now() + AHEAD):
        fanout.fan_out(push("a").pk)
        assert send_due() == 1
    receiver.on("/ci?token=s3cret", status(200))
    fanout.fan_out(push("b").pk)
    assert send_due() == 1
    assert Delivery.objects.get(summary="b").state == Delivery.State.DELIVERED


def fail_once(receiver: Receiver, after: timedelta) -> None:
    receiver.on("/ci?token=s3cret", fail(99))
    with time_machine.travel(timezone.now() + after):
        Delivery.objects.update(next_attempt_at=timezone.now())
        assert send_due() == 1


def test_a_day_of_failures_is_a_day_and_not_a_year(hook: Webhook, push: Push, receiver: Receiver) -> None:
    Webhook.objects.update(failing_since=timezone.now() + AHEAD)
    fanout.fan_out(push("a").pk)
    for hours in range(0, 24, 3):
        fail_once(receiver, timedelta(hours=hours))
    assert not Webhook.objects.get().is_paused
    fail_once(receiver, timedelta(hours=25))
    assert Webhook.objects.get().is_paused


def test_a_clock_that_jumps_ahead_makes_no_day_of_failures_out_of_two(
    hook: Webhook, push: Push, receiver: Receiver
) -> None:
    fanout.fan_out(push("a").pk)
    fail_once(receiver, timedelta())
    fail_once(receiver, timedelta(days=3))
    assert not Webhook.objects.get().is_paused


def test_a_webhook_that_was_made_in_the_future_hears_of_what_happens_now(hook: Webhook, push: Push) -> None:
    Webhook.objects.update(created_at=timezone.now() + AHEAD)
    assert fanout.fan_out(push().pk) == 1
