"""Push intents: one open for a tag, settled once, and what the sweep makes of those left behind."""

import threading
import time
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.utils import timezone

from portal.accounts.actor import Actor
from portal.events.models import Event
from portal.kit.errors import Unavailable
from repositories import actions as repositories
from repositories.gateway import tasks
from repositories.images import actions as images, intents, manifests
from repositories.images.models import PushIntent, Tag, TagHistory
from repositories.models import Repository
from repositories.registry import client
from tests import factories
from tests.images.fake_registry import OCI, digest_of, image

State = PushIntent.State
NAME = "alice/private-app"


@pytest.fixture
def opened(as_alice: Actor, private_app: Repository):
    """opened(body): an open intent for the tag 1.0, its lease over unless `leased`."""

    def make(body: bytes = b"", *, tag: str = "1.0", leased: bool = False) -> PushIntent:
        body = body or image()
        intent = intents.open_intent(
            actor=as_alice,
            repository=private_app,
            reference=tag or digest_of(body),
            tag=tag,
            body=body,
            media_type=OCI,
        )
        if not leased:
            PushIntent.objects.filter(pk=intent.pk).update(leased_until=timezone.now() - timedelta(seconds=1))
        return intent

    return make


def push_before(repository: Repository, body: bytes, tag: str = "1.0") -> None:
    """As if it had been pushed long ago."""
    parsed = manifests.parse(body, OCI)
    images.record_push(repository_id=repository.pk, push=images.Push(digest_of(body), parsed, tag=tag))


def state(intent: PushIntent) -> str:
    intent.refresh_from_db()
    return intent.state


def events() -> int:
    return Event.objects.filter(action="repo.tag.push").count()


class TestOpening:
    def test_keeps_who_and_what(self, as_alice, private_app) -> None:
        actor = as_alice.seen_from(address="10.0.0.1", client="docker")
        body = image()
        intents.open_intent(actor=actor, repository=private_app, reference="1", tag="1", body=body, media_type=OCI)
        intent = PushIntent.objects.get()
        assert (intent.actor_id, intent.actor_name, intent.address, intent.client, intent.credential) == (
            as_alice.user_id,
            "alice",
            "10.0.0.1",
            "docker",
            "session",
        )
        assert (bytes(intent.body), intent.state, intent.seen_at) == (body, State.OPEN, None)
        assert timezone.now() < intent.leased_until < timezone.now() + timedelta(minutes=1)

    def test_of_another_tag_or_by_digest_waits_for_nobody(self, opened, monkeypatch) -> None:
        monkeypatch.setattr(intents, "WAIT_FOR_OTHERS", 0)
        opened(tag="1.0")
        opened(tag="2.0")
        opened(tag="")
        opened(tag="")
        assert PushIntent.objects.count() == 4

    def test_waits_for_another_push_of_the_tag(self, opened, monkeypatch) -> None:
        first = opened()
        looks = []

        def pause(seconds: float) -> None:
            looks.append(seconds)
            if len(looks) == 3:
                intents.refuse(first)

        monkeypatch.setattr(time, "sleep", pause)
        assert state(opened(image("second"))) == State.OPEN
        assert len(looks) == 3

    def test_waits_again_when_somebody_else_was_quicker(self, opened, monkeypatch, private_app) -> None:
        queue = [opened()]
        looks = []

        def pause(seconds: float) -> None:
            looks.append(seconds)
            if len(looks) == 1:
                intents.refuse(queue.pop())
                with monkeypatch.context() as unpatched:
                    unpatched.setattr(intents, "being_pushed", lambda *of: False)
                    queue.append(opened(image("third")))
            elif len(looks) == 4:
                intents.refuse(queue.pop())

        answers = iter([False])  # what was seen just before the third took its turn
        real = intents.being_pushed
        monkeypatch.setattr(intents, "being_pushed", lambda *of: next(answers, None) if len(looks) == 1 else real(*of))
        monkeypatch.setattr(time, "sleep", pause)
        assert state(opened(image("second"))) == State.OPEN
        assert len(looks) == 4

    def test_does_not_write_the_manifest_at_every_look(
        self, opened, monkeypatch, django_assert_max_num_queries
    ) -> None:
        monkeypatch.setattr(intents, "WAIT_FOR_OTHERS", 0.3)
        monkeypatch.setattr(intents, "POLL", 0.01)
        opened()
        with django_assert_max_num_queries(100) as queries, pytest.raises(Unavailable):
            opened(image("second"))
        assert len([query for query in queries if "INSERT" in query["sql"]]) == 1

    def test_gives_up_after_a_while(self, opened, monkeypatch) -> None:
        monkeypatch.setattr(intents, "WAIT_FOR_OTHERS", 0.2)
        opened()
        began = time.monotonic()
        with pytest.raises(Unavailable, match="Another push of this tag is under way"):
            opened(image("second"))
        assert 0.2 <= time.monotonic() - began < 5
        assert PushIntent.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_repository_that_is_deleted_while_somebody_pushes(as_alice, private_app) -> None:
    """Both databases check the foreign key at the end of the transaction only."""
    repositories.delete_repository(actor=as_alice, repository=private_app, typed_name=NAME)
    with pytest.raises(Unavailable, match="deleted while you pushed"):
        intents.open_intent(
            actor=as_alice, repository=private_app, reference="1", tag="1", body=image(), media_type=OCI
        )


