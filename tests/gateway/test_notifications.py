"""The registry's notifications: stored at once, whatever they hold; applied once, in whatever order they come."""

import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import HealthCheck, given, settings, strategies as st

from portal.accounts.actor import Actor
from portal.events.models import Event
from repositories.gateway import notifications
from repositories.gateway.models import Notification
from repositories.images import intents, reconcile
from repositories.images.models import Manifest, PushIntent, Tag, TagHistory
from repositories.models import Repository
from repositories.registry import client
from repositories.registry.signing import SERVICE_SUBJECT
from repositories.sync.models import RepositorySync, Run
from tests.images.fake_registry import OCI, OCI_INDEX, digest_of, image, index

NAME = "alice/private-app"
V1 = "application/vnd.docker.distribution.events.v1+json"
V2 = "application/vnd.docker.distribution.events.v2+json"
SECRET = "Bearer tests-only-notifications"
DIGEST = f"sha256:{'a' * 64}"


def event(action: str = "pull", **changes: Any) -> dict[str, Any]:
    """As registry 2.8 tells it. `target`, `request` and `actor` are added to; the rest is replaced."""
    target = {"mediaType": OCI, "size": 500, "digest": DIGEST, "repository": NAME, "url": "http://127.0.0.1/v2/"}
    asked = {"id": str(uuid.uuid4()), "addr": "10.1.1.1:4711", "host": "x", "method": "GET", "useragent": "docker/28"}
    told = {
        "id": str(uuid.uuid4()),
        "timestamp": "2026-11-24T09:00:00.123456789Z",
        "action": action,
        "target": target | changes.pop("target", {}),
        "request": asked | changes.pop("request", {}),
        "actor": {"name": "0123456789abcdef"} | changes.pop("actor", {}),
        "source": {"addr": "host:5000", "instanceID": "instance-1"},
    }
    return told | changes


def push(**target: Any) -> dict[str, Any]:
    return event("push", target=target, request={"method": "PUT"})


def pull(tag: str = "", digest: str = DIGEST, **changes: Any) -> dict[str, Any]:
    target = {"digest": digest} | ({"tag": tag} if tag else {}) | changes.pop("target", {})
    return event("pull", target=target, **changes)


def post(*events: Any, content_type: str = V1, secret: str = SECRET) -> int:
    return post_raw(json.dumps({"events": list(events)}).encode(), content_type=content_type, secret=secret)


def post_raw(body: bytes, *, content_type: str = V1, secret: str = SECRET) -> int:
    headers = {"Authorization": secret} if secret else {}
    told: dict[str, Any] = {"CONTENT_LENGTH": str(len(body))}  # which Django's client leaves out for an empty body
    response = Client().post("/-/notifications", body, content_type=content_type, headers=headers, **told)
    return response.status_code


def pulls(name: str = NAME) -> int:
    return Repository.objects.get(full_name=name).pull_count


