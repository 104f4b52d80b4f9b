"""Creating, changing, switching, deleting webhooks and delivering again. Who may is in test_access."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import Settings

from portal.accounts.actor import Actor
from portal.events.models import Event
from portal.kit.errors import Conflict, Invalid, NotFound
from repositories.models import Repository
from repositories.webhooks import actions, fanout
from repositories.webhooks.access import DeliveryFilter
from repositories.webhooks.deliveries import DELIVER, lock_webhook
from repositories.webhooks.models import Delivery, Webhook
from repositories.webhooks.sender import send_due
from tests.system.receiver import Receiver
from tests.webhooks.conftest import Push

Queued = list[tuple[str, tuple[int | str, ...]]]
State = Delivery.State


def create(actor: Actor, repository: Repository, url: str = "https://ci.example.org/hook", **more: Any) -> Webhook:
    return actions.create_webhook(actor=actor, place=repository, **{"name": "CI", "url": url, **more})


def pause(hook: Webhook) -> None:
    """As the circuit breaker does."""
    since = timezone.now() - timedelta(days=1)
    Webhook.objects.filter(pk=hook.pk).update(
        is_active=False, disabled_by="failing", failing_since=since, paused_at=timezone.now()
    )


def stored(hook: Webhook) -> Webhook:
    return Webhook.objects.get(pk=hook.pk)


def test_the_owner_creates_a_webhook_whose_secrets_are_kept_encrypted(as_alice: Actor, public_app: Repository) -> None:
    url = "https://user:pw@ci.example.org/hook/T0K3N?key=s3cret"
    hook = create(as_alice, public_app, f"{url} ", headers={"X-Key": "s3cret"})
    row = stored(hook)
    assert (row.url, row.headers, row.signing_secrets(timezone.now())) == (url, {"X-Key": "s3cret"}, [hook.new_secret])
    assert (row.name, row.host, row.created_by_name, row.state) == ("CI", "ci.example.org", "alice", "active")
    kept = row.encrypted_url + row.encrypted_headers + row.encrypted_secret
    event = Event.objects.get(action="repo.webhook.create")
    for secret in ("T0K3N", "s3cret", "pw", hook.new_secret.removeprefix("whsec_")):
        assert secret not in kept
        assert secret not in str(event.new)
    assert event.new == {
        "webhook": hook.pk, "name": "CI", "host": "ci.example.org", "state": "active", "events": ["push"],
        "tag_patterns": [], "repository_pattern": "*", "format": "dockerhub", "github_signature": False, "template": "",
    }  # fmt: skip
    assert (event.repository_id, event.target) == (public_app.pk, "alice/public-app: CI")


def test_a_namespaces_webhook_is_recorded_as_the_namespaces(as_alice: Actor, public_app: Repository) -> None:
    hook = actions.create_webhook(
        actor=as_alice, place=public_app.namespace, name="all", url="https://x.example.org", repository_pattern="pub*"
    )
    event = Event.objects.get(action="repo.webhook.create")
    assert (event.namespace, event.repository_id, event.target) == ("alice", None, "alice: all")
    assert (stored(hook).repository, stored(hook).repository_pattern) == (None, "pub*")


def test_what_a_user_typed_wrong_is_said_under_its_field(as_alice: Actor, public_app: Repository) -> None:
    with pytest.raises(Invalid) as caught:
        create(as_alice, public_app, "ftp://example.org", name=" ")
    assert set(caught.value.fields) == {"name", "url"}
    with pytest.raises(Invalid) as caught:
        actions.create_webhook(actor=as_alice, place=public_app, name="CI")
    assert set(caught.value.fields) == {"url"}
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


def test_a_place_takes_a_bounded_number(
    as_alice: Actor, public_app: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(actions, "MOST_WEBHOOKS", 2)
    for place in (public_app, public_app.namespace):
        for _ in range(2):
            actions.create_webhook(actor=as_alice, place=place, name="CI", url="https://ci.example.org")
        with pytest.raises(Conflict):
            actions.create_webhook(actor=as_alice, place=place, name="CI", url="https://ci.example.org")


def test_changes_are_recorded_with_old_and_new_and_without_secrets(as_alice: Actor, hook: Webhook) -> None:
    actions.update_webhook(
        actor=as_alice, webhook=hook, name="Deploy", url="https://cd.example.org/T0K3N", headers={"X-Key": "s3cret"}
    )
    actions.update_webhook(actor=as_alice, webhook=hook, is_active=False)
    row = stored(hook)
    assert (row.name, row.url, row.host) == ("Deploy", "https://cd.example.org/T0K3N", "cd.example.org")
    assert (row.is_active, row.disabled_by) == (False, Webhook.DisabledBy.PERSON)
    first, second = Event.objects.filter(action="repo.webhook.update").order_by("id")
    assert first.old == {"name": "CI", "host": "127.0.0.1", "url": "", "headers": ""}
    assert first.new == {
        "webhook": hook.pk, "name": "Deploy", "host": "cd.example.org", "url": "changed", "headers": "changed",
    }  # fmt: skip
    assert (second.old, second.new) == ({"state": "active"}, {"webhook": hook.pk, "state": "off"})
    actions.update_webhook(actor=as_alice, webhook=hook, is_active=True)
    assert (stored(hook).state, stored(hook).disabled_by) == ("active", "")


def test_a_change_that_changes_nothing_is_not_recorded(as_alice: Actor, public_app: Repository) -> None:
    hook = create(as_alice, public_app, headers={"X-Key": "s3cret"})
    actions.update_webhook(
        actor=as_alice, webhook=hook, name="CI", url=hook.url, headers={"X-Key": None}, is_active=True
    )
    assert not Event.objects.filter(action="repo.webhook.update").exists()


def test_a_wrong_change_changes_nothing(as_alice: Actor, hook: Webhook) -> None:
    with pytest.raises(Invalid):
        actions.update_webhook(actor=as_alice, webhook=hook, name="new", url="http://10.0.0.5/")
    assert stored(hook).name == "CI"


def test_a_change_is_compared_with_what_stands_there_now(as_alice: Actor, hook: Webhook) -> None:
    """Both are fine alone; together the format could not tell of the event."""
    stale = stored(hook)
    actions.update_webhook(actor=as_alice, webhook=hook, format="moorage")
    actions.update_webhook(actor=as_alice, webhook=stale, events=["push", "star"])
    with pytest.raises(Invalid):
        actions.update_webhook(actor=as_alice, webhook=stale, format="dockerhub")
    assert (stored(hook).format, stored(hook).events) == ("moorage", ["push", "star"])


def test_two_changes_at_once_are_not_both_accepted(
    as_alice: Actor, hook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second is committed between the first one's check and its lock."""
    actions.update_webhook(actor=as_alice, webhook=hook, format="moorage")

    def quicker(webhook_id: int) -> Webhook | None:
        Webhook.objects.filter(pk=webhook_id).update(events=["push", "star"])
        return lock_webhook(webhook_id)

    monkeypatch.setattr("repositories.webhooks.actions.lock_webhook", quicker)
    with pytest.raises(Invalid):
        actions.update_webhook(actor=as_alice, webhook=hook, format="dockerhub")
    assert stored(hook).format == "moorage"


