"""What leaves the log, and what never does."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from portal.accounts.actor import Actor
from portal.accounts.models import User
from repositories.models import Repository
from repositories.webhooks import actions, retention, tasks
from repositories.webhooks.models import Attempt, Delivery, Webhook
from repositories.webhooks.retention import clear_log
from tests.factories.webhooks import make_delivery, make_webhook

pytestmark = pytest.mark.django_db
OLD = timedelta(days=31)
YOUNG = timedelta(days=29)


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "PAUSE", 0)


@pytest.fixture
def ci(alice: User, public_app: Repository) -> Webhook:
    return make_webhook(alice, public_app)


def aged(hook: Webhook, age: timedelta, state: str = "delivered", **columns: Any) -> Delivery:
    """A delivery that was made, tried, and if so ended that long ago."""
    at = timezone.now() - age
    row = make_delivery(hook, state=state)
    ended = None if state in {"waiting", "sending", "held"} else at
    Delivery.objects.filter(pk=row.pk).update(created_at=at, finished_at=ended, **columns)
    row.attempts.update(started_at=at)
    return row


def left() -> set[int]:
    return set(Delivery.objects.values_list("pk", flat=True))


def test_what_ended_long_ago_goes_with_its_attempts(ci: Webhook) -> None:
    aged(ci, OLD)
    aged(ci, OLD, "failed")
    young = aged(ci, YOUNG)
    assert clear_log() == 2
    assert left() == {young.pk}
    assert list(Attempt.objects.values_list("delivery", flat=True)) == [young.pk]


def test_how_long_it_is_kept_can_be_set(ci: Webhook, settings: Any) -> None:
    settings.WEBHOOK_LOG_KEPT = timedelta(days=7)
    aged(ci, YOUNG)
    tasks.clear_log()
    assert not left()


@pytest.mark.parametrize("state", ["waiting", "sending"])
def test_nothing_goes_that_has_not_ended(ci: Webhook, state: str) -> None:
    row = aged(ci, timedelta(days=400), state)
    assert clear_log() == 0
    row.refresh_from_db()
    assert row.state == state


def test_one_that_was_sent_again_stays_with_what_repeats_it(ci: Webhook, as_alice: Actor) -> None:
    original = aged(ci, OLD)
    again = actions.redeliver(actor=as_alice, delivery=original)
    assert clear_log() == 0
    Delivery.objects.filter(pk=again.pk).update(state="delivered", finished_at=timezone.now() - OLD)
    assert clear_log() == 2
    assert not left()


def test_one_that_is_sent_again_at_that_moment_stays(
    ci: Webhook, as_alice: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = aged(ci, OLD)
    atomic = transaction.atomic

    def overtaken() -> Any:
        monkeypatch.setattr(transaction, "atomic", atomic)
        actions.redeliver(actor=as_alice, delivery=original)
        return atomic()

    monkeypatch.setattr(transaction, "atomic", overtaken)
    assert clear_log() == 0
    assert Delivery.objects.filter(redelivery_of=original).exists()


def test_what_is_held_is_given_up_with_the_log_and_leaves_it_later(ci: Webhook, as_alice: Actor) -> None:
    since = timezone.now() - timedelta(days=40)
    Webhook.objects.update(is_active=False, disabled_by="failing", failing_since=since, paused_at=since)
    old, young = aged(ci, OLD, "held"), aged(ci, YOUNG, "held")
    assert clear_log() == 0
    old.refresh_from_db()
    young.refresh_from_db()
    assert (old.state, young.state) == ("failed", "held")
    assert old.last_error == "It was given up: its webhook was paused for too long."
    assert actions.resume(actor=as_alice, webhook=ci) == 2, "resuming sends what is still there"


def test_attempts_whose_delivery_is_gone_go_when_they_are_old(ci: Webhook) -> None:
    for age in (timedelta(days=40), OLD + timedelta(hours=2), YOUNG):
        row = aged(ci, age, "held")
        Delivery.objects.filter(pk=row.pk)._raw_delete("default")  # as a race leaves it
    kept = aged(ci, timedelta(days=40), "waiting")
    assert Attempt.objects.count() == 4
    clear_log()
    assert [row.delivery_id == kept.pk for row in Attempt.objects.order_by("started_at")] == [True, False]


def test_batch_by_batch_and_no_longer_than_it_may(ci: Webhook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "BATCH", 2)
    for _each in range(5):
        aged(ci, OLD)
    assert clear_log(seconds=0) == 2
    assert clear_log() == 3


def test_a_batch_costs_the_same_for_two_and_for_six(ci: Webhook) -> None:
    counts = []
    for total in (2, 6):
        for _each in range(total):
            aged(ci, OLD)
        with CaptureQueriesContext(connection) as queries:
            assert clear_log() == total
        counts.append(len(queries))
    assert counts[0] == counts[1]