class TestIntake:
    @pytest.mark.parametrize("secret", ["", "Bearer wrong", "tests-only-notifications", SECRET + "x", "Bearer \xe9"])
    def test_a_wrong_secret(self, db, secret) -> None:
        assert post(event(), secret=secret) == 401
        assert not Notification.objects.exists()

    @pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE"])
    def test_another_method(self, db, method) -> None:
        answer = Client().generic(method, "/-/notifications", headers={"Authorization": SECRET})
        assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")

    @pytest.mark.parametrize(
        "content_type", [V1, V2, "application/json", "application/vnd.example.events.v9+json; charset=utf-8", "", "x"]
    )
    def test_any_content_type(self, db, content_type) -> None:
        assert post(event(), content_type=content_type) == 202
        assert Notification.objects.count() == 1

    def test_what_is_kept(self, db) -> None:
        told = push(tag="1.0")
        post(told)
        row = Notification.objects.get()
        assert (row.event_id, row.action, row.repository, row.tag, row.digest, row.media_type) == (
            told["id"],
            "push",
            NAME,
            "1.0",
            DIGEST,
            OCI,
        )
        assert (row.method, row.actor, row.address, row.client, row.instance) == (
            "PUT",
            "0123456789abcdef",
            "10.1.1.1:4711",
            "docker/28",
            "instance-1",
        )
        assert row.at == datetime(2026, 11, 24, 9, 0, 0, 123456, tzinfo=UTC)
        assert row.applied_at is None

    def test_a_repeated_event_is_known(self, db) -> None:
        told = event()
        assert [post(told), post(told), post(told, told)] == [202, 202, 202]
        assert Notification.objects.count() == 1

    @pytest.mark.parametrize("count", [1, 5, 50])
    def test_costs_one_insert_however_many_there_are(self, db, count) -> None:
        with CaptureQueriesContext(
            connection,
        ) as queries:
            post(*(event() for _number in range(count)))
        statements = [query["sql"] for query in queries if "SAVEPOINT" not in query["sql"]]
        assert [statement.split()[0] for statement in statements] == ["INSERT"]

    @pytest.mark.parametrize("body", [b"", b"{", b"[]", b"7", b"\xff", b"{}", b'{"events": 7}', b'{"events": []}'])
    def test_what_is_no_envelope_is_not_repeated(self, db, body) -> None:
        assert post_raw(body) == 202
        assert not Notification.objects.exists()

    def test_nested_too_deep(self, db) -> None:
        assert post_raw(b"[" * 100_000) == 202

    def test_too_long(self, db, monkeypatch) -> None:
        monkeypatch.setattr(notifications, "BODY_MAX", 100)
        assert post(event()) == 202
        assert not Notification.objects.exists()

    def test_a_database_that_is_away_is_not_hidden(self, db, monkeypatch) -> None:
        """The registry keeps the events and tries again."""

        def away(*arguments: Any, **options: Any) -> None:
            raise DatabaseError

        monkeypatch.setattr(Notification.objects, "bulk_create", away)
        with pytest.raises(DatabaseError):
            post(event())

    @pytest.mark.parametrize(
        "malformed",
        [
            7,
            None,
            "event",
            [],
            {},
            event(id=7),
            event(id=None),
            event(id=""),
            event(timestamp=7),
            event(timestamp="2026-13-45T99:00:00Z"),
            event(timestamp="9999-12-31T23:59:59-10:00"),
            event() | {"action": ["pull"]},
            event() | {"target": []},
            event() | {"target": {}},
            event() | {"request": "GET"},
            event() | {"actor": ["x"]},
            event(target={"repository": 7}),
        ],
    )
    def test_a_malformed_event_among_good_ones(self, db, malformed) -> None:
        first, last = event(), event()
        assert post(first, malformed, last) == 202
        assert set(Notification.objects.values_list("event_id", flat=True)) == {first["id"], last["id"]}

    @pytest.mark.parametrize(
        ("timestamp", "at"),
        [
            ("2026-11-24T10:00:00+01:00", datetime(2026, 11, 24, 9, tzinfo=UTC)),
            ("2026-11-24T09:00:00", datetime(2026, 11, 24, 9, tzinfo=UTC)),
            ("0001-01-01T00:00:00Z", datetime(1970, 1, 1, tzinfo=UTC)),
        ],
    )
    def test_moments(self, db, timestamp, at) -> None:
        assert post(event(timestamp=timestamp)) == 202
        assert Notification.objects.get().at == at

    def test_a_moment_that_is_none_is_now(self, db) -> None:
        post(event(timestamp="yesterday"))
        assert abs(Notification.objects.get().at - timezone.now()) < timedelta(minutes=1)

    def test_characters_that_no_database_stores(self, db) -> None:
        told = pull(tag="1\0.0", target={"repository": "alice/\ud800app"}, request={"useragent": "a\0" * 300})
        assert post(told) == 202
        row = Notification.objects.get()
        assert (row.tag, row.repository, row.client) == ("1.0", "alice/?app", "a" * 256)

    def test_what_is_missing_is_empty(self, db) -> None:
        told = event("delete") | {"target": {"repository": NAME}}
        for name in ("request", "actor", "source"):
            del told[name]
        assert post(told) == 202
        assert Notification.objects.get().tag == ""

    @pytest.mark.parametrize(
        ("told", "kept"),
        [
            (push(), True),
            (push(mediaType=OCI_INDEX), True),
            (push(mediaType="application/octet-stream"), False),
            (event("mount"), False),
            (event("delete", target={"mediaType": ""}), True),
            (pull(), True),
            (pull(target={"mediaType": "application/octet-stream"}), False),
            (pull(request={"method": "HEAD"}), False),
            (pull(actor={"name": SERVICE_SUBJECT}), False),
            (pull(actor={"name": ""}), True),
        ],
    )
    def test_which_events_count(self, db, told, kept) -> None:
        assert post(told) == 202
        assert Notification.objects.exists() is kept


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.datetimes().map(str),
    lambda values: st.lists(values, max_size=4) | st.dictionaries(st.text(max_size=5), values, max_size=4),
    max_leaves=8,
)
any_event = st.fixed_dictionaries(
    {
        "id": st.uuids().map(str) | json_values,
        "timestamp": st.datetimes().map(lambda moment: moment.isoformat() + "+14:00") | json_values,
        "action": st.sampled_from(["push", "pull", "delete"]) | json_values,
        "target": st.fixed_dictionaries({"repository": st.text() | json_values, "mediaType": st.just(OCI)})
        | json_values,
        "request": st.just({"method": "GET"}) | json_values,
        "actor": st.fixed_dictionaries({"name": st.uuids().map(str) | st.text()}) | json_values,
    }
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(st.lists(any_event | json_values, max_size=4))
def test_whatever_comes_is_answered_and_what_was_stored_is_applied(db, registry, events) -> None:
    good = event()
    assert post_raw(json.dumps({"events": [*events, good]}).encode()) == 202
    assert Notification.objects.filter(event_id=good["id"]).exists()
    notifications.apply()
    assert not Notification.objects.filter(applied_at=None).exists()


class TestPulls:
    def test_are_counted(self, private_app, registry) -> None:
        post(pull("1.0"), pull("2.0"))
        post(pull())
        notifications.apply()
        assert pulls() == 3

    def test_a_repeated_one_once(self, private_app, registry) -> None:
        told = pull("1.0")
        post(told)
        notifications.apply()
        post(told)
        notifications.apply()
        assert pulls() == 1

    def test_a_multi_platform_image_once(self, private_app, registry) -> None:
        child = image()
        whole = index(child)
        registry.hold(NAME, child)
        reconcile.add(private_app, registry.hold(NAME, whole, "1.0"))
        for told in ([pull("1.0", digest_of(whole))], [pull("", digest_of(child))]):
            post(*told)
            notifications.apply()
        post(pull("", digest_of(child)), pull("", digest_of(whole)))  # as containerd, in the wrong order
        notifications.apply()
        assert pulls() == 2

    def test_nothing_is_written_for_a_child_alone(self, private_app, registry) -> None:
        child = image()
        registry.hold(NAME, child)
        reconcile.add(private_app, registry.hold(NAME, index(child), "1.0"))
        post(pull("", digest_of(child)))
        notifications.apply()
        assert pulls() == 0

    def test_a_child_that_has_a_tag_of_its_own(self, private_app, registry) -> None:
        child = image()
        registry.hold(NAME, child, "amd64")
        reconcile.add(private_app, registry.hold(NAME, index(child), "1.0"))
        post(pull("amd64", digest_of(child)))
        notifications.apply()
        assert pulls() == 1

    def test_a_tag_knows_its_last_one_in_whatever_order_they_come(self, private_app, registry) -> None:
        reconcile.add(private_app, registry.hold(NAME, image(), "1.0"), tag="1.0")
        hours = [3, 5, 4]
        post(*(pull("1.0", timestamp=f"2026-11-24T0{hour}:00:00Z") for hour in hours))
        notifications.apply()
        post(pull("1.0", timestamp="2026-11-24T02:00:00Z"), pull("gone"))
        notifications.apply()
        assert Tag.objects.get().last_pulled_at == datetime(2026, 11, 24, 5, tzinfo=UTC)
        assert pulls() == 5

    def test_of_several_repositories_and_of_none(self, private_app, public_app, registry) -> None:
        unknown = pull("1.0", target={"repository": "nobody/app"})
        post(pull("1.0"), pull("1.0", target={"repository": "alice/public-app"}), unknown, pull("2.0"))
        notifications.apply()
        assert (pulls(), pulls("alice/public-app")) == (2, 1)

    def test_ask_the_registry_nothing(self, private_app, registry) -> None:
        post(pull("1.0"), event("delete"))
        notifications.apply()
        assert registry.calls == []


class TestApplying:
    def test_nothing_costs_two_queries(self, db, django_assert_num_queries) -> None:
        with django_assert_num_queries(2):
            notifications.apply()

    def test_more_than_a_batch_in_one_run(self, private_app, registry, monkeypatch) -> None:
        monkeypatch.setattr(notifications, "BATCH", 2)
        post(*(pull("1.0") for _number in range(5)))
        notifications.apply()
        assert pulls() == 5

    def test_no_more_batches_than_a_run_may_take(self, private_app, registry, monkeypatch) -> None:
        monkeypatch.setattr(notifications, "BATCH", 1)
        monkeypatch.setattr(notifications, "BATCHES", 2)
        post(*(pull("1.0") for _number in range(3)))
        notifications.apply()
        assert pulls() == 2
        notifications.apply()
        assert pulls() == 3

    def test_all_or_nothing(self, private_app, registry, monkeypatch) -> None:
        def fails(rows: Any) -> None:
            raise RuntimeError

        post(pull("1.0"))
        with monkeypatch.context() as patched:
            patched.setattr(notifications, "_count_pulls", fails)
            with pytest.raises(RuntimeError):
                notifications.apply()
        notifications.apply()
        assert pulls() == 1

    def test_old_ones_are_forgotten_and_waiting_ones_are_not(self, private_app, registry) -> None:
        post(event(id="old"), event(id="young"))
        notifications.apply()
        Notification.objects.filter(event_id="old").update(applied_at=timezone.now() - timedelta(days=8))
        post(event(id="waiting"))
        Notification.objects.filter(event_id="waiting").update(received_at=timezone.now() - timedelta(days=8))
        notifications.forget()
        assert set(Notification.objects.values_list("event_id", flat=True)) == {"young", "waiting"}


class TestPushesOfIntents:
    @pytest.fixture
    def intent(self, as_alice: Actor, private_app: Repository) -> PushIntent:
        return intents.open_intent(
            actor=as_alice, repository=private_app, reference="1.0", tag="1.0", body=image(), media_type=OCI
        )

    def told(self, intent: PushIntent) -> dict[str, Any]:
        return event(
            "push",
            target={"digest": intent.digest, "tag": "1.0"},
            request={"method": "PUT"},
            actor={"name": str(intent.pk)},
        )

    def test_an_open_one_was_seen(self, intent, registry) -> None:
        post(self.told(intent))
        notifications.apply()
        intent.refresh_from_db()
        assert (intent.state, registry.calls) == (PushIntent.State.OPEN, [])
        assert intent.seen_at is not None
        first = intent.seen_at
        post(self.told(intent))
        notifications.apply()
        intent.refresh_from_db()
        assert intent.seen_at == first

    def test_of_a_pull_by_such_a_name_nothing_follows(self, intent, registry) -> None:
        post(pull("1.0", actor={"name": str(intent.pk)}))
        notifications.apply()
        intent.refresh_from_db()
        assert intent.seen_at is None

    def test_one_that_is_done_stays_as_it_is(self, intent, registry) -> None:
        intents.settle(intent)
        post(self.told(intent))
        notifications.apply()
        assert (registry.calls, TagHistory.objects.count()) == ([], 1)
        assert not Notification.objects.filter(applied_at=None).exists()

    def test_one_that_was_refused_is_settled_late(self, intent, registry) -> None:
        intents.refuse(intent)
        registry.hold(NAME, image(), "1.0")
        post(self.told(intent))
        notifications.apply()
        intent.refresh_from_db()
        assert intent.state == PushIntent.State.DONE
        assert Event.objects.get(action="repo.tag.push").actor_name == "alice"

    def test_one_whose_tag_is_not_written_yet_is_looked_at_again(self, intent, registry) -> None:
        intents.refuse(intent)
        post(self.told(intent))
        notifications.apply()
        registry.hold(NAME, image("what was there"), "1.0")
        notifications.apply()
        registry.hold(NAME, image(), "1.0")
        notifications.apply()
        intent.refresh_from_db()
        assert intent.state == PushIntent.State.DONE

    def test_one_that_never_comes_is_given_up(self, intent, registry, caplog) -> None:
        intents.refuse(intent)
        post(self.told(intent))
        notifications.apply()
        assert Notification.objects.filter(applied_at=None).exists()
        Notification.objects.update(received_at=timezone.now() - timedelta(minutes=2))
        notifications.apply()
        assert not Notification.objects.filter(applied_at=None).exists()
        assert "it is not there" in caplog.text

    def test_an_intent_that_nobody_knows(self, private_app, registry) -> None:
        post(event("push", actor={"name": str(uuid.uuid4())}))
        notifications.apply()
        assert registry.calls == []


class TestPushesThatCameAnotherWay:
    def test_are_added_without_an_event(self, private_app, registry) -> None:
        digest = registry.hold(NAME, image(), "1.0")
        post(push(tag="1.0", digest=digest))
        notifications.apply()
        assert Tag.objects.get().manifest.digest == digest
        assert TagHistory.objects.get().action == "found"
        assert not Event.objects.filter(action="repo.tag.push").exists()

    def test_move_a_tag_that_is_known(self, private_app, registry) -> None:
        reconcile.add(private_app, registry.hold(NAME, image("old"), "1.0"), tag="1.0")
        digest = registry.hold(NAME, image("new"), "1.0")
        post(push(tag="1.0", digest=digest))
        notifications.apply()
        assert Tag.objects.get().manifest.digest == digest

    def test_a_late_one_changes_nothing(self, private_app, registry) -> None:
        """Nor is it looked at again: both images are known."""
        old = registry.hold(NAME, image("old"))
        reconcile.add(private_app, old)
        new = registry.hold(NAME, image("new"), "1.0")
        reconcile.add(private_app, new, tag="1.0")
        post(push(tag="1.0", digest=old))
        notifications.apply()
        assert Tag.objects.get().manifest.digest == new
        assert not Notification.objects.filter(applied_at=None).exists()

    def test_before_the_registry_has_moved_the_tag_are_looked_at_again(self, private_app, registry) -> None:
        reconcile.add(private_app, registry.hold(NAME, image("old"), "1.0"), tag="1.0")
        post(push(tag="1.0", digest=digest_of(image("new"))))
        notifications.apply()
        registry.hold(NAME, image("new"), "1.0")
        notifications.apply()
        assert Tag.objects.get().manifest.digest == digest_of(image("new"))

    def test_of_a_tag_that_the_gateway_is_writing_are_left_to_it(self, private_app, registry) -> None:
        digest = registry.hold(NAME, image(), "1.0")
        PushIntent.objects.create(
            repository=private_app, tag="1.0", reference="1.0", digest=digest, leased_until=timezone.now()
        )
        post(push(tag="1.0", digest=digest))
        notifications.apply()
        assert not Tag.objects.exists()

    def test_by_digest(self, private_app, registry) -> None:
        digest = registry.hold(NAME, image())
        post(push(digest=digest))
        notifications.apply()
        assert (Manifest.objects.get().digest, Tag.objects.count()) == (digest, 0)

    @pytest.mark.parametrize("actor", ["", "0123456789abcdef", "not-an-intent", "somebody"])
    def test_whoever_it_was(self, private_app, registry, actor) -> None:
        digest = registry.hold(NAME, image(), "1.0")
        post(push(tag="1.0", digest=digest) | {"actor": {"name": actor}})
        notifications.apply()
        assert Tag.objects.get().pushed_by_name == ""

    def test_to_a_repository_that_nobody_knows(self, private_app, registry) -> None:
        post(push(tag="1.0", repository="nobody/app"))
        notifications.apply()
        assert (registry.calls, Repository.objects.count()) == ([], 1)

    def test_without_a_digest(self, private_app, registry) -> None:
        post(push(tag="1.0", digest=None))
        notifications.apply()
        assert registry.calls == []

    def test_are_looked_at_again_until_the_registry_has_them(self, private_app, registry) -> None:
        post(push(tag="1.0"))
        notifications.apply()
        assert not Tag.objects.exists()
        registry.hold(NAME, image(), "1.0")
        notifications.apply()
        assert Tag.objects.get().name == "1.0"

    def test_wait_together_while_the_registry_is_away(self, private_app, registry) -> None:
        digests = {tag: registry.hold(NAME, image(tag), tag) for tag in ("1", "2", "3")}
        registry.away = True
        post(*(push(tag=tag, digest=digest) for tag, digest in digests.items()), pull("1"))
        notifications.apply()
        assert len(registry.calls) == 1
        assert pulls() == 1
        registry.away = False
        notifications.apply()
        assert Tag.objects.count() == 3

    def test_one_that_cannot_be_added_stops_no_other(self, private_app, registry, caplog, monkeypatch) -> None:
        registry.hold(NAME, b'{"schemaVersion": 2, "config": 7}', "garbage")
        registry.hold(NAME, image(), "good")
        bad = [push(tag="no tag!", digest="no digest"), push(tag="garbage")]
        real = client.head_manifest
        post(*bad, push(tag="good"))

        def head(name: str, reference: str) -> Any:
            if "!" in reference:
                raise ValueError(reference)  # as the real client
            return real(name, reference)

        monkeypatch.setattr(client, "head_manifest", head)
        notifications.apply()
        assert [tag.name for tag in Tag.objects.all()] == ["good"]
        assert not Notification.objects.filter(applied_at=None).exists()
        assert caplog.text.count("that the registry told of was not added") == 2


class TestTheComparison:
    def test_begins_when_the_registry_was_started_anew(self, private_app, registry) -> None:
        post(pull("1.0"))
        notifications.apply()
        assert not Run.objects.exists()
        post(pull("1.0", source={"instanceID": "instance-2"}))
        notifications.apply()
        assert Run.objects.get().trigger == "instance"

    def test_looks_soon_where_something_was_deleted_past_the_portal(self, private_app, public_app, registry) -> None:
        ours = event("delete", target={"repository": "alice/public-app"}, actor={"name": str(uuid.uuid4())})
        post(event("delete"), event("delete", target={"repository": "nobody/app"}), ours)
        notifications.apply()
        assert list(RepositorySync.objects.values_list("repository", flat=True)) == [private_app.pk]
        assert RepositorySync.objects.get().due_at is not None