def test_what_no_key_decrypts_any_more_can_be_replaced(as_alice: Actor, public_app: Repository) -> None:
    hook = create(as_alice, public_app, headers={"X-Key": "s3cret"})
    Webhook.objects.update(encrypted_url="gone", encrypted_headers="gone", encrypted_secret="gone")
    with pytest.raises(Invalid, match="cannot be decrypted"):
        actions.update_webhook(actor=as_alice, webhook=stored(hook), headers={"X-Key": None})
    actions.update_webhook(actor=as_alice, webhook=stored(hook), name="still editable")
    actions.update_webhook(
        actor=as_alice, webhook=stored(hook), url="https://new.example.org", headers={"X-Key": "anew"}
    )
    secret = actions.rotate_secret(actor=as_alice, webhook=stored(hook), keep_old=False)
    row = stored(hook)
    assert (row.url, row.headers, row.signing_secrets(timezone.now())) == (
        "https://new.example.org", {"X-Key": "anew"}, [secret],
    )  # fmt: skip


class TestSwitching:
    def test_off_gives_up_what_waits(self, as_alice: Actor, delivery: Delivery) -> None:
        actions.update_webhook(actor=as_alice, webhook=delivery.webhook, is_active=False)
        delivery.refresh_from_db()
        assert (delivery.state, delivery.next_attempt_at) == (State.FAILED, None)
        assert delivery.finished_at is not None

    def test_a_paused_one_off_gives_up_what_is_held(self, as_alice: Actor, hook: Webhook, push: Push) -> None:
        pause(hook)
        fanout.fan_out(push().pk)
        assert Delivery.objects.get().state == State.HELD
        actions.update_webhook(actor=as_alice, webhook=stored(hook), is_active=False)
        assert Delivery.objects.get().state == State.FAILED
        assert (stored(hook).state, stored(hook).paused_at) == ("off", None)
        event = Event.objects.get(action="repo.webhook.update")
        assert (event.old, event.new["state"]) == ({"state": "paused"}, "off")

    def test_a_paused_one_is_edited_and_stays_paused(self, as_alice: Actor, hook: Webhook) -> None:
        pause(hook)
        actions.update_webhook(actor=as_alice, webhook=stored(hook), url="https://new.example.org")
        assert stored(hook).state == "paused"

    @pytest.mark.parametrize("way", ["resume", "switch"])
    def test_a_paused_one_on_sends_what_it_missed(
        self, way: str, as_alice: Actor, hook: Webhook, push: Push, queued: Queued, committed: Any
    ) -> None:
        pause(hook)
        fanout.fan_out(push().pk)
        with committed():
            if way == "resume":
                assert actions.resume(actor=as_alice, webhook=stored(hook)) == 1
                assert Event.objects.get(action="repo.webhook.resume").new == {"webhook": hook.pk, "deliveries": 1}
            else:
                actions.update_webhook(actor=as_alice, webhook=stored(hook), is_active=True)
        assert (DELIVER, ()) in queued
        row = stored(hook)
        assert (row.state, row.failing_since, row.paused_at) == ("active", None, None)
        send_due()
        assert Delivery.objects.get().state == State.DELIVERED

    def test_only_a_paused_one_is_resumed(self, as_alice: Actor, hook: Webhook) -> None:
        with pytest.raises(Conflict, match="not paused"):
            actions.resume(actor=as_alice, webhook=hook)


