"""Events are appended in the transaction of what happened, and wait for their readers."""

import pytest
from django.db import transaction

from portal.accounts.actor import SYSTEM
from portal.events.models import Event, Unread
from portal.events.record import record


def test_an_event_outside_a_transaction_is_refused(transactional_db, as_alice) -> None:
    with pytest.raises(transaction.TransactionManagementError):
        record("repo.tag.push", actor=as_alice)
    assert not Event.objects.filter(action="repo.tag.push").exists()


def test_wakes_the_readers_that_want_the_action(transactional_db, as_alice, queued) -> None:
    with transaction.atomic():
        pushed = record("repo.tag.push", actor=as_alice, target="alice/app:latest")
        record("user.login", actor=as_alice)
    assert [(row.event, row.reader) for row in Unread.objects.all()] == [(pushed, "webhooks")]
    assert queued == [("repositories.webhooks.fan_out", (pushed.pk,))]


def test_a_rolled_back_action_leaves_neither_event_nor_wake_up(transactional_db, queued) -> None:
    with transaction.atomic():
        record("repo.tag.push", actor=SYSTEM)
        transaction.set_rollback(True)
    assert (Event.objects.count(), Unread.objects.count(), queued) == (0, 0, [])


def test_long_values_are_cut_to_their_columns(db, as_alice) -> None:
    with transaction.atomic():
        event = record("x", actor=as_alice.seen_from(address="::1", client="c" * 999), target="t" * 999)
    event.refresh_from_db()
    assert (len(event.client), len(event.target), event.credential) == (256, 512, "session")
