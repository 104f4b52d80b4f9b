"""record_push and record_found: tag, history, counters, event; and what they cost."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from portal.accounts.models import User
from portal.events.models import Event, Unread
from repositories.images.actions import READ_DETAILS, Push, Pusher, record_found, record_push
from repositories.images.manifests import SIZE_MAX, parse
from repositories.images.models import IndexEntry, Manifest, ManifestKind, Tag, TagHistory
from repositories.models import Repository
from repositories.registry.client import OCI_INDEX
from tests.images.fake_registry import OCI, digest_of, image, index, part

Details = Manifest.Details


@pytest.fixture
def pusher(alice: User) -> Pusher:
    return Pusher(alice.pk, alice.public_id, "alice", "password", "10.0.0.1", "docker/28")


@pytest.fixture
def push(private_app: Repository, pusher: Pusher):
    """push(body, "1.0"), as the gateway does."""

    def record(body: bytes, tag: str = "", *, media_type: str = OCI) -> Manifest:
        what = Push(digest_of(body), parse(body, media_type), tag=tag, pusher=pusher)
        with transaction.atomic():
            return record_push(repository_id=private_app.pk, push=what)

    return record


def found(repository: Repository, body: bytes, tag: str = "", *, media_type: str = OCI) -> bool:
    return record_found(repository_id=repository.pk, digest=digest_of(body), parsed=parse(body, media_type), tag=tag)


def events() -> list[Event]:
    return list(Event.objects.filter(action="repo.tag.push").order_by("id"))


class TestATaggedPush:
    def test_of_a_new_tag(self, push, private_app, alice) -> None:
        body = image(layers=2)
        before = timezone.now()
        manifest = push(body, "1.0")
        tag = Tag.objects.get()
        assert (tag.name, tag.manifest_id, tag.pushed_by_id, tag.pushed_by_name) == (
            "1.0",
            manifest.pk,
            alice.pk,
            "alice",
        )
        history = TagHistory.objects.get()
        assert (history.action, history.digest, history.previous_digest) == ("created", digest_of(body), "")
        assert (history.actor_id, history.actor_name, history.credential, history.client) == (
            alice.pk,
            "alice",
            "password",
            "docker/28",
        )
        private_app.refresh_from_db()
        assert private_app.tag_count == 1
        assert private_app.last_pushed_at is not None
        assert private_app.last_pushed_at == private_app.updated_at == tag.pushed_at == history.at
        assert before <= history.at <= timezone.now()

    def test_that_moves_a_tag(self, push, private_app) -> None:
        first, second = image("first"), image("second")
        push(first, "1.0")
        push(second, "1.0")
        history = TagHistory.objects.order_by("-id")[0]
        assert (history.action, history.digest, history.previous_digest) == (
            "moved",
            digest_of(second),
            digest_of(first),
        )
        assert Tag.objects.get().manifest.digest == digest_of(second)
        private_app.refresh_from_db()
        assert private_app.tag_count == 1
        assert Manifest.objects.count() == 2, "the old image is still there"

    def test_of_the_same_again(self, push, private_app) -> None:
        push(image(), "1.0")
        Manifest.objects.update(pushed_at=timezone.now() - timedelta(days=1))
        push(image(), "1.0")
        history = TagHistory.objects.order_by("-id")[0]
        assert (history.action, history.previous_digest) == ("repeated", "")
        private_app.refresh_from_db()
        assert (private_app.tag_count, Manifest.objects.count()) == (1, 1)
        assert timezone.now() - Manifest.objects.get().pushed_at < timedelta(minutes=1)
        assert len(events()) == 2

    def test_of_two_tags_on_one_image(self, push, private_app) -> None:
        push(image(), "latest")
        push(image(), "1.0")
        private_app.refresh_from_db()
        assert (private_app.tag_count, Manifest.objects.count()) == (2, 1)
        assert [row.action for row in TagHistory.objects.all()] == ["created", "created"]

    def test_by_somebody_who_is_gone(self, private_app) -> None:
        what = Push(digest_of(image()), parse(image(), OCI), tag="1.0", pusher=Pusher(name="ghost"))
        with transaction.atomic():
            record_push(repository_id=private_app.pk, push=what)
        assert (Tag.objects.get().pushed_by, Tag.objects.get().pushed_by_name) == (None, "ghost")

    def test_to_a_repository_that_was_deleted(self, push, private_app) -> None:
        private_app.delete()
        with pytest.raises(Repository.DoesNotExist):
            push(image(), "1.0")


class TestTheEvent:
    def test_says_who_and_what(self, push, private_app, pusher) -> None:
        body = image(size=100)
        push(body, "1.0")
        event = events()[0]
        assert (event.actor_id, event.actor_name, event.credential) == (pusher.public_id, "alice", "password")
        assert (event.address, event.client) == ("10.0.0.1", "docker/28")
        assert (event.namespace, event.repository_id, event.target) == (
            "alice",
            private_app.pk,
            "alice/private-app:1.0",
        )
        assert (event.old, event.new) == (
            {},
            {
                "tag": "1.0",
                "digest": digest_of(body),
                "media_type": OCI,
                "previous_digest": "",
                "platforms": [],
                "size": 200,
            },
        )

    def test_says_from_what_the_tag_moved(self, push) -> None:
        push(image("first"), "1.0")
        push(image("second"), "1.0")
        push(image("second"), "1.0")
        first = digest_of(image("first"))
        assert [event.old for event in events()] == [{}, {"digest": first}, {}]
        assert [event.new["previous_digest"] for event in events()] == ["", first, ""]

    def test_names_the_platforms_of_an_index(self, push) -> None:
        children = [image("one"), image("two")]
        for child in children:
            push(child)
        push(index(*children, attestation=True), "1.0", media_type=OCI_INDEX)
        event = events()[0]
        assert (event.new["platforms"], event.new["size"]) == (["linux/amd64", "linux/arm64/v8"], 400)

    def test_wakes_its_readers_after_commit(self, push, queued, django_capture_on_commit_callbacks) -> None:
        with django_capture_on_commit_callbacks(execute=True):
            push(image(), "1.0")
        event = events()[0]
        assert ("repositories.webhooks.fan_out", (event.pk,)) in queued
        assert Unread.objects.filter(event=event, reader="webhooks").exists()


def test_a_push_by_digest_is_no_event(push, private_app) -> None:
    push(image())
    private_app.refresh_from_db()
    assert (Manifest.objects.count(), Tag.objects.count(), TagHistory.objects.count()) == (1, 0, 0)
    assert (events(), private_app.tag_count, private_app.last_pushed_at) == ([], 0, None)


class TestManifests:
    def test_keep_what_was_parsed(self, push) -> None:
        manifest = push(image("x", layers=1, annotations={"a": "b"}))
        manifest.refresh_from_db()
        assert (manifest.kind, manifest.total_size, manifest.annotations) == (ManifestKind.IMAGE, 200, {"a": "b"})
        assert manifest.config_digest == digest_of(b"x config")
        assert [layer["digest"] for layer in manifest.layers] == [digest_of(b"x layer 0")]

    def test_of_images_are_read_by_a_task(self, push, queued, django_capture_on_commit_callbacks) -> None:
        with django_capture_on_commit_callbacks(execute=True):
            manifest = push(image())
        assert queued == [(READ_DETAILS, (manifest.pk,))]
        assert manifest.details == Details.PENDING
        with django_capture_on_commit_callbacks(execute=True):
            push(image())
        assert len(queued) == 1

    def test_of_artifacts_and_indexes_need_no_reading(self, push, queued, django_capture_on_commit_callbacks) -> None:
        with django_capture_on_commit_callbacks(execute=True):
            push(image(artifactType="application/vnd.example"))
            push(index(), media_type=OCI_INDEX)
        assert queued == []
        assert set(Manifest.objects.values_list("details", flat=True)) == {Details.READ}

    def test_of_a_chart_are_read_by_a_task(self, push, queued, django_capture_on_commit_callbacks) -> None:
        chart = part("chart", media_type="application/vnd.cncf.helm.config.v1+json")
        with django_capture_on_commit_callbacks(execute=True):
            manifest = push(image(config=chart))
        assert queued == [(READ_DETAILS, (manifest.pk,))]

    def test_of_layers_are_kept_with_what_they_say_of_themselves(self, push) -> None:
        told = {"org.opencontainers.image.title": "model.bin"}
        document = json.loads(image(layers=2))
        document["layers"][1]["annotations"] = told
        manifest = push(json.dumps(document).encode())
        assert [layer.get("annotations") for layer in manifest.layers] == [None, told]

    def test_that_could_not_be_read_get_another_chance(self, push, queued, django_capture_on_commit_callbacks) -> None:
        manifest = push(image())
        Manifest.objects.update(details=Details.FAILED, details_tries=12)
        with django_capture_on_commit_callbacks(execute=True):
            push(image())
        manifest.refresh_from_db()
        assert (manifest.details, manifest.details_tries) == (Details.PENDING, 0)
        assert queued == [(READ_DETAILS, (manifest.pk,))]

    def test_of_an_index_know_its_entries(self, push) -> None:
        children = [image("one"), image("two")]
        whole = push(index(*children), media_type=OCI_INDEX)
        entries = list(IndexEntry.objects.filter(index=whole))
        assert [(entry.position, entry.digest, entry.platform) for entry in entries] == [
            (0, digest_of(children[0]), "linux/amd64"),
            (1, digest_of(children[1]), "linux/arm64/v8"),
        ]
        push(index(*children), media_type=OCI_INDEX)
        assert IndexEntry.objects.count() == 2

    def test_of_an_index_are_as_large_as_its_children_together(self, push) -> None:
        push(image("one", size=1000))
        whole = push(index(image("one", size=1000), image("missing")), media_type=OCI_INDEX)
        whole.refresh_from_db()
        assert whole.total_size == 2000

    def test_of_an_index_whose_children_tell_absurd_sizes(self, push) -> None:
        """Nobody checks them, and together they are more than a database's integer."""
        children = [image(text, size=2**61) for text in ("one", "two")]
        for child in children:
            push(child)
        whole = push(index(*children), media_type=OCI_INDEX)
        whole.refresh_from_db()
        assert whole.total_size == SIZE_MAX

    def test_are_of_one_repository(self, push, private_app, public_app) -> None:
        push(image("one"))
        found(public_app, index(image("one")), media_type=OCI_INDEX)
        assert Manifest.objects.get(repository=public_app).total_size == 0