def test_deleting_takes_the_deliveries_along(as_alice: Actor, delivery: Delivery) -> None:
    send_due()
    actions.redeliver(actor=as_alice, delivery=delivery)
    actions.delete_webhook(actor=as_alice, webhook=delivery.webhook)
    assert not Webhook.objects.exists()
    assert not Delivery.objects.exists()
    assert Event.objects.get(action="repo.webhook.delete").old["name"] == "CI"
    with pytest.raises(NotFound):
        actions.redeliver(actor=as_alice, delivery=delivery)


def test_an_archived_repositorys_webhooks_are_managed(as_alice: Actor, hook: Webhook) -> None:
    Repository.objects.update(archived_at=timezone.now())
    actions.update_webhook(actor=as_alice, webhook=hook, name="CI of the archive")
    actions.delete_webhook(actor=as_alice, webhook=hook)


class TestSecrets:
    def test_rotating_signs_with_both_for_a_day(self, as_alice: Actor, hook: Webhook) -> None:
        secret = actions.rotate_secret(actor=as_alice, webhook=hook)
        now = timezone.now()
        assert stored(hook).signing_secrets(now) == [secret, hook.new_secret]
        assert stored(hook).signing_secrets(now + timedelta(days=1)) == [secret]
        assert Event.objects.get(action="repo.webhook.rotate").new == {"webhook": hook.pk, "keep_old": True}

    def test_a_leaked_one_ends_at_once(self, as_alice: Actor, hook: Webhook) -> None:
        secret = actions.rotate_secret(actor=as_alice, webhook=hook, keep_old=False)
        assert stored(hook).signing_secrets(timezone.now()) == [secret]
        assert stored(hook).encrypted_old_secret == ""


