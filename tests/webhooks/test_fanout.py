"""From an event to its deliveries: who hears of what, in which order, and what is frozen."""

import logging
from typing import Any

import pytest
from django.db import OperationalError

from orgs.actions import members
from orgs.models import MemberRole
from portal.accounts.actor import Actor
from portal.accounts.models import User
from portal.events.models import Event, Unread
from repositories import actions as repository_actions
from repositories.models import Repository
from repositories.webhooks import actions, documents, fanout, formats
from repositories.webhooks.models import Delivery, Webhook
from tests.factories.orgs import add_member, make_organization
from tests.webhooks.conftest import Push

State = Delivery.State
URL = "https://ci.example.org/hook"


@pytest.fixture(autouse=True)
def _nothing_unread(public_app: Repository, private_app: Repository) -> None:
    """What happened before, making the repositories among it, is dealt with."""
    Unread.objects.all().delete()


def make(actor: Actor, place: Any, name: str = "CI", **choices: Any) -> Webhook:
    return actions.create_webhook(actor=actor, place=place, name=name, url=URL, **choices)


def heard() -> list[tuple[str, str]]:
    return [(row.webhook.name, row.summary) for row in Delivery.objects.select_related("webhook").order_by("id")]


def test_a_push_makes_one_delivery_for_each_webhook_that_wants_it(
    as_alice: Actor, public_app: Repository, private_app: Repository, push: Push
) -> None:
    first, off = make(as_alice, public_app, "first"), make(as_alice, public_app, "off")
    actions.update_webhook(actor=as_alice, webhook=off, is_active=False)
    make(as_alice, private_app, "of another repository")
    make(as_alice, public_app, "of deletions", events=["tag.delete"], format="moorage")
    make(as_alice, public_app.namespace, "of the namespace")
    make(as_alice, public_app.namespace, "of other names", repository_pattern="other*")
    event = push("1.0")
    assert fanout.fan_out(event.pk) == 2
    assert heard() == [("first", "1.0"), ("of the namespace", "1.0")]
    row = Delivery.objects.get(webhook=first)
    assert (row.event_id, row.event_key, row.event_type, row.event_action) == (
        event.public_id, event.pk, "push", "repo.tag.push",
    )  # fmt: skip
    assert (row.repository_name, row.state, row.order_key) == (
        public_app.full_name, State.WAITING, f"tag:{public_app.pk}:1.0",
    )  # fmt: skip
    assert row.values["tag"] == "1.0"
    assert b"/-/webhooks/callback/" in bytes(row.body)


def test_tag_patterns_choose(as_alice: Actor, public_app: Repository, push: Push) -> None:
    make(as_alice, public_app, "releases", tag_patterns=["v[0-9].*", "latest"])
    for tag in ("v1.0", "latest", "latest-dev", "nightly"):
        fanout.fan_out(push(tag).pk)
    assert heard() == [("releases", "v1.0"), ("releases", "latest")]


def test_an_event_is_dealt_with_once(hook: Webhook, push: Push) -> None:
    event = push()
    assert Unread.objects.filter(event=event, reader="webhooks").count() == 1
    assert [fanout.fan_out(event.pk), fanout.fan_out(event.pk)] == [1, 0]
    assert not Unread.objects.exists()
    assert Delivery.objects.count() == 1


def test_who_dies_half_way_is_followed_by_another_without_doubles(
    as_alice: Actor, public_app: Repository, push: Push, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fanout, "CHUNK", 2)
    for number in range(5):
        make(as_alice, public_app, str(number))
    event, insert, calls = push(), fanout._insert, []

    def die(rows: Any, repository_id: int | None) -> int:
        calls.append(len(rows))
        if len(calls) == 2:
            raise RuntimeError("killed")
        return insert(rows, repository_id)

    monkeypatch.setattr(fanout, "_insert", die)
    assert fanout.fan_out(event.pk) == 0
    assert (Delivery.objects.count(), Unread.objects.count()) == (2, 1)
    monkeypatch.setattr(fanout, "_insert", insert)
    fanout.fan_out(event.pk)
    assert [name for name, _tag in heard()] == ["0", "1", "2", "3", "4"]
    assert not Unread.objects.exists()


def test_deliveries_are_made_in_the_order_of_the_events_whichever_wakes_first(
    hook: Webhook, push: Push, private_app: Repository
) -> None:
    first, other, second = push("1"), push("other", repository=private_app), push("2")
    fanout.fan_out(second.pk)
    assert fanout.fan_out(first.pk) == 0
    assert [row.summary for row in Delivery.objects.order_by("id")] == ["1", "2"]
    assert [row.event_id for row in Unread.objects.all()] == [other.pk]


def test_a_webhook_hears_nothing_of_what_happened_before_it(
    as_alice: Actor, public_app: Repository, push: Push
) -> None:
    event = push()
    make(as_alice, public_app, "late")
    assert fanout.fan_out(event.pk) == 0
    assert not Unread.objects.exists()


