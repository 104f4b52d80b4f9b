"""From the event to the receiver, and what happens when something dies in between."""

import json
import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from threading import BoundedSemaphore
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from portal.accounts.actor import Actor
from portal.events.models import Event, Unread
from portal.kit import secrets
from repositories.models import Repository
from repositories.webhooks import actions, deliveries, sending, tasks
from repositories.webhooks.models import Attempt, Delivery, Webhook
from tests.kit.loopback import dead_port
from tests.system.receiver import Receiver, drip, fail, huge, redirect, status
from tests.webhooks.conftest import Push

Queued = list[tuple[str, tuple[int | str, ...]]]
State = Delivery.State


def reloaded(delivery: Delivery) -> Delivery:
    return Delivery.objects.select_related("webhook").get(pk=delivery.pk)


def point_to(delivery: Delivery, url: str) -> None:
    delivery.webhook.url = url
    delivery.webhook.save()


# -- event -> deliveries ----------------------------------------------------------------------------------------------


def test_a_push_makes_one_delivery_for_each_active_webhook(
    as_alice: Actor, hook: Webhook, public_app: Repository, private_app: Repository, push: Push, queued: Queued,
    committed: Any,
) -> None:  # fmt: skip
    off = actions.create_webhook(actor=as_alice, place=public_app, name="off", url="https://off.example/")
    actions.update_webhook(actor=as_alice, webhook=off, is_active=False)
    actions.create_webhook(actor=as_alice, place=private_app, name="other", url="https://other.example/")
    second = actions.create_webhook(actor=as_alice, place=public_app, name="2", url="https://second.example/")
    event = push("1.0")
    with committed():
        assert deliveries.fan_out(event.pk) == 2
    rows = Delivery.objects.order_by("id")
    assert [row.webhook for row in rows] == [hook, second]
    assert {(row.event_id, row.event_action, row.summary, row.state) for row in rows} == {
        (event.public_id, "repo.tag.push", "1.0", State.WAITING)
    }
    assert [call for call in queued if call[0] == deliveries.DELIVER] == [
        ("repositories.webhooks.deliver", (row.webhook_id,)) for row in rows
    ]
    assert rows[0].public_id in json.loads(bytes(rows[0].body))["callback_url"]


def test_an_event_is_dealt_with_once(hook: Webhook, push: Push) -> None:
    event = push()
    assert Unread.objects.filter(event=event, reader="webhooks").count() == 1
    assert [deliveries.fan_out(event.pk), deliveries.fan_out(event.pk)] == [1, 0]
    assert not Unread.objects.exists()
    assert Delivery.objects.count() == 1


def test_deliveries_are_made_in_the_order_of_the_events_whichever_wakes_first(
    as_alice: Actor, hook: Webhook, push: Push, private_app: Repository
) -> None:
    first, other, second = push("1"), push("other", repository=private_app), push("2")
    deliveries.fan_out(second.pk)
    assert deliveries.fan_out(first.pk) == 0
    assert [row.summary for row in Delivery.objects.order_by("id")] == ["1", "2"]
    assert [row.event_id for row in Unread.objects.all()] == [other.pk]


def test_the_oldest_due_delivery_is_sent_first(hook: Webhook, push: Push, receiver: Receiver) -> None:
    for tag in ("1", "2", "3"):
        deliveries.fan_out(push(tag).pk)
    Delivery.objects.filter(summary="1").update(next_attempt_at=timezone.now() + timedelta(minutes=1))
    while deliveries.deliver(hook.pk):
        pass
    assert [one.json["push_data"]["tag"] for one in receiver.got("/ci?token=s3cret")] == ["2", "3"]
    with time_machine.travel(timezone.now() + timedelta(minutes=2)):
        assert deliveries.deliver(hook.pk)
    assert [one.json["push_data"]["tag"] for one in receiver.got("/ci?token=s3cret")] == ["2", "3", "1"]


def test_recording_the_push_wakes_the_fan_out(push: Push, queued: Queued, committed: Any) -> None:
    with committed():
        event = push()
    assert queued == [("repositories.webhooks.fan_out", (event.pk,))]


def test_a_webhook_hears_nothing_of_what_happened_before_it(
    as_alice: Actor, public_app: Repository, push: Push
) -> None:
    event = push()
    actions.create_webhook(actor=as_alice, place=public_app, name="late", url="https://late.example/")
    assert deliveries.fan_out(event.pk) == 0
    assert not Unread.objects.exists()