class TestAgain:
    def test_an_ended_delivery_is_sent_as_a_new_one_with_the_same_bytes(
        self, as_alice: Actor, delivery: Delivery, queued: Queued, committed: Any
    ) -> None:
        send_due()
        with committed():
            again = actions.redeliver(actor=as_alice, delivery=delivery)
        assert again.pk != delivery.pk
        assert (again.event_id, again.redelivery_of_id) == (delivery.event_id, delivery.pk)
        assert bytes(again.body) == bytes(delivery.body)
        assert (DELIVER, ()) in queued
        assert Event.objects.get(action="repo.webhook.redeliver").new["tag"] == "latest"
        send_due()
        twice = actions.redeliver(actor=as_alice, delivery=again)
        assert twice.redelivery_of_id == delivery.pk

    def test_a_waiting_one_is_sent_now(self, as_alice: Actor, delivery: Delivery) -> None:
        Delivery.objects.update(next_attempt_at=timezone.now() + timedelta(hours=1))
        assert actions.redeliver(actor=as_alice, delivery=delivery).pk == delivery.pk
        send_due()
        assert Delivery.objects.get().state == State.DELIVERED

    def test_not_while_it_is_sent_or_held_or_the_webhook_is_off(self, as_alice: Actor, delivery: Delivery) -> None:
        Delivery.objects.update(state=State.SENDING)
        with pytest.raises(Conflict, match="being sent"):
            actions.redeliver(actor=as_alice, delivery=delivery)
        for disabled_by, words in (("person", "switched off"), ("failing", "paused")):
            Webhook.objects.update(is_active=False, disabled_by=disabled_by)
            with pytest.raises(Conflict, match=words):
                actions.redeliver(actor=as_alice, delivery=delivery)
            with pytest.raises(Conflict, match=words):
                actions.ping(actor=as_alice, webhook=delivery.webhook)

    def test_not_without_a_payload(self, as_alice: Actor, delivery: Delivery) -> None:
        Delivery.objects.update(body=b"", state=State.FAILED)
        with pytest.raises(Conflict, match="nothing to send"):
            actions.redeliver(actor=as_alice, delivery=delivery)
        assert actions.redeliver_many(actor=as_alice, webhook=delivery.webhook, wanted=DeliveryFilter()) == 0

    def test_a_range_is_sent_once_each_and_not_again_while_that_waits_or_when_it_arrived(
        self, as_alice: Actor, hook: Webhook, push: Push
    ) -> None:
        for tag in ("a", "b", "c", "d"):
            fanout.fan_out(push(tag).pk)
        rows = {row.summary: row for row in Delivery.objects.all()}
        Delivery.objects.exclude(summary="d").update(state=State.FAILED, next_attempt_at=None)
        Delivery.objects.filter(summary="d").update(next_attempt_at=timezone.now() + timedelta(hours=1))
        failed = DeliveryFilter(state="failed")
        first = actions.redeliver(actor=as_alice, delivery=rows["a"])
        Delivery.objects.filter(pk=first.pk).update(state=State.FAILED, next_attempt_at=None)
        assert actions.redeliver_many(actor=as_alice, webhook=hook, wanted=failed) == 3
        copies = Delivery.objects.filter(redelivery_of__isnull=False, state=State.WAITING)
        assert [row.summary for row in copies.order_by("pk")] == ["a", "b", "c"]
        assert actions.redeliver_many(actor=as_alice, webhook=hook, wanted=failed) == 0
        assert actions.redeliver_many(actor=as_alice, webhook=hook, wanted=DeliveryFilter(text="d")) == 1
        send_due()
        assert actions.redeliver_many(actor=as_alice, webhook=hook, wanted=failed) == 0
        assert set(Delivery.objects.filter(summary="d").values_list("state", flat=True)) == {State.DELIVERED}
        events = Event.objects.filter(action="repo.webhook.redeliver").order_by("id")
        assert [event.new.get("deliveries") for event in events] == [None, 3, 1]

    def test_a_range_is_bounded(
        self, as_alice: Actor, hook: Webhook, push: Push, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(actions, "REDELIVERED_AT_ONCE", 1)
        for tag in ("a", "b"):
            fanout.fan_out(push(tag).pk)
        with pytest.raises(Conflict, match="Narrow"):
            actions.redeliver_many(actor=as_alice, webhook=hook, wanted=DeliveryFilter())


def test_a_ping_is_a_delivery_of_its_own(
    as_alice: Actor, hook: Webhook, receiver: Receiver, queued: Queued, committed: Any
) -> None:
    with committed():
        delivery = actions.ping(actor=as_alice, webhook=hook)
    assert (delivery.event_type, delivery.state) == ("ping", State.WAITING)
    assert (DELIVER, ()) in queued
    send_due()
    assert len(receiver.got("/ci?token=s3cret")) == 1