def test_a_database_that_is_locked_for_a_moment_changes_no_order(
    hook: Webhook, push: Push, monkeypatch: pytest.MonkeyPatch
) -> None:
    older, newer = push("a"), push("a")
    make, locked = fanout._fan_out_one, [older.pk]

    def making(event_id: int) -> int:
        if event_id in locked:
            locked.clear()
            raise OperationalError("database is locked")
        return make(event_id)

    monkeypatch.setattr(fanout, "_fan_out_one", making)
    with pytest.raises(OperationalError):
        fanout.fan_out(newer.pk)
    assert not Delivery.objects.exists()
    fanout.fan_out_unread()
    made = Delivery.objects.order_by("pk").values_list("event_id", flat=True)
    assert list(made) == [older.public_id, newer.public_id]


def test_one_event_that_cannot_be_told_keeps_no_other_waiting(
    hook: Webhook, push: Push, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    broken = push("broken")
    push("whole")
    tell = documents.document

    def fail_for_one(event: Event, *rest: Any, **more: Any) -> Any:
        if event == broken:
            raise RuntimeError("died here")
        return tell(event, *rest, **more)

    monkeypatch.setattr(documents, "document", fail_for_one)
    with caplog.at_level(logging.ERROR):
        fanout.fan_out_unread()
    assert [row.summary for row in Delivery.objects.all()] == ["whole"]
    assert [row.event_id for row in Unread.objects.all()] == [broken.pk]
    monkeypatch.undo()
    fanout.fan_out_unread()
    assert Delivery.objects.count() == 2


def test_a_repository_that_is_gone_is_told_to_the_namespace(
    as_alice: Actor, public_app: Repository, push: Push
) -> None:
    make(as_alice, public_app, "its own")
    make(as_alice, public_app.namespace, "of the namespace", events=["repository.delete", "push"], format="moorage")
    late = push("pushed just before")
    repository_actions.delete_repository(actor=as_alice, repository=public_app, typed_name=public_app.full_name)
    fanout.fan_out_unread()
    assert heard() == [("of the namespace", "pushed just before"), ("of the namespace", public_app.full_name)]
    assert Delivery.objects.filter(event_id=late.public_id).count() == 1
    assert {row.repository_name for row in Delivery.objects.all()} == {public_app.full_name}


def test_what_happens_while_a_webhook_is_paused_is_held(hook: Webhook, push: Push) -> None:
    Webhook.objects.update(is_active=False, disabled_by=Webhook.DisabledBy.FAILING)
    fanout.fan_out(push().pk)
    row = Delivery.objects.get()
    assert (row.state, row.next_attempt_at) == (State.HELD, None)
    assert bytes(row.body)


def test_a_payload_that_cannot_be_made_is_a_failed_delivery_that_says_why(
    hook: Webhook, push: Push, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_args: Any) -> Any:
        raise formats.NotRendered("line 3: there is no “tga” here")

    monkeypatch.setattr(formats, "render", refuse)
    fanout.fan_out(push().pk)
    row = Delivery.objects.get()
    assert (row.state, row.last_error, row.next_attempt_at) == (State.FAILED, "line 3: there is no “tga” here", None)
    assert row.finished_at is not None


def test_events_about_people_reach_the_organizations_webhooks_only(alice: User, bob: User, as_alice: Actor) -> None:
    acme = make_organization(alice)
    add_member(acme, bob)
    Unread.objects.all().delete()
    make(as_alice, acme.namespace, "people", events=["member"], format="moorage")
    make(as_alice, alice.namespace, "of Alice herself", events=["member"], format="moorage")
    members.change_member_role(actor=as_alice, organization=acme, username="bob", role=MemberRole.EDITOR)
    fanout.fan_out_unread()
    assert heard() == [("people", "bob")]
    assert Delivery.objects.get().repository_name == ""


def test_who_finds_another_at_work_leaves_it_to_that_one(
    hook: Webhook, push: Push, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Any] = []
    first, insert = push("1"), fanout._insert

    def meanwhile(rows: Any, repository_id: int | None) -> int:
        if not told:
            told.append(push("2"))
            told.append(fanout.fan_out(told[0].pk))
            fanout.fan_out_unread()
        return insert(rows, repository_id)

    monkeypatch.setattr(fanout, "_insert", meanwhile)
    assert fanout.fan_out(first.pk) == 2
    assert told[1] == 0
    assert [row.summary for row in Delivery.objects.order_by("id")] == ["1", "2"]
    assert fanout.fan_out(push("3").pk) == 1


def test_an_error_of_the_database_ends_the_turn(hook: Webhook, push: Push, monkeypatch: pytest.MonkeyPatch) -> None:
    event = push("1")
    with monkeypatch.context() as broken:
        broken.setattr(fanout, "_fan_out_logged", lambda _event: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            fanout.fan_out(event.pk)
    assert fanout.fan_out(event.pk) == 1
