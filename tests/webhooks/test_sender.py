"""What a worker process does: claims, sends on threads, writes what came of it."""

from collections.abc import Sequence
from datetime import timedelta

import pytest
import time_machine
from django.db import DataError, OperationalError
from django.utils import timezone

from deploy.embedded.supervisor import GRACE
from repositories.webhooks import deliveries, fanout, sender, sending, tasks
from repositories.webhooks.models import Attempt, Delivery, Webhook
from repositories.webhooks.room import MOST_PER_HOST, MOST_PER_WEBHOOK, Room
from repositories.webhooks.sender import send_due
from repositories.webhooks.sending import Outcome
from tests.system.receiver import Receiver
from tests.webhooks.conftest import Push

State = Delivery.State


def test_what_is_due_is_sent_and_told(hook: Webhook, delivery: Delivery, receiver: Receiver) -> None:
    assert send_due() == 1
    row = Delivery.objects.get()
    assert (row.state, row.attempt_count, row.last_status) == (State.DELIVERED, 1, 200)
    assert Attempt.objects.get().status == 200
    assert len(receiver.got("/ci?token=s3cret")) == 1


def test_a_host_and_a_webhook_have_their_limits() -> None:
    room = Room(most=100)
    assert [room.take(1, "a.example", failing=False) for _ in range(MOST_PER_WEBHOOK + 1)].count(
        True
    ) == MOST_PER_WEBHOOK
    others = [room.take(hook, "a.example", failing=False) for hook in range(2, 30)]
    assert others.count(True) == MOST_PER_HOST - MOST_PER_WEBHOOK
    assert room.take(99, "b.example", failing=False)
    assert room.full() == (["a.example"], [1])
    room.give(1, "a.example", failing=False)
    assert room.full() == ([], [])


def test_a_place_is_given_back_whatever_becomes_of_the_webhook_meanwhile(delivery: Delivery) -> None:
    room = Room(most=2)
    (claimed,) = deliveries.claim(room)
    claimed.webhook.failing_since, claimed.webhook.host = timezone.now(), "elsewhere.example"
    deliveries.give_room(room, claimed)
    assert room.under_way == 0
    assert room.has_place_for_failing
    assert [room.take(number, "127.0.0.1", failing=True) for number in range(2)] == [True, False]


def test_an_outcome_that_cannot_be_written_keeps_no_other_from_being_written(
    hook: Webhook, push: Push, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for tag in ("bad", "good"):
        fanout.fan_out(push(tag).pk)
    finish = deliveries.finish

    def refusing(done: Sequence[deliveries.Done]) -> None:
        if any(delivery.summary == "bad" for delivery, _outcome in done):
            raise DataError("value too long")
        finish(done)

    monkeypatch.setattr(sender, "close_old_connections", lambda: None)  # the test's own connection
    monkeypatch.setattr(deliveries, "finish", refusing)
    assert sender.written([(row, Outcome(status=200)) for row in deliveries.claim(Room())])
    assert "were not written" in caplog.text
    states = Delivery.objects.values_list("summary", "state")
    assert dict(states) == {"bad": State.SENDING, "good": State.DELIVERED}  # the lease of the bad one runs out


def test_a_database_that_is_away_has_outcomes_kept(delivery: Delivery, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(_done: Sequence[deliveries.Done]) -> None:
        raise OperationalError("database is locked")

    monkeypatch.setattr(sender, "_let_go", lambda: None)  # the test's own connection
    monkeypatch.setattr(deliveries, "finish", away)
    assert not sender.written([(delivery, Outcome(status=200))])


def test_what_a_process_claimed_before_it_stood_still_is_left_to_the_next_one(delivery: Delivery) -> None:
    (claimed,) = deliveries.claim(Room())
    now = timezone.now()
    with time_machine.travel(now + timedelta(seconds=10)):
        assert not sender.is_late(claimed)
    with time_machine.travel(now + timedelta(seconds=25)):
        assert sender.is_late(claimed)


def test_what_is_under_way_ends_before_the_supervisor_loses_patience() -> None:
    assert sending.DEADLINE < tasks.STOP_WITHIN < GRACE - 1