class TestWhatWasFound:
    def test_is_no_event(self, private_app) -> None:
        assert found(private_app, image(), "1.0")
        history = TagHistory.objects.get()
        assert (history.action, history.actor, history.actor_name) == ("found", None, "")
        assert (Tag.objects.get().name, events()) == ("1.0", [])
        private_app.refresh_from_db()
        assert private_app.tag_count == 1

    def test_again_is_nothing_new(self, private_app) -> None:
        found(private_app, image(), "1.0")
        assert not found(private_app, image(), "1.0")
        assert not found(private_app, image())
        assert TagHistory.objects.count() == 1

    def test_moves_no_tag(self, push, private_app) -> None:
        push(image("ours"), "1.0")
        assert found(private_app, image("theirs"), "1.0"), "the manifest is new"
        assert Tag.objects.get().manifest.digest == digest_of(image("ours"))
        assert TagHistory.objects.count() == 1

    def test_by_digest(self, private_app) -> None:
        assert found(private_app, image())
        assert (Manifest.objects.count(), Tag.objects.count()) == (1, 0)

    def test_in_a_repository_that_was_deleted(self, private_app) -> None:
        private_app_pk = private_app.pk
        private_app.delete()
        private_app.pk = private_app_pk
        with pytest.raises(Repository.DoesNotExist):
            found(private_app, image(), "1.0")


