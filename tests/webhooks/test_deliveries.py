"""From a delivery to the receiver, and what happens when something dies in between."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from portal.accounts.actor import Actor
from portal.kit import secrets
from repositories.models import Repository
from repositories.webhooks import actions, deliveries, fanout, sender, sending, tasks
from repositories.webhooks.models import Attempt, Delivery, Webhook
from repositories.webhooks.room import Room
from repositories.webhooks.sender import send_due
from tests.kit.loopback import dead_port
from tests.system.receiver import Receiver, drip, fail, huge, redirect, status
from tests.webhooks.conftest import Push

Queued = list[tuple[str, tuple[int | str, ...]]]
State = Delivery.State
CI = "/ci?token=s3cret"


def reloaded(delivery: Delivery) -> Delivery:
    return Delivery.objects.select_related("webhook").get(pk=delivery.pk)


def point_to(delivery: Delivery, url: str) -> None:
    delivery.webhook.url = url
    delivery.webhook.save()


def claim() -> list[Delivery]:
    """As a process that has nothing else under way."""
    return deliveries.claim(Room())


def finish(delivery: Delivery, **outcome: Any) -> None:
    deliveries.finish([(delivery, sending.Outcome(**outcome))])


# -- delivery -> attempt ----------------------------------------------------------------------------------------------


def test_the_bytes_are_frozen_when_the_delivery_is_made(delivery: Delivery, receiver: Receiver) -> None:
    Repository.objects.update(description="changed afterwards")
    assert send_due() == 1
    assert receiver.wait(CI)[0].body == bytes(delivery.body)


def test_a_delivery_is_sent_and_request_and_answer_are_recorded(delivery: Delivery, receiver: Receiver) -> None:
    receiver.on(CI, status(201, b"thanks \x00\xff", {"X-Run": "42", "Set-Cookie": "session=1"}))
    assert send_due() == 1
    (got,) = receiver.got(CI)
    assert got.json["push_data"]["tag"] == "latest"
    assert got.headers["Content-Type"] == "application/json"
    assert {name.lower(): value for name, value in got.headers.items()}["webhook-id"] == delivery.event_id
    assert got.headers["X-Moorage-Delivery"] == delivery.public_id
    row = reloaded(delivery)
    assert (row.state, row.attempt_count, row.next_attempt_at, row.leased_until) == (State.DELIVERED, 1, None, None)
    assert (row.claim, row.last_status, row.last_error) == ("", 201, "")
    assert row.finished_at is not None
    attempt = row.attempts.get()
    assert (attempt.number, attempt.status, attempt.error, attempt.address) == (1, 201, "", "127.0.0.1")
    assert attempt.request_url == receiver.url("/ci")
    assert attempt.request_headers["X-Moorage-Delivery"] == delivery.public_id
    assert attempt.response_body == "thanks \ufffd\ufffd"
    assert attempt.response_headers["X-Run"] == "42"
    assert attempt.response_headers["Set-Cookie"] == "…"
    assert {"connect", "first_byte"} <= set(attempt.timings)
    assert attempt.duration_ms < 5000


def test_a_delivered_one_is_not_sent_again(delivery: Delivery, receiver: Receiver) -> None:
    assert [send_due(), send_due()] == [1, 0]
    assert len(receiver.got(CI)) == 1


def test_a_failing_receiver_is_tried_for_a_day_ever_more_seldom_and_then_no_more(
    delivery: Delivery, receiver: Receiver
) -> None:
    receiver.on(CI, fail(99, 503))
    begun, waits = timezone.now(), []
    with time_machine.travel(begun, tick=False) as clock:
        while reloaded(delivery).state == State.WAITING:
            due = reloaded(delivery).next_attempt_at
            assert due is not None
            waits.append((due - timezone.now()).total_seconds())
            if waits[-1] > 0:
                clock.move_to(due - timedelta(seconds=0.5))
                assert send_due() == 0
            clock.move_to(due)
            assert send_due() == 1
        ended = timezone.now()
        assert (reloaded(delivery).state, reloaded(delivery).finished_at) == (State.FAILED, ended)
        clock.shift(timedelta(days=2))
        assert send_due() == 0
    assert 10 <= len(waits) <= 15
    assert waits[0] <= 0
    assert 4 <= waits[1] <= 6
    assert waits[1:9] == sorted(waits[1:9])
    assert timedelta(hours=23) <= ended - begun <= timedelta(hours=36)
    assert len(receiver.got(CI)) == len(waits)
    assert [(one.number, one.status, one.error) for one in delivery.attempts.all()] == [
        (number, 503, "") for number in range(1, len(waits) + 1)
    ]


def test_a_receiver_that_recovers_gets_it_with_the_same_id(delivery: Delivery, receiver: Receiver) -> None:
    receiver.on(CI, fail(1))
    assert send_due() == 1
    assert reloaded(delivery).webhook.failing_since is not None
    with time_machine.travel(timezone.now() + timedelta(seconds=11)):
        assert send_due() == 1
    assert reloaded(delivery).state == State.DELIVERED
    assert reloaded(delivery).webhook.failing_since is None
    assert [one.status for one in delivery.attempts.all()] == [500, 200]
    ids = {name.lower(): value for one in receiver.got(CI) for name, value in one.headers.items()}["webhook-id"]
    assert ids == delivery.event_id


def test_a_redirect_is_a_failure_that_names_its_target(delivery: Delivery, receiver: Receiver) -> None:
    receiver.on(CI, redirect(receiver.url("/inner")))
    assert send_due() == 1
    attempt = delivery.attempts.get()
    assert attempt.status == 302
    assert attempt.error == f"Redirects are not followed; this one leads to {receiver.url('/inner')}"
    assert reloaded(delivery).state == State.WAITING
    assert receiver.got("/inner") == []


def test_ten_megabytes_are_kept_up_to_64_kilobytes(delivery: Delivery, receiver: Receiver) -> None:
    receiver.on(CI, huge())
    assert send_due() == 1
    attempt = delivery.attempts.get()
    assert (attempt.status, len(attempt.response_body), attempt.response_truncated) == (200, 65536, True)
    assert reloaded(delivery).state == State.DELIVERED


def test_a_good_status_whose_body_never_ends_is_no_delivery(
    delivery: Delivery, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "DEADLINE", 0.5)
    receiver.on(CI, drip())
    assert send_due() == 1
    attempt = delivery.attempts.get()
    assert (attempt.status, attempt.error) == (200, "127.0.0.1 had not answered completely after 0.5 seconds.")
    assert reloaded(delivery).state == State.WAITING


def test_no_answer_is_told_in_words(delivery: Delivery) -> None:
    point_to(delivery, f"http://127.0.0.1:{dead_port()}/?token=s3cret")
    assert send_due() == 1
    attempt = delivery.attempts.get()
    assert attempt.status is None
    assert attempt.error == "The connection was refused: nothing listens at that address and port."
    assert "s3cret" not in attempt.request_url
    assert reloaded(delivery).state == State.WAITING
    assert reloaded(delivery).last_error == attempt.error


def test_a_refused_address_is_told_in_words_and_nothing_is_sent(
    delivery: Delivery, receiver: Receiver, settings: Any
) -> None:
    settings.WEBHOOK_NETWORKS = []
    assert send_due() == 1
    assert delivery.attempts.get().error == "127.0.0.1 resolves to 127.0.0.1, a loopback address."
    assert receiver.got(CI) == []


def test_a_url_that_cannot_be_decrypted_is_told_in_words(delivery: Delivery) -> None:
    Webhook.objects.update(encrypted_url=secrets.encrypt("x")[:-4] + "AAAA")
    assert send_due() == 1
    assert "cannot be decrypted" in delivery.attempts.get().error


# -- claims and leases ------------------------------------------------------------------------------------------------


def meanwhile(monkeypatch: pytest.MonkeyPatch, what: Callable[[], Any]) -> None:
    """Do something between a claim's look at the rows and its conditional update."""
    take = deliveries._take

    def overtaken(pks: Sequence[int], now: datetime) -> list[Delivery]:
        monkeypatch.setattr(deliveries, "_take", take)
        what()
        return take(pks, now)

    monkeypatch.setattr(deliveries, "_take", overtaken)


