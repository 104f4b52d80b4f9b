"""Creating, changing, deleting webhooks and delivering again: as owner, reader, stranger and token."""

from collections.abc import Callable
from typing import Any

import pytest
from pytest_django import Settings

from portal.accounts.actor import ANONYMOUS, Actor
from portal.accounts.models import TokenLevel, User
from portal.events.models import Event
from portal.kit.errors import Conflict, Forbidden, Invalid, NotFound, Unauthorized
from repositories.models import Repository
from repositories.webhooks import access, actions, deliveries
from repositories.webhooks.models import Delivery, Webhook
from tests import factories

Queued = list[tuple[str, tuple[int | str, ...]]]


def create(actor: Actor, repository: Repository, url: str = "https://ci.example.org/hook") -> Webhook:
    return actions.create_webhook(actor=actor, place=repository, name="CI", url=url)


def test_the_owner_creates_a_webhook_and_its_url_is_kept_encrypted(as_alice: Actor, public_app: Repository) -> None:
    hook = create(as_alice, public_app, "https://user:pw@ci.example.org/hook/T0K3N?key=s3cret ")
    row = Webhook.objects.get(pk=hook.pk)
    assert row.url == "https://user:pw@ci.example.org/hook/T0K3N?key=s3cret"
    assert (row.name, row.host, row.created_by_name, row.is_active) == ("CI", "ci.example.org", "alice", True)
    assert "T0K3N" not in row.encrypted_url
    event = Event.objects.get(action="repo.webhook.create")
    assert event.new == {"webhook": hook.pk, "name": "CI", "host": "ci.example.org"}
    assert event.repository_id == public_app.pk


def test_what_a_user_typed_wrong_is_said_under_its_field(as_alice: Actor, public_app: Repository) -> None:
    with pytest.raises(Invalid) as caught:
        actions.create_webhook(actor=as_alice, place=public_app, name=" ", url="ftp://example.org")
    assert set(caught.value.fields) == {"name", "url"}
    with pytest.raises(Invalid) as caught:
        actions.create_webhook(actor=as_alice, place=public_app, name="x" * 101, url="https://example.org")
    assert set(caught.value.fields) == {"name"}
    assert not Webhook.objects.exists()


@pytest.mark.parametrize("url", ["http://127.0.0.1:80/", "http://[::1]/", "http://localhost/", "http://2130706433/"])
def test_a_url_to_this_machine_is_refused_unless_the_operator_allows_it(
    url: str, as_alice: Actor, public_app: Repository, settings: Settings
) -> None:
    settings.WEBHOOK_NETWORKS = []
    with pytest.raises(Invalid) as caught:
        create(as_alice, public_app, url)
    assert set(caught.value.fields) == {"url"}
    settings.WEBHOOK_NETWORKS = ["127.0.0.0/8", "::1/128"]
    assert create(as_alice, public_app, url).url == url