class TestCost:
    """In queries; the docstring promises a dozen, whatever the repository holds already."""

    def cost(self, push: Any, *arguments: Any, counted: Any, **options: Any) -> int:
        with counted(40) as queries:
            push(*arguments, **options)
        return len([query for query in queries if "SAVEPOINT" not in query["sql"].upper()])

    def test_is_bounded_for_an_image(self, push, django_assert_max_num_queries) -> None:
        costs = [self.cost(push, image(text), "1.0", counted=django_assert_max_num_queries) for text in ("a", "b", "b")]
        assert max(costs) <= 14, costs

    def test_is_the_same_with_many_tags(self, push, django_assert_max_num_queries) -> None:
        first = self.cost(push, image("first"), "first", counted=django_assert_max_num_queries)
        for number in range(6):
            push(image(str(number)), str(number))
        assert self.cost(push, image("last"), "last", counted=django_assert_max_num_queries) == first

    def test_is_the_same_for_one_platform_and_for_three(self, push, django_assert_max_num_queries) -> None:
        children = [image(text) for text in ("a", "b", "c")]
        costs = [
            self.cost(push, index(*some), tag, media_type=OCI_INDEX, counted=django_assert_max_num_queries)
            for tag, some in (("1", children[:1]), ("3", children))
        ]
        assert costs[0] == costs[1] <= 16, costs