class TestSettling:
    def test_twice_records_once(self, opened, queued, django_capture_on_commit_callbacks) -> None:
        intent = opened()
        same = PushIntent.objects.get(pk=intent.pk)
        with django_capture_on_commit_callbacks(execute=True):
            assert intents.settle(intent)
            assert not intents.settle(same)
        assert not intents.refuse(same)
        assert [name for name, _arguments in queued].count("repositories.webhooks.fan_out") == 1
        assert (state(intent), events(), TagHistory.objects.count()) == (State.DONE, 1, 1)

    def test_a_refused_one_records_nothing(self, opened) -> None:
        intent = opened()
        assert intents.refuse(intent)
        assert not intents.settle(intent)
        assert (events(), Tag.objects.count()) == (0, 0)
        assert bytes(PushIntent.objects.get().body) == b""

    def test_of_a_repository_that_was_deleted(self, opened, as_alice, private_app) -> None:
        intent = opened()
        repositories.delete_repository(actor=as_alice, repository=private_app, typed_name=NAME)
        assert not intents.settle(intent)
        assert not Tag.objects.exists()

    def test_fails_whole(self, opened, monkeypatch) -> None:
        """Tag, event and the end of the intent: all or nothing."""

        def fails(*arguments: Any, **options: Any) -> None:
            raise RuntimeError

        intent = opened()
        with monkeypatch.context() as patched:
            patched.setattr(images, "record", fails)
            with pytest.raises(RuntimeError):
                intents.settle(intent)
        assert (state(intent), events(), Tag.objects.count()) == (State.OPEN, 0, 0)
        assert intents.settle(intent)


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_record_once() -> None:
    alice = factories.make_user("alice")
    repository = factories.make_repository(alice, "private-app")
    intent = intents.open_intent(
        actor=factories.actor(alice), repository=repository, reference="1", tag="1", body=image(), media_type=OCI
    )
    gate, results = threading.Barrier(2, timeout=10), []

    def work() -> None:
        mine = PushIntent.objects.get(pk=intent.pk)
        gate.wait()
        try:
            results.append(intents.settle(mine))
        except OperationalError:  # a second writer is refused at once by SQLite in memory
            results.append(False)
        finally:
            connection.close()

    workers = [threading.Thread(target=work) for _number in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(timeout=30)
    assert sorted(results) == [False, True]
    assert (events(), TagHistory.objects.count()) == (1, 1)


class TestTheSweep:
    def test_leaves_what_somebody_is_at_work_on(self, opened, registry) -> None:
        intent = opened(leased=True)
        intents.sweep()
        assert (state(intent), registry.calls) == (State.OPEN, [])

    def test_costs_two_queries_when_nothing_was_left_behind(self, opened, registry, django_assert_num_queries) -> None:
        opened(leased=True)
        with django_assert_num_queries(2):
            intents.sweep()

    @pytest.mark.parametrize("by_digest", [False, True])
    @pytest.mark.parametrize(
        ("held", "known", "seen", "expected"),
        [
            # What the registry holds there, whether we knew that before, what a notification told.
            ("the same", False, None, State.DONE),
            ("the same", False, "now", State.DONE),
            ("the same", True, None, State.REFUSED),
            ("the same", True, "now", State.DONE),
            ("the same", True, "long ago", State.DONE),
            ("nothing", False, None, State.REFUSED),
            ("nothing", False, "now", State.OPEN),  # it tells of a push before it writes the tag
            ("nothing", False, "long ago", State.REFUSED),
            ("no answer", False, None, State.OPEN),
            ("no answer", False, "now", State.OPEN),
            ("no answer", True, None, State.OPEN),
            ("no answer", True, "long ago", State.OPEN),
        ],
    )
    def test_goes_by_what_the_registry_holds(
        self, opened, registry, private_app, held, known, seen, expected, by_digest
    ) -> None:
        body = image()
        if known:
            push_before(private_app, body)
        before = events()
        intent = opened(body, tag="" if by_digest else "1.0")
        if held == "the same":
            registry.hold(NAME, body, "1.0")
        registry.away = held == "no answer"
        if seen:
            age = timedelta() if seen == "now" else timedelta(hours=1)
            PushIntent.objects.filter(pk=intent.pk).update(seen_at=timezone.now() - age)
        intents.sweep()
        assert state(intent) == expected
        assert events() - before == (expected == State.DONE and not by_digest)

    @pytest.mark.parametrize(
        ("seen", "expected"), [(None, State.REFUSED), ("now", State.OPEN), ("long ago", State.REFUSED)]
    )
    def test_of_a_tag_that_points_elsewhere(self, opened, registry, seen, expected) -> None:
        intent = opened(image("mine"))
        registry.hold(NAME, image("somebody's"), "1.0")
        if seen:
            age = timedelta() if seen == "now" else timedelta(hours=1)
            PushIntent.objects.filter(pk=intent.pk).update(seen_at=timezone.now() - age)
        intents.sweep()
        assert (state(intent), events()) == (expected, 0)

    def test_records_who_pushed(self, opened, registry) -> None:
        body = image()
        opened(body)
        registry.hold(NAME, body, "1.0")
        intents.sweep()
        assert Tag.objects.get().pushed_by_name == "alice"
        assert Event.objects.get(action="repo.tag.push").actor_name == "alice"

    def test_stops_when_the_registry_is_away_and_asks_again(self, opened, registry) -> None:
        first, second = opened(tag="1"), opened(tag="2")
        registry.away = True
        intents.sweep()
        assert len(registry.calls) == 1
        registry.away = False
        intents.sweep()
        assert {state(first), state(second)} == {State.REFUSED}

    def test_an_error_in_one_stops_no_other(self, opened, registry, monkeypatch, caplog) -> None:
        first, second = opened(tag="1"), opened(tag="2")
        real = client.head_manifest

        def head(name: str, reference: str) -> Any:
            if reference == "1":
                raise RuntimeError
            return real(name, reference)

        monkeypatch.setattr(client, "head_manifest", head)
        intents.sweep()
        assert (state(first), state(second)) == (State.OPEN, State.REFUSED)
        assert f"{first.pk} could not be settled" in caplog.text
        assert first.leased_until > timezone.now(), "it is not tried again at every sweep"

    def test_in_two_workers_takes_each_intent_once(self, opened, registry, monkeypatch) -> None:
        body = image()
        intent = opened(body)
        registry.hold(NAME, body, "1.0")
        real = client.head_manifest

        def head(name: str, reference: str) -> Any:
            with monkeypatch.context() as other:
                other.setattr(client, "head_manifest", real)
                intents.sweep()  # a second worker, just now
                intents._settle_left_behind(intent.pk)  # or one that read the list before
            return real(name, reference)

        monkeypatch.setattr(client, "head_manifest", head)
        intents.sweep()
        assert (state(intent), events(), len(registry.calls)) == (State.DONE, 1, 1)

    def test_does_not_refuse_what_a_notification_named_meanwhile(self, opened, registry, monkeypatch) -> None:
        body = image()
        intent = opened(body)
        real = client.head_manifest

        def head(name: str, reference: str) -> Any:
            try:
                return real(name, reference)
            finally:
                PushIntent.objects.update(seen_at=timezone.now())

        with monkeypatch.context() as patched:
            patched.setattr(client, "head_manifest", head)
            intents.sweep()
        assert state(intent) == State.OPEN
        registry.hold(NAME, body, "1.0")
        intents.sweep()
        assert (state(intent), events()) == (State.DONE, 1)

    def test_forgets_what_was_settled_long_ago(self, opened, registry) -> None:
        done, still_open, young = opened(tag="1"), opened(tag="2", leased=True), opened(tag="3")
        intents.refuse(done)
        intents.refuse(young)
        PushIntent.objects.exclude(pk=young.pk).update(created_at=timezone.now() - intents.KEPT - timedelta(days=1))
        intents.sweep()
        assert set(PushIntent.objects.values_list("pk", flat=True)) == {still_open.pk, young.pk}

    def test_is_a_task(self, opened, registry) -> None:
        intent = opened()
        tasks.sweep()
        assert state(intent) == State.REFUSED


class TestSettlingLate:
    """The registry took what we had given up on."""

    @pytest.fixture
    def refused(self, opened):
        intent = opened(image("late"))
        intents.refuse(intent)
        return PushIntent.objects.select_related("repository").get(pk=intent.pk)

    def test_records_the_push(self, refused, registry) -> None:
        registry.hold(NAME, image("late"), "1.0")
        assert intents.settle_late(refused)
        assert (state(refused), events()) == (State.DONE, 1)
        assert Tag.objects.get().pushed_by_name == "alice"

    def test_twice_records_once(self, refused, registry) -> None:
        registry.hold(NAME, image("late"), "1.0")
        intents.settle_late(refused)
        assert not intents.settle_late(refused)
        assert events() == 1

    def test_of_a_tag_that_was_pushed_again_since(self, refused, registry) -> None:
        registry.hold(NAME, image("newer"), "1.0")
        assert not intents.settle_late(refused)
        assert (state(refused), events()) == (State.REFUSED, 0)

    def test_while_another_push_of_the_tag_is_under_way(self, refused, opened, registry) -> None:
        opened(image("newer"), leased=True)
        registry.hold(NAME, image("late"), "1.0")
        assert not intents.settle_late(refused)
        assert (state(refused), events()) == (State.REFUSED, 0)

    def test_when_the_registry_goes_away_meanwhile_is_left_to_the_sweep(self, refused, registry, monkeypatch) -> None:
        registry.hold(NAME, image("late"), "1.0")
        real = client.get_manifest

        def get(name: str, reference: str) -> Any:
            registry.away = True
            registry.calls.append(("GET", name, reference))
            return registry.manifests[name, reference]

        monkeypatch.setattr(client, "get_manifest", get)
        with pytest.raises(client.RegistryUnavailable):
            intents.settle_late(refused)
        assert state(refused) == State.OPEN
        registry.away = False
        monkeypatch.setattr(client, "get_manifest", real)
        intents.sweep()
        assert (state(refused), events()) == (State.DONE, 1)


def test_digests_are_of_the_algorithm_asked_for() -> None:
    assert intents.digest_of(b"") == "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert intents.digest_of(b"", like="sha512:abc").startswith("sha512:cf83e1357eefb8bd")