def test_a_repository_takes_a_bounded_number(
    as_alice: Actor, public_app: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(actions, "MOST_WEBHOOKS", 2)
    for _ in range(2):
        create(as_alice, public_app)
    with pytest.raises(Conflict):
        create(as_alice, public_app)


Use = Callable[[Actor, Delivery], Any]
USES: dict[str, Use] = {
    "create": lambda actor, delivery: create(actor, delivery.webhook.repository),
    "update": lambda actor, delivery: actions.update_webhook(actor=actor, webhook=delivery.webhook, name="x"),
    "delete": lambda actor, delivery: actions.delete_webhook(actor=actor, webhook=delivery.webhook),
    "redeliver": lambda actor, delivery: actions.redeliver(actor=actor, delivery=delivery),
    "list": lambda actor, delivery: access.visible_webhooks(actor, delivery.webhook.repository),
    "deliveries": lambda actor, delivery: access.visible_deliveries(actor, delivery.webhook.repository),
    "fetch": lambda actor, delivery: access.fetch_webhook(
        actor, "alice", delivery.webhook.repository.name, delivery.webhook.pk
    ),
    "fetch delivery": lambda actor, delivery: access.fetch_delivery(
        actor, "alice", delivery.webhook.repository.name, delivery.public_id
    ),
}


@pytest.mark.parametrize("use", USES.values(), ids=USES.keys())
class TestWhoMay:
    def test_the_owner(self, use: Use, as_alice: Actor, delivery: Delivery) -> None:
        assert use(as_alice, delivery) is not NotImplemented

    def test_a_reader_is_forbidden(self, use: Use, as_bob: Actor, delivery: Delivery) -> None:
        with pytest.raises(Forbidden):
            use(as_bob, delivery)
        assert Webhook.objects.filter(name="CI").count() == 1

    def test_nobody_has_to_sign_in(self, use: Use, delivery: Delivery) -> None:
        with pytest.raises(Unauthorized):
            use(ANONYMOUS, delivery)

    def test_to_a_stranger_a_private_repository_does_not_exist(
        self, use: Use, as_bob: Actor, delivery: Delivery
    ) -> None:
        Repository.objects.update(visibility="private")
        with pytest.raises(NotFound):
            use(as_bob, delivery)

    def test_a_token_needs_the_highest_level(self, use: Use, alice: User, delivery: Delivery) -> None:
        with pytest.raises(Forbidden):
            use(factories.token_actor(alice, TokenLevel.WRITE), delivery)
        use(factories.token_actor(alice, TokenLevel.ADMIN), delivery)


def test_a_webhook_of_another_repository_is_not_found(
    as_alice: Actor, hook: Webhook, delivery: Delivery, private_app: Repository
) -> None:
    with pytest.raises(NotFound):
        access.fetch_webhook(as_alice, "alice", private_app.name, hook.pk)
    with pytest.raises(NotFound):
        access.fetch_delivery(as_alice, "alice", private_app.name, delivery.public_id)


def test_name_url_and_switch_are_changed_and_recorded_without_secrets(as_alice: Actor, hook: Webhook) -> None:
    actions.update_webhook(actor=as_alice, webhook=hook, name="Deploy", url="https://cd.example.org/T0K3N")
    actions.update_webhook(actor=as_alice, webhook=hook, is_active=False)
    row = Webhook.objects.get(pk=hook.pk)
    assert (row.name, row.url, row.host) == ("Deploy", "https://cd.example.org/T0K3N", "cd.example.org")
    assert (row.is_active, row.disabled_by) == (False, Webhook.DisabledBy.PERSON)
    first, second = Event.objects.filter(action="repo.webhook.update").order_by("id")
    assert first.old == {"name": "CI", "host": "127.0.0.1", "url": ""}
    assert first.new == {"webhook": hook.pk, "name": "Deploy", "host": "cd.example.org", "url": "changed"}
    assert (second.old, second.new) == ({"is_active": True}, {"webhook": hook.pk, "is_active": False})
    actions.update_webhook(actor=as_alice, webhook=hook, is_active=True)
    row.refresh_from_db()
    assert (row.is_active, row.disabled_by) == (True, Webhook.DisabledBy.NOBODY)


def test_a_change_that_changes_nothing_is_not_recorded(as_alice: Actor, hook: Webhook) -> None:
    actions.update_webhook(actor=as_alice, webhook=hook, name="CI", url=hook.url, is_active=True)
    assert not Event.objects.filter(action="repo.webhook.update").exists()


def test_a_wrong_change_changes_nothing(as_alice: Actor, hook: Webhook) -> None:
    with pytest.raises(Invalid):
        actions.update_webhook(actor=as_alice, webhook=hook, name="", url="http://10.0.0.5/")
    assert Webhook.objects.get(pk=hook.pk).name == "CI"


def test_switching_off_gives_up_what_waits(as_alice: Actor, delivery: Delivery) -> None:
    actions.update_webhook(actor=as_alice, webhook=delivery.webhook, is_active=False)
    delivery.refresh_from_db()
    assert (delivery.state, delivery.next_attempt_at) == (Delivery.State.FAILED, None)
    assert delivery.finished_at is not None


def test_deleting_takes_the_deliveries_along(as_alice: Actor, delivery: Delivery) -> None:
    actions.delete_webhook(actor=as_alice, webhook=delivery.webhook)
    assert not Webhook.objects.exists()
    assert not Delivery.objects.exists()
    assert Event.objects.get(action="repo.webhook.delete").old["name"] == "CI"
    with pytest.raises(NotFound):
        actions.redeliver(actor=as_alice, delivery=delivery)


def test_an_ended_delivery_is_sent_again_as_a_new_one_with_the_same_bytes(
    as_alice: Actor, delivery: Delivery, queued: Queued, committed: Any
) -> None:
    assert deliveries.deliver(delivery.webhook_id)
    with committed():
        again = actions.redeliver(actor=as_alice, delivery=delivery)
    assert again.pk != delivery.pk
    assert (again.event_id, again.redelivery_of_id) == (delivery.event_id, delivery.pk)
    assert bytes(again.body) == bytes(delivery.body)
    assert (deliveries.DELIVER, (again.webhook_id,)) in queued
    event = Event.objects.get(action="repo.webhook.redeliver")
    assert event.new["tag"] == "latest"
    assert deliveries.deliver(again.webhook_id)


def test_a_waiting_delivery_is_sent_now(as_alice: Actor, delivery: Delivery) -> None:
    Delivery.objects.update(next_attempt_at=None)
    assert not deliveries.deliver(delivery.webhook_id)
    assert actions.redeliver(actor=as_alice, delivery=delivery).pk == delivery.pk
    assert Delivery.objects.count() == 1
    assert deliveries.deliver(delivery.webhook_id)


def test_a_delivery_under_way_or_of_a_webhook_that_is_off_is_not_sent_again(
    as_alice: Actor, delivery: Delivery
) -> None:
    assert deliveries.claim(delivery.webhook_id)
    with pytest.raises(Conflict, match="being sent"):
        actions.redeliver(actor=as_alice, delivery=delivery)
    Webhook.objects.update(is_active=False)
    with pytest.raises(Conflict, match="switched off"):
        actions.redeliver(actor=as_alice, delivery=delivery)


def test_lists_cost_the_same_for_two_and_for_six_rows(
    as_alice: Actor, hook: Webhook, push: Any, django_assert_num_queries: Any
) -> None:
    for count in (2, 4):
        for number in range(count):
            deliveries.fan_out(push(f"{count}-{number}").pk)
        for row in Delivery.objects.filter(state=Delivery.State.WAITING):
            assert deliveries.deliver(row.webhook_id)
        with django_assert_num_queries(2):
            rows = list(access.visible_deliveries(as_alice, hook.repository, webhook=hook))
            assert {(row.webhook.name, row.last_status, row.last_error) for row in rows} == {("CI", 200, "")}
            assert all(row.last_duration_ms is not None for row in rows)
    assert len(rows) == 6
    with django_assert_num_queries(2):
        assert list(access.visible_webhooks(as_alice, hook.repository)) == [hook]
    with django_assert_num_queries(3):
        one = access.fetch_delivery(as_alice, "alice", "public-app", rows[0].public_id)
        assert [attempt.status for attempt in one.attempts.all()] == [200]
        assert one.webhook.repository.full_name == "alice/public-app"
