"""What outcomes mean for the webhook: asked to wait, switched off, paused, resumed."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from portal.accounts.actor import Actor
from portal.events.models import Event
from portal.kit.errors import Conflict
from repositories.webhooks import actions, circuit, deliveries, fanout, sending
from repositories.webhooks.models import Attempt, Delivery, Webhook
from repositories.webhooks.room import Room
from repositories.webhooks.sender import send_due
from tests.factories.webhooks import make_failing
from tests.system.receiver import Receiver, fail, status
from tests.webhooks.conftest import Push

State = Delivery.State
CI = "/ci?token=s3cret"


def states() -> dict[str, str]:
    return dict(Delivery.objects.order_by("id").values_list("summary", "state"))


def test_410_switches_the_webhook_off(hook: Webhook, delivery: Delivery, push: Push, receiver: Receiver) -> None:
    fanout.fan_out(push("later").pk)
    receiver.on(CI, status(410))
    send_due()
    hook.refresh_from_db()
    assert (hook.is_active, hook.disabled_by) == (False, Webhook.DisabledBy.RECEIVER)
    assert set(states().values()) == {State.FAILED}
    event = Event.objects.get(action="repo.webhook.disable")
    assert (event.actor_name, event.new["webhook"]) == ("system", hook.pk)
    assert fanout.fan_out(push("afterwards").pk) == 0


@pytest.mark.parametrize("code", [429, 503])
def test_a_receiver_that_asks_to_be_left_alone_is(
    code: int, hook: Webhook, delivery: Delivery, push: Push, receiver: Receiver
) -> None:
    receiver.on(CI, status(code, headers={"Retry-After": "120"}))
    send_due()
    receiver.on(CI, status(200))
    fanout.fan_out(push("another").pk)
    with time_machine.travel(timezone.now() + timedelta(seconds=110)):
        assert send_due() == 0
    with time_machine.travel(timezone.now() + timedelta(seconds=121)):
        assert send_due() == 2
    assert set(states().values()) == {State.DELIVERED}


def fail_for(hours: float, hook: Webhook, receiver: Receiver) -> None:
    receiver.on(CI, fail(10_000))
    send_due()
    Attempt.objects.all().delete()
    make_failing(hook, hours=hours)
    Delivery.objects.filter(state=State.WAITING).update(next_attempt_at=timezone.now())
    send_due()
    hook.refresh_from_db()


def test_a_day_of_failures_pauses_and_tells(
    hook: Webhook, delivery: Delivery, push: Push, receiver: Receiver, queued: list[Any], committed: Any
) -> None:
    fail_for(23, hook, receiver)
    assert hook.is_active
    with committed():
        fail_for(24, hook, receiver)
    assert hook.is_paused
    assert hook.paused_at is not None
    assert states() == {"latest": State.HELD}
    assert (circuit.MAIL_PAUSED, (hook.pk,)) in queued
    assert Event.objects.filter(action="repo.webhook.pause", new__webhook=hook.pk).count() == 1
    fanout.fan_out(push("meanwhile").pk)
    assert send_due() == 0
    assert states() == {"latest": State.HELD, "meanwhile": State.HELD}


def test_resuming_sends_what_was_missed_in_order(
    hook: Webhook, delivery: Delivery, push: Push, receiver: Receiver, as_alice: Actor
) -> None:
    fanout.fan_out(push("failed long before").pk)
    Delivery.objects.filter(summary="failed long before").update(
        state=State.FAILED, finished_at=timezone.now() - timedelta(days=5)
    )
    fail_for(24, hook, receiver)
    fanout.fan_out(push("meanwhile").pk)
    fanout.fan_out(push("failed").pk)
    Delivery.objects.filter(summary="failed").update(state=State.FAILED, finished_at=timezone.now())
    assert actions.resume(actor=as_alice, webhook=hook) == 3
    before = len(receiver.got(CI))
    receiver.on(CI, status(200))
    assert send_due() == 3
    assert [one.json["push_data"]["tag"] for one in receiver.got(CI)[before:]] == ["latest", "meanwhile", "failed"]
    assert states()["failed long before"] == State.FAILED
    hook.refresh_from_db()
    assert (hook.is_active, hook.disabled_by, hook.failing_since, hook.paused_at) == (True, "", None, None)
    with pytest.raises(Conflict, match="not paused"):
        actions.resume(actor=as_alice, webhook=hook)


def test_one_success_begins_the_day_anew(hook: Webhook, delivery: Delivery, push: Push, receiver: Receiver) -> None:
    fail_for(23, hook, receiver)
    receiver.on(CI, status(200))
    fanout.fan_out(push("works").pk)
    send_due()
    hook.refresh_from_db()
    assert (hook.failing_since, hook.is_active) == (None, True)


@pytest.mark.parametrize(("hours", "again"), [(3, 2), (0.01, 0)])
def test_a_receiver_that_is_back_gets_at_once_what_it_could_not_take(
    hours: float, again: int, hook: Webhook, push: Push, receiver: Receiver
) -> None:
    for tag in ("a", "b"):
        fanout.fan_out(push(tag).pk)
    fail_for(hours, hook, receiver)
    Delivery.objects.update(next_attempt_at=timezone.now() + timedelta(hours=5))
    receiver.on(CI, status(200))
    fanout.fan_out(push("c").pk)
    assert send_due() == 1 + again


def test_outcomes_of_many_are_written_together(hook: Webhook, push: Push, django_assert_max_num_queries: Any) -> None:
    for number in range(4):
        fanout.fan_out(push(str(number)).pk)
    claimed = deliveries.claim(Room())
    with django_assert_max_num_queries(2 + 4 + 4):
        deliveries.finish([(row, sending.Outcome(status=200)) for row in claimed])
    assert set(states().values()) == {State.DELIVERED}
