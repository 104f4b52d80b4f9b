"""Two things at once, on both databases: places, changes and deletions of webhooks."""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction
from django.utils import timezone

from orgs.actions import organizations
from portal.accounts.actor import Actor
from portal.events.models import Unread
from portal.events.record import record
from portal.kit.errors import MoorageError
from repositories.webhooks import actions, deliveries, documents, fanout
from repositories.webhooks.access import Place
from repositories.webhooks.models import Attempt, Delivery, Webhook
from repositories.webhooks.room import Room
from repositories.webhooks.sending import Outcome
from tests import factories
from tests.factories.orgs import make_organization

pytestmark = pytest.mark.django_db(transaction=True)
URL = "https://ci.example.org/hook"
State = Delivery.State


def at_once(*works: Callable[[], object]) -> list[str]:
    """The names of what each work raised, or "done", in the works' order."""
    gate, results = threading.Barrier(len(works), timeout=10), [""] * len(works)

    def run(place: int, work: Callable[[], object]) -> None:
        gate.wait()
        try:
            results[place] = _until_it_is_our_turn(work)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=each) for each in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    return results


def _until_it_is_our_turn(work: Callable[[], object]) -> str:
    """SQLite in memory refuses a second writer at once, where a file lets it wait."""
    while True:
        try:
            work()
        except OperationalError as error:
            if "deadlock" in str(error):
                return "deadlock"
        except MoorageError as error:
            return type(error).__name__
        else:
            return "done"


@pytest.mark.parametrize("_again", range(3))
def test_two_who_make_the_last_one_are_counted(_again: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(actions, "MOST_WEBHOOKS", 1)
    alice = factories.make_user("alice")
    actor = factories.actor(alice)
    places: list[Place] = [alice.namespace, factories.make_repository(alice, "app")]
    for place in places:

        def make(place: Place = place) -> Webhook:
            return actions.create_webhook(actor=actor, place=place, name="CI", url=URL)

        assert sorted(at_once(make, make)) == ["Conflict", "done"]
    assert Webhook.objects.count() == 2


@pytest.mark.parametrize("_again", range(3))
def test_an_organization_that_is_deleted_keeps_no_webhook_that_is_made_just_then(_again: int) -> None:
    alice = factories.make_user("alice")
    actor = factories.actor(alice)
    acme = make_organization(alice)
    made, deleted = at_once(
        lambda: actions.create_webhook(actor=actor, place=acme.namespace, name="CI", url=URL),
        lambda: organizations.delete_organization(actor=actor, organization=acme, typed_name="acme"),
    )
    assert made in {"done", "NotFound"}
    assert deleted == "done"
    assert not Webhook.objects.exists()


@pytest.mark.parametrize("_again", range(3))
def test_one_is_deleted_while_it_hears_of_something_and_its_delivery_comes_to_an_end(_again: int) -> None:
    """Nobody waits for the other for ever, and nothing of it is left but attempts, which go with the log."""
    alice = factories.make_user("alice")
    actor = factories.actor(alice)
    hook = actions.create_webhook(
        actor=actor, place=alice.namespace, name="all", url=URL, format="moorage", events=["member"]
    )
    for _ in range(2):
        fanout.fan_out(_committed_event(actor))
    claimed = deliveries.claim(Room(most=10))
    assert claimed
    outcome = Outcome(status=503, error="", duration_ms=5)
    event = _committed_event(actor)
    _heard, finished, deleted = at_once(
        fanout.fan_out_unread,
        lambda: deliveries.finish([(each, outcome) for each in claimed]),
        lambda: actions.delete_webhook(actor=actor, webhook=hook),
    )
    assert (finished, deleted) == ("done", "done")
    assert not Webhook.objects.exists()
    assert not Delivery.objects.exists()
    fanout.fan_out_unread()
    assert not Unread.objects.filter(event_id=event).exists()
    assert Attempt.objects.count() <= len(claimed)


def _committed_event(actor: Actor) -> int:
    with transaction.atomic():
        return record("org.member.add", actor=actor, namespace="alice", target="alice").pk


@pytest.mark.parametrize(("then", "expected"), [(True, State.WAITING), (False, State.FAILED)], ids=["on", "off"])
def test_what_was_to_be_held_is_not_when_the_webhook_is_switched_meanwhile(
    then: bool, expected: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice = factories.make_user("alice")
    actor = factories.actor(alice)
    hook = actions.create_webhook(
        actor=actor, place=alice.namespace, name="all", url=URL, format="moorage", events=["member"]
    )
    now = timezone.now()
    Webhook.objects.update(is_active=False, disabled_by="failing", paused_at=now, failing_since=now - timedelta(days=1))
    told = documents.document

    def meanwhile(*args: Any, **more: Any) -> Any:
        actions.update_webhook(actor=actor, webhook=hook, is_active=then)
        return told(*args, **more)

    monkeypatch.setattr(documents, "document", meanwhile)
    assert fanout.fan_out(_committed_event(actor)) == 1
    row = Delivery.objects.get()
    assert row.state == expected
    assert (row.next_attempt_at is not None) == then