def test_of_two_workers_one_gets_the_delivery(delivery: Delivery, monkeypatch: pytest.MonkeyPatch) -> None:
    winners: list[Delivery] = []
    meanwhile(monkeypatch, lambda: winners.extend(claim()))
    room = Room()
    assert deliveries.claim(room) == []
    assert room.under_way == 0
    assert [winner.attempt_count for winner in winners] == [1]
    assert reloaded(delivery).attempt_count == 1


def test_an_attempt_that_another_worker_has_made_meanwhile_is_not_made_again(
    delivery: Delivery, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    receiver.on(CI, fail(9))
    meanwhile(monkeypatch, send_due)
    assert claim() == []
    assert len(receiver.got(CI)) == 1


def test_what_was_given_up_meanwhile_is_not_sent(delivery: Delivery, monkeypatch: pytest.MonkeyPatch) -> None:
    meanwhile(monkeypatch, lambda: deliveries.give_up_waiting(delivery.webhook, timezone.now()))
    assert claim() == []
    assert reloaded(delivery).state == State.FAILED


def test_a_dead_workers_delivery_is_taken_over_when_its_lease_has_run_out(
    delivery: Delivery, receiver: Receiver
) -> None:
    assert claim()  # and then kill -9
    assert send_due() == 0
    with time_machine.travel(timezone.now() + timedelta(seconds=31)):
        assert send_due() == 1
    assert reloaded(delivery).state == State.DELIVERED
    first, second = delivery.attempts.all()
    assert [(one.number, one.status, one.is_interrupted) for one in (first, second)] == [
        (1, None, True),
        (2, 200, False),
    ]
    assert first.error.startswith("The sending process ended before an answer was recorded.")
    assert len(receiver.got(CI)) == 1


def test_a_worker_slower_than_its_lease_records_its_attempt_and_leaves_the_state(delivery: Delivery) -> None:
    (slow,) = claim()
    with time_machine.travel(timezone.now() + timedelta(seconds=31)):
        (taken_over,) = claim()
        finish(slow, status=500)
        assert (reloaded(delivery).state, reloaded(delivery).attempt_count) == (State.SENDING, 2)
        finish(taken_over, status=204)
    assert reloaded(delivery).state == State.DELIVERED
    assert [one.status for one in delivery.attempts.all()] == [500, 204]
    assert not delivery.attempts.filter(is_interrupted=True).exists()


def test_a_delivery_that_kills_its_workers_is_given_up(delivery: Delivery, caplog: pytest.LogCaptureFixture) -> None:
    now = timezone.now()
    for number in range(deliveries.MOST_INTERRUPTIONS):
        with time_machine.travel(now + timedelta(minutes=number)):
            assert claim()
    with time_machine.travel(now + timedelta(minutes=number + 1)):
        assert claim() == []
    assert reloaded(delivery).state == State.FAILED
    assert delivery.attempts.filter(is_interrupted=True).count() == deliveries.MOST_INTERRUPTIONS
    assert "given up" in caplog.text


def test_a_clock_set_back_leaves_nothing_behind(delivery: Delivery, receiver: Receiver) -> None:
    with time_machine.travel(timezone.now() + timedelta(days=400)):
        assert claim()  # whose lease ends in a year
    assert send_due() == 1
    assert reloaded(delivery).state == State.DELIVERED
    Delivery.objects.update(state=State.WAITING, next_attempt_at=timezone.now() + timedelta(days=400))
    assert send_due() == 0
    sender.sweep()
    assert send_due() == 1


def test_a_clock_that_jumps_ahead_gives_up_nothing(delivery: Delivery, receiver: Receiver) -> None:
    receiver.on(CI, fail(1))
    with time_machine.travel(timezone.now() + timedelta(days=400)):
        assert send_due() == 1
        assert reloaded(delivery).state == State.WAITING
    sender.sweep()
    assert send_due() == 1
    assert reloaded(delivery).state == State.DELIVERED


# -- order and room ---------------------------------------------------------------------------------------------------


def tags(rows: Sequence[Delivery]) -> list[str]:
    return [row.summary for row in rows]


def test_deliveries_of_one_tag_go_one_after_another_and_others_beside_them(hook: Webhook, push: Push) -> None:
    for tag in ("a", "a", "b"):
        fanout.fan_out(push(tag).pk)
    first = claim()
    assert tags(first) == ["a", "b"]
    assert claim() == []
    finish(first[0], status=200)
    assert tags(claim()) == ["a"]


def test_a_tags_later_delivery_waits_until_the_earlier_one_is_over(
    hook: Webhook, push: Push, receiver: Receiver
) -> None:
    receiver.on(CI, fail(1))
    older, newer = push("a"), push("a")
    fanout.fan_out(newer.pk)
    assert send_due() == 1  # the older one fails, and keeps its place
    assert send_due() == 0
    with time_machine.travel(timezone.now() + timedelta(seconds=10)):
        assert send_due() == 2
    sent = [{name.lower(): value for name, value in one.headers.items()}["webhook-id"] for one in receiver.got(CI)]
    assert sent == [older.public_id, older.public_id, newer.public_id]


def test_a_newer_one_has_the_one_before_it_tried_at_once(hook: Webhook, push: Push, receiver: Receiver) -> None:
    receiver.on(CI, fail(1))
    fanout.fan_out(push("a").pk)
    send_due()
    Delivery.objects.update(next_attempt_at=timezone.now() + timedelta(hours=5))
    fanout.fan_out(push("a").pk)
    assert send_due() == 0  # tried less than half a minute ago
    Attempt.objects.update(started_at=timezone.now() - timedelta(minutes=1))
    fanout.fan_out(push("a").pk)
    assert send_due() == 3


def test_a_full_host_keeps_no_other_waiting(
    as_alice: Actor, public_app: Repository, push: Push, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("repositories.webhooks.room.MOST_PER_HOST", 4)
    for number in range(6):
        actions.create_webhook(actor=as_alice, place=public_app, name=str(number), url=f"https://slow.example/{number}")
    actions.create_webhook(actor=as_alice, place=public_app, name="quick", url="https://quick.example/")
    fanout.fan_out(push().pk)
    room = Room()
    claimed = deliveries.claim(room)
    assert [row.webhook.name for row in claimed] == ["0", "1", "2", "3", "quick"]
    deliveries.give_room(room, claimed[0])
    assert [row.webhook.name for row in deliveries.claim(room)] == ["4"]


def test_those_that_fail_leave_room_for_those_that_work(as_alice: Actor, public_app: Repository, push: Push) -> None:
    for number in range(8):
        actions.create_webhook(
            actor=as_alice, place=public_app, name=f"bad {number}", url=f"https://bad{number}.example/"
        )
    Webhook.objects.update(failing_since=timezone.now())
    actions.create_webhook(actor=as_alice, place=public_app, name="good", url="https://good.example/")
    fanout.fan_out(push().pk)
    room = Room(most=8)
    claimed = [row.webhook.name for row in deliveries.claim(room)]
    assert sorted(claimed) == ["bad 0", "bad 1", "bad 2", "bad 3", "good"]
    assert room.under_way == 5


def test_those_that_work_come_first_however_long_others_have_been_due(
    as_alice: Actor, public_app: Repository, push: Push
) -> None:
    for name in ("bad", "good"):
        actions.create_webhook(actor=as_alice, place=public_app, name=name, url=f"https://{name}.example/")
    Webhook.objects.filter(name="bad").update(failing_since=timezone.now())
    for tag in "abc":
        fanout.fan_out(push(tag).pk)
    Delivery.objects.filter(webhook__name="bad").update(next_attempt_at=timezone.now() - timedelta(hours=1))
    assert {row.webhook.name for row in deliveries.claim(Room(), most=3)} == {"good"}


# -- webhooks that are off, or gone -----------------------------------------------------------------------------------


def test_the_sweep_gives_up_what_waits_for_a_webhook_that_is_off(delivery: Delivery) -> None:
    Webhook.objects.update(is_active=False, disabled_by=Webhook.DisabledBy.PERSON)
    assert send_due() == 0
    sender.sweep()
    assert reloaded(delivery).state == State.FAILED


def test_the_sweep_holds_what_waits_for_a_paused_webhook(delivery: Delivery) -> None:
    Webhook.objects.update(is_active=False, disabled_by=Webhook.DisabledBy.FAILING)
    sender.sweep()
    assert reloaded(delivery).state == State.HELD


def test_a_webhook_deleted_while_a_request_is_under_way_ends_quietly(delivery: Delivery) -> None:
    (claimed,) = claim()
    Webhook.objects.all().delete()
    finish(claimed, status=410)
    assert send_due() == 0
    assert not Attempt.objects.exists()


# -- sweep and tasks --------------------------------------------------------------------------------------------------


def test_the_sweep_finds_events_that_lost_their_wake_up(delivery: Delivery, push: Push, receiver: Receiver) -> None:
    event = push("2")
    sender.sweep()
    assert Delivery.objects.filter(event_id=event.public_id).count() == 1
    sender.sweep()
    assert Delivery.objects.count() == 2
    assert send_due() == 2


def test_an_idle_sweep_writes_nothing(hook: Webhook, django_assert_num_queries: Any) -> None:
    sender.sweep()
    with django_assert_num_queries(3) as captured:
        sender.sweep()
    statements = [query["sql"] for query in captured.captured_queries]
    assert [statement.split()[0] for statement in statements] == ["SELECT", "SELECT", "SELECT"]


def test_the_tasks_bear_the_names_that_the_settings_call(settings: Any) -> None:
    assert settings.EVENT_READERS["webhooks"][0] == tasks.fan_out.name
    assert settings.CELERY_BEAT_SCHEDULE["webhooks-sweep"]["task"] == tasks.sweep.name
    assert tasks.deliver.name == deliveries.DELIVER