def test_an_event_of_a_repository_that_is_gone_is_dealt_with(hook: Webhook, push: Push, public_app: Repository) -> None:
    event = push()
    public_app.delete()
    assert deliveries.fan_out(event.pk) == 0
    assert not Unread.objects.exists()


def test_a_failure_while_making_deliveries_leaves_the_event_unread(
    hook: Webhook, push: Push, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    broken, whole = push("broken"), push("whole")
    make = deliveries._make_deliveries

    def fail_for_one(event: Event) -> Any:
        made = make(event)
        if event == broken:
            raise RuntimeError("died here")
        return made

    monkeypatch.setattr(deliveries, "_make_deliveries", fail_for_one)
    with caplog.at_level(logging.ERROR):
        deliveries.sweep()
    assert [row.summary for row in Delivery.objects.all()] == ["whole"]
    assert [row.event_id for row in Unread.objects.all()] == [broken.pk]
    monkeypatch.undo()
    deliveries.sweep()
    assert Delivery.objects.count() == 2
    assert whole.pk


def test_the_bytes_are_frozen_when_the_delivery_is_made(delivery: Delivery, receiver: Receiver) -> None:
    Repository.objects.update(description="changed afterwards")
    assert deliveries.deliver(delivery.webhook_id)
    assert receiver.wait("/ci?token=s3cret")[0].body == bytes(delivery.body)


# -- delivery -> attempt ----------------------------------------------------------------------------------------------


def test_a_delivery_is_sent_and_request_and_answer_are_recorded(delivery: Delivery, receiver: Receiver) -> None:
    receiver.on("/ci?token=s3cret", status(201, b"thanks \x00\xff", {"X-Run": "42", "Set-Cookie": "session=1"}))
    assert deliveries.deliver(delivery.webhook_id)
    (got,) = receiver.got("/ci?token=s3cret")
    assert got.json["push_data"]["tag"] == "latest"
    assert got.headers["Content-Type"] == "application/json"
    assert got.headers["Webhook-Id"] == delivery.event_id
    assert got.headers["X-Moorage-Delivery"] == delivery.public_id
    assert got.headers["X-Moorage-Event"] == "repo.tag.push"
    row = reloaded(delivery)
    assert (row.state, row.attempt_count, row.next_attempt_at, row.leased_until) == (State.DELIVERED, 1, None, None)
    assert row.finished_at is not None
    attempt = row.attempts.get()
    assert (attempt.number, attempt.status, attempt.error) == (1, 201, "")
    assert attempt.request_url == receiver.url("/ci")
    assert attempt.request_headers["X-Moorage-Delivery"] == delivery.public_id
    assert attempt.response_body == "thanks \ufffd\ufffd"
    assert attempt.response_headers["X-Run"] == "42"
    assert attempt.response_headers["Set-Cookie"] == "…"
    assert {"connect", "first_byte"} <= set(attempt.timings)
    assert attempt.duration_ms < 5000


def test_a_delivered_one_is_not_sent_again(delivery: Delivery, receiver: Receiver) -> None:
    assert [deliveries.deliver(delivery.webhook_id), deliveries.deliver(delivery.webhook_id)] == [True, False]
    tasks.deliver(delivery.webhook_id)
    assert len(receiver.got("/ci?token=s3cret")) == 1


def test_a_failing_receiver_is_tried_again_after_10_s_1_5_and_30_min_and_then_no_more(
    delivery: Delivery, receiver: Receiver
) -> None:
    receiver.on("/ci?token=s3cret", fail(99, 503))
    begun = timezone.now() + timedelta(seconds=1)
    after = 0.0
    for number, wait in enumerate([10, 60, 300, 1800, None], start=1):
        with time_machine.travel(begun + timedelta(seconds=after), tick=False):
            now = timezone.now()
            assert deliveries.deliver(delivery.webhook_id)
            row = reloaded(delivery)
            assert row.attempt_count == number
            if wait is None:
                assert (row.state, row.next_attempt_at, row.finished_at) == (State.FAILED, None, now)
            else:
                assert (row.state, row.next_attempt_at) == (State.WAITING, now + timedelta(seconds=wait))
                assert row.finished_at is None
                after += wait
        with time_machine.travel(begun + timedelta(seconds=after - 1), tick=False):
            assert not deliveries.deliver(delivery.webhook_id)
    with time_machine.travel(begun + timedelta(days=2), tick=False):
        assert not deliveries.deliver(delivery.webhook_id)
    assert len(receiver.got("/ci?token=s3cret")) == 5
    assert [(one.number, one.status, one.error) for one in delivery.attempts.all()] == [
        (number, 503, "") for number in range(1, 6)
    ]


def test_a_receiver_that_recovers_gets_it(delivery: Delivery, receiver: Receiver) -> None:
    receiver.on("/ci?token=s3cret", fail(1))
    assert deliveries.deliver(delivery.webhook_id)
    with time_machine.travel(timezone.now() + timedelta(seconds=11)):
        assert deliveries.deliver(delivery.webhook_id)
    assert reloaded(delivery).state == State.DELIVERED
    assert [one.status for one in delivery.attempts.all()] == [500, 200]
    ids = {one.headers["Webhook-Id"] for one in receiver.got("/ci?token=s3cret")}
    assert ids == {delivery.event_id}


def test_410_switches_the_webhook_off(delivery: Delivery, push: Push, receiver: Receiver) -> None:
    deliveries.fan_out(push("later").pk)
    receiver.on("/ci?token=s3cret", status(410))
    assert deliveries.deliver(delivery.webhook_id)
    hook = Webhook.objects.get()
    assert (hook.is_active, hook.disabled_by) == (False, Webhook.DisabledBy.RECEIVER)
    assert {row.state for row in Delivery.objects.all()} == {State.FAILED}
    event = Event.objects.get(action="repo.webhook.disable")
    assert (event.actor_name, event.new["webhook"]) == ("system", hook.pk)
    assert deliveries.fan_out(push("afterwards").pk) == 0


def test_a_redirect_is_a_failure_that_names_its_target(delivery: Delivery, receiver: Receiver) -> None:
    receiver.on("/ci?token=s3cret", redirect(receiver.url("/inner")))
    assert deliveries.deliver(delivery.webhook_id)
    attempt = delivery.attempts.get()
    assert attempt.status == 302
    assert attempt.error == f"Redirects are not followed; this one leads to {receiver.url('/inner')}"
    assert reloaded(delivery).state == State.WAITING
    assert receiver.got("/inner") == []


def test_ten_megabytes_are_kept_up_to_64_kilobytes(delivery: Delivery, receiver: Receiver) -> None:
    receiver.on("/ci?token=s3cret", huge())
    assert deliveries.deliver(delivery.webhook_id)
    attempt = delivery.attempts.get()
    assert (attempt.status, len(attempt.response_body), attempt.response_truncated) == (200, 65536, True)
    assert reloaded(delivery).state == State.DELIVERED


def test_a_good_status_whose_body_never_ends_is_no_delivery(
    delivery: Delivery, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "DEADLINE", 0.5)
    receiver.on("/ci?token=s3cret", drip())
    assert deliveries.deliver(delivery.webhook_id)
    attempt = delivery.attempts.get()
    assert (attempt.status, attempt.error) == (200, "127.0.0.1 had not answered completely after 0.5 seconds.")
    assert reloaded(delivery).state == State.WAITING


def test_no_answer_is_told_in_words(delivery: Delivery) -> None:
    point_to(delivery, f"http://127.0.0.1:{dead_port()}/?token=s3cret")
    assert deliveries.deliver(delivery.webhook_id)
    attempt = delivery.attempts.get()
    assert attempt.status is None
    assert attempt.error == "The connection was refused: nothing listens at that address and port."
    assert "s3cret" not in attempt.request_url
    assert reloaded(delivery).state == State.WAITING


def test_a_refused_address_is_told_in_words_and_nothing_is_sent(
    delivery: Delivery, receiver: Receiver, settings: Any
) -> None:
    settings.WEBHOOK_NETWORKS = []
    assert deliveries.deliver(delivery.webhook_id)
    assert delivery.attempts.get().error == "127.0.0.1 resolves to 127.0.0.1, a loopback address."
    assert receiver.got("/ci?token=s3cret") == []


def test_a_url_that_cannot_be_decrypted_is_told_in_words(delivery: Delivery, monkeypatch: pytest.MonkeyPatch) -> None:
    Webhook.objects.update(encrypted_url=secrets.encrypt("x")[:-4] + "AAAA")
    assert deliveries.deliver(delivery.webhook_id)
    assert "cannot be decrypted" in delivery.attempts.get().error


def test_the_record_of_a_url_holds_no_password_and_no_query() -> None:
    assert sending.shown_url("https://me:pw@ci.example.org:8443/a/b?key=1#x") == "https://ci.example.org:8443/a/b"
    assert sending.shown_url("http://[2606:4700::1]/") == "http://[2606:4700::1]/"


# -- claims and leases ------------------------------------------------------------------------------------------------


def meanwhile(monkeypatch: pytest.MonkeyPatch, what: Callable[[], Any]) -> None:
    """Do something between a claim's look at the row and its conditional update."""
    take = deliveries._take

    def overtaken(row: Delivery, now: datetime) -> bool:
        monkeypatch.setattr(deliveries, "_take", take)
        what()
        return take(row, now)

    monkeypatch.setattr(deliveries, "_take", overtaken)


def test_of_two_workers_one_gets_the_delivery(delivery: Delivery, monkeypatch: pytest.MonkeyPatch) -> None:
    winners: list[Delivery | None] = []
    meanwhile(monkeypatch, lambda: winners.append(deliveries.claim(delivery.webhook_id)))
    assert deliveries.claim(delivery.webhook_id) is None
    assert [winner and winner.attempt_count for winner in winners] == [1]
    assert reloaded(delivery).attempt_count == 1
    assert delivery.attempts.count() == 1


def test_an_attempt_that_another_worker_has_made_meanwhile_is_not_made_again(
    delivery: Delivery, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    receiver.on("/ci?token=s3cret", fail(9))

    def fail_and_be_due_again() -> None:
        assert deliveries.deliver(delivery.webhook_id)
        Delivery.objects.update(next_attempt_at=timezone.now() - timedelta(seconds=1))

    meanwhile(monkeypatch, fail_and_be_due_again)
    assert deliveries.claim(delivery.webhook_id) is None
    assert len(receiver.got("/ci?token=s3cret")) == 1


def test_what_was_given_up_meanwhile_is_not_sent(delivery: Delivery, monkeypatch: pytest.MonkeyPatch) -> None:
    meanwhile(monkeypatch, lambda: deliveries.give_up_waiting(delivery.webhook, timezone.now()))
    assert deliveries.claim(delivery.webhook_id) is None
    assert reloaded(delivery).state == State.FAILED


def test_a_dead_workers_delivery_is_taken_over_when_its_lease_has_run_out(
    delivery: Delivery, receiver: Receiver, queued: Queued, committed: Any
) -> None:
    assert deliveries.claim(delivery.webhook_id)  # and then kill -9
    assert not deliveries.deliver(delivery.webhook_id)
    with committed():
        deliveries.sweep()
    assert queued == []
    with time_machine.travel(timezone.now() + timedelta(seconds=31)):
        with committed():
            deliveries.sweep()
        assert queued == [(deliveries.DELIVER, (delivery.webhook_id,))]
        assert deliveries.deliver(delivery.webhook_id)
    assert reloaded(delivery).state == State.DELIVERED
    first, second = delivery.attempts.all()
    assert (first.status, second.status) == (None, 200)
    assert first.error.startswith("The sending process ended before an answer was recorded.")
    assert len(receiver.got("/ci?token=s3cret")) == 1


def test_a_worker_slower_than_its_lease_records_its_attempt_and_leaves_the_state(delivery: Delivery) -> None:
    slow = deliveries.claim(delivery.webhook_id)
    assert slow
    with time_machine.travel(timezone.now() + timedelta(seconds=31)):
        taken_over = deliveries.claim(delivery.webhook_id)
        assert taken_over
        deliveries.finish(slow, sending.Outcome(status=500))
        assert (reloaded(delivery).state, reloaded(delivery).attempt_count) == (State.SENDING, 2)
        deliveries.finish(taken_over, sending.Outcome(status=204))
    assert reloaded(delivery).state == State.DELIVERED
    assert [one.status for one in delivery.attempts.all()] == [500, 204]


def test_a_delivery_that_kills_its_workers_is_given_up(
    delivery: Delivery, queued: Queued, committed: Any, caplog: pytest.LogCaptureFixture
) -> None:
    past = timezone.now() - timedelta(seconds=1)
    Delivery.objects.update(state=State.SENDING, leased_until=past, attempt_count=deliveries.MOST_CLAIMS)
    with committed():
        deliveries.sweep()
    assert reloaded(delivery).state == State.FAILED
    assert queued == []
    assert "given up" in caplog.text


def test_a_webhook_has_one_request_under_way_and_the_next_is_woken_afterwards(
    hook: Webhook, push: Push, queued: Queued, committed: Any
) -> None:
    for tag in ("1", "2", "3"):
        deliveries.fan_out(push(tag).pk)
    first, second, _third = Delivery.objects.order_by("id")
    claimed = deliveries.claim(first.webhook_id)
    assert claimed
    assert not deliveries.deliver(second.webhook_id)
    with committed():
        deliveries.sweep()
    assert queued == []
    deliveries.finish(claimed, sending.Outcome(status=500))
    with committed():
        assert deliveries.deliver(second.webhook_id)
    assert queued == [(deliveries.DELIVER, (hook.pk,))]


def test_a_slow_host_has_a_few_requests_under_way_and_others_are_not_kept_waiting(
    as_alice: Actor, public_app: Repository, push: Push, queued: Queued, committed: Any
) -> None:
    for number in range(6):
        actions.create_webhook(
            actor=as_alice, place=public_app, name=str(number), url=f"https://slow.example/{number}"
        )
    actions.create_webhook(actor=as_alice, place=public_app, name="quick", url="https://quick.example/")
    deliveries.fan_out(push().pk)
    *slow, quick = Delivery.objects.order_by("id")
    claimed = [row for row in slow if deliveries.claim(row.webhook_id)]
    assert claimed == slow[:4]
    with committed():
        deliveries.sweep()
    assert queued == [(deliveries.DELIVER, (quick.webhook_id,))]
    assert deliveries.claim(quick.webhook_id)
    with time_machine.travel(timezone.now() + timedelta(seconds=31)):  # an expired lease takes no room
        assert deliveries.claim(slow[4].webhook_id)


def test_a_worker_keeps_threads_for_other_tasks(
    delivery: Delivery, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = BoundedSemaphore(1)
    monkeypatch.setattr(tasks, "_room", room)
    room.acquire()
    tasks.deliver(delivery.webhook_id)
    assert receiver.got("/ci?token=s3cret") == []
    room.release()
    tasks.deliver(delivery.webhook_id)
    assert len(receiver.got("/ci?token=s3cret")) == 1
    assert room.acquire(blocking=False)


def test_the_sweep_finds_what_lost_its_wake_up(delivery: Delivery, push: Push, queued: Queued, committed: Any) -> None:
    event = push("2")
    with committed():
        deliveries.sweep()
    assert Delivery.objects.filter(event_id=event.public_id).count() == 1
    assert queued[-1] == (deliveries.DELIVER, (delivery.webhook_id,))
    with committed():
        deliveries.sweep()
    assert queued[-1] == (deliveries.DELIVER, (delivery.webhook_id,))
    assert len(queued) == 3


def test_the_sweep_gives_up_what_waits_for_a_webhook_that_is_off(
    delivery: Delivery, queued: Queued, committed: Any
) -> None:
    Webhook.objects.update(is_active=False)
    assert not deliveries.deliver(delivery.webhook_id)
    with committed():
        tasks.sweep()
    assert reloaded(delivery).state == State.FAILED
    assert queued == []


def test_a_webhook_deleted_while_a_request_is_under_way_ends_quietly(delivery: Delivery) -> None:
    claimed = deliveries.claim(delivery.webhook_id)
    assert claimed
    Webhook.objects.all().delete()
    deliveries.finish(claimed, sending.Outcome(status=410))
    assert not deliveries.deliver(delivery.webhook_id)
    assert not Attempt.objects.exists()


def test_an_idle_sweep_writes_nothing(hook: Webhook, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(5) as captured:
        tasks.sweep()
    assert all(query["sql"].startswith("SELECT") for query in captured.captured_queries)


def test_the_tasks_bear_the_names_that_the_settings_call(settings: Any, hook: Webhook, push: Push) -> None:
    assert settings.EVENT_READERS["webhooks"][0] == tasks.fan_out.name
    assert settings.CELERY_BEAT_SCHEDULE["webhooks-sweep"]["task"] == tasks.sweep.name
    assert tasks.deliver.name == deliveries.DELIVER
    tasks.fan_out(push().pk)
    assert Delivery.objects.count() == 1
