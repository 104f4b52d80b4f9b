"""One look at a repository: what the registry has and we have not is taken over; nothing else is changed."""

from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from portal.events.models import Event
from repositories.images import reconcile as reconciling
from repositories.images.models import IndexEntry, Manifest, PushIntent, Tag, TagHistory
from repositories.images.placeholder import placeholder_of
from repositories.models import Repository
from repositories.registry import client
from repositories.sync import repairs
from repositories.sync.compare import Report
from repositories.sync.models import Difference, RepositorySync
from tests.images.fake_registry import OCI, FakeRegistry, digest_of, image, index
from tests.sync.conftest import NAME, look, push, try_to_look


def tags() -> dict[str, str]:
    return dict(Tag.objects.values_list("name", "manifest__digest"))


def open_intent(repository: Repository, tag: str) -> PushIntent:
    return PushIntent.objects.create(
        repository=repository, tag=tag, reference=tag, digest=digest_of(b"x"), leased_until=timezone.now()
    )


class TestAdding:
    def test_tags_that_we_do_not_know(self, private_app, registry) -> None:
        registry.hold(NAME, image("one"), "1.0", "latest")
        registry.hold(NAME, image("two"), "2.0")
        assert look(private_app) == Report(tags=3, added=["1.0", "2.0", "latest"])
        one, two = digest_of(image("one")), digest_of(image("two"))
        assert tags() == {"1.0": one, "latest": one, "2.0": two}
        assert set(TagHistory.objects.values_list("action", flat=True)) == {"found"}
        private_app.refresh_from_db()
        assert private_app.tag_count == 3
        told = Difference.objects.values_list("kind", "state", "ours", "theirs").get(tag="2.0")
        assert told == ("new_tag", "repaired", "", two)

    def test_is_no_push(self, private_app, registry) -> None:
        registry.hold(NAME, image(), "1.0")
        look(private_app)
        assert not Event.objects.filter(action__startswith="repo.tag.").exists()

    def test_again_finds_nothing(self, private_app, registry, django_assert_num_queries) -> None:
        registry.hold(NAME, image(), "1.0", "2.0", "3.0")
        look(private_app)
        registry.calls.clear()
        with django_assert_num_queries(9):
            assert look(private_app) == Report(tags=3)
        assert sorted(registry.calls) == [("HEAD", NAME, f"{n}.0") for n in (1, 2, 3)] + [("LIST", NAME)]

    def test_the_children_of_an_index_too(self, private_app, registry) -> None:
        children = [image("one"), image("two")]
        for child in children:
            registry.hold(NAME, child)
        registry.hold(NAME, index(*children, attestation=True), "1.0")
        assert look(private_app).added == ["1.0"]
        whole = Tag.objects.get().manifest
        assert (Manifest.objects.count(), IndexEntry.objects.filter(index=whole).count()) == (3, 3)
        assert whole.total_size == 400, "children first, so that the index knows their size"

    def test_an_index_within_an_index(self, private_app, registry) -> None:
        body, digests = image("deepest"), []
        for _level in range(6):
            digests.append(registry.hold(NAME, body))
            body = index(body)
        registry.hold(NAME, body, "1.0")
        look(private_app)
        held = set(Manifest.objects.values_list("digest", flat=True))
        assert held == {digest_of(body), *digests[-reconciling.DEEPEST :]}

    def test_a_child_is_asked_for_once(self, private_app, registry) -> None:
        child = registry.hold(NAME, image("one"))
        registry.hold(NAME, index(image("one")), "1.0")
        registry.hold(NAME, index(image("one"), image("one")), "2.0")
        look(private_app)
        assert registry.calls.count(("GET", NAME, child)) == 1

    def test_children_that_are_no_manifests(self, private_app, registry) -> None:
        garbage = b'{"schemaVersion": 2, "mediaType": "%s", "config": 7}' % OCI.encode()
        registry.hold(NAME, garbage)
        registry.hold(NAME, index(garbage), "1.0")
        assert look(private_app).added == ["1.0"]


class TestMoving:
    def test_a_tag_follows_the_registry_at_once_and_keeps_where_it_was(self, private_app, registry) -> None:
        before = push(private_app, image("ours"), "1.0")
        after = registry.hold(NAME, image("theirs"), "1.0")
        registry.hold(NAME, image("ours"))
        assert look(private_app) == Report(tags=1, moved=["1.0"])
        assert tags() == {"1.0": after}
        last = TagHistory.objects.order_by("-id").values_list("action", "previous_digest", "digest", "actor_name")[0]
        assert last == ("found", before, after, "")
        assert Difference.objects.values_list("kind", "ours", "theirs").get() == ("moved_tag", before, after)
        assert Manifest.objects.get(digest=before).untagged_at is not None

    def test_one_that_moves_while_it_is_looked_at_is_left(self, private_app, registry, monkeypatch) -> None:
        before = push(private_app, image("ours"), "1.0")
        registry.hold(NAME, image("one"), "1.0")
        real = client.head_manifest

        def head(name: str, tag: str) -> Any:
            told = real(name, tag)
            registry.hold(NAME, image("two"), "1.0")
            return told

        monkeypatch.setattr(client, "head_manifest", head)
        assert look(private_app).moved == []
        assert tags() == {"1.0": before}


class TestWhatIsBeingWritten:
    """The gateway records it, with its pusher."""

    def test_an_open_push_intent(self, private_app, registry) -> None:
        old = push(private_app, image("old"), "moving", "going")
        registry.hold(NAME, image("new"), "moving", "fresh", "other")
        for tag in ("moving", "fresh", "going"):
            open_intent(private_app, tag)
        report = look(private_app)
        assert (report.added, report.moved, report.waiting) == (["other"], [], [])
        assert set(report.skipped) == {"moving", "fresh", "going"}
        assert tags() == {"moving": old, "going": old, "other": digest_of(image("new"))}

    @pytest.mark.parametrize("when", ["listed", "taken over"])
    def test_a_push_that_is_over_by_then(self, private_app, registry, monkeypatch, when) -> None:
        """Whatever the registry said may be older than what the gateway recorded."""
        push(private_app, image("old"), "1.0")
        registry.hold(NAME, image("stale"), "1.0")

        def between(real: Callable[..., Any]) -> Callable[..., Any]:
            def call(*arguments: Any, **named: Any) -> Any:
                told = real(*arguments, **named)
                push(private_app, image("new"), "1.0")
                return told

            return call

        if when == "listed":
            monkeypatch.setattr(repairs, "touched", lambda repository, mark: between(set)() or set())
        else:
            monkeypatch.setattr(repairs, "read", between(reconciling.read))
        report = look(private_app)
        assert (report.moved, report.added) == ([], [])
        assert tags() == {"1.0": digest_of(image("new"))}

    def test_what_stands_in_for_a_tag_that_is_deleted(self, private_app, registry) -> None:
        intent = open_intent(private_app, "gone")
        intent.state = PushIntent.State.REFUSED
        intent.save()
        registry.hold(NAME, placeholder_of(intent.pk).body, "gone")
        assert look(private_app).added == []
        assert not Manifest.objects.exists()


class TestSkipping:
    def test_a_manifest_that_cannot_be_read(self, private_app, registry) -> None:
        registry.hold(NAME, b'{"schemaVersion": 1}', "garbage")
        registry.hold(NAME, image(), "good")
        report = look(private_app)
        assert (report.added, set(report.skipped)) == (["good"], {"garbage"})

    def test_what_is_no_name_of_a_tag(self, private_app, registry) -> None:
        registry.hold(NAME, image(), "good")
        registry.tags[NAME] += [".stray", "a b", "../x"]
        report = look(private_app)
        assert (report.added, set(report.skipped)) == (["good"], {".stray", "a b", "../x"})
        assert not [call for call in registry.calls if call[-1] in report.skipped]

    def test_what_is_listed_and_not_there(self, private_app, registry) -> None:
        registry.tags[NAME] = ["1.0"]
        report = look(private_app)
        assert (report.added, set(report.skipped)) == ([], {"1.0"})


class TestErrors:
    """An error ends the look: what was added by then stays, and it is due again later."""

    @pytest.fixture(autouse=True)
    def _a_tag(self, private_app: Repository, registry: FakeRegistry):
        push(private_app, image("ours"), "0.9")
        yield
        assert Tag.objects.filter(name="0.9").exists()
        assert not Difference.objects.filter(kind="missing_tag").exists()
        row = RepositorySync.objects.get()
        assert (row.failures, row.compared_at, row.lease) == (1, None, None)
        assert row.error
        assert row.due_at is not None
        assert row.due_at > timezone.now()

    def test_no_answer(self, private_app, registry) -> None:
        registry.away = True
        assert isinstance(try_to_look(private_app), client.RegistryUnavailable)

    def test_a_listing_that_breaks_off(self, private_app, registry, monkeypatch) -> None:
        def broken(name: str) -> Any:
            yield "1.0"
            raise client.RegistryUnavailable

        monkeypatch.setattr(client, "list_tags", broken)
        assert isinstance(try_to_look(private_app), client.RegistryUnavailable)

    def test_between_the_tags(self, private_app, registry, monkeypatch) -> None:
        registry.hold(NAME, image("one"), "1.0", "2.0")
        real = client.head_manifest

        def head(name: str, tag: str) -> Any:
            if tag == "2.0":
                raise client.RegistryUnavailable
            return real(name, tag)

        monkeypatch.setattr(client, "head_manifest", head)
        assert isinstance(try_to_look(private_app), client.RegistryUnavailable)
        assert set(tags()) == {"0.9"}, "half a look proves nothing"

    def test_between_the_children_of_an_index_adds_no_half_index(self, private_app, registry, monkeypatch) -> None:
        children = [image("one"), image("two")]
        for child in children:
            registry.hold(NAME, child)
        registry.hold(NAME, index(*children), "1.0")
        real = client.get_manifest

        def get(name: str, reference: str) -> Any:
            if reference == digest_of(children[1]):
                raise client.RegistryUnavailable
            return real(name, reference)

        monkeypatch.setattr(client, "get_manifest", get)
        assert isinstance(try_to_look(private_app), client.RegistryUnavailable)
        assert set(tags()) == {"0.9"}

    def test_of_our_own(self, private_app, registry, monkeypatch, caplog) -> None:
        def broken(*_arguments: Any, **_named: Any) -> Any:
            raise ZeroDivisionError

        monkeypatch.setattr(repairs, "touched", broken)
        assert try_to_look(private_app) is None
        assert "could not be compared" in caplog.text


def test_a_repository_that_is_deleted_meanwhile(private_app, registry, monkeypatch) -> None:
    registry.hold(NAME, image(), "1.0")
    real = client.get_manifest

    def get(name: str, reference: str) -> Any:
        Repository.objects.filter(full_name=NAME).delete()
        return real(name, reference)

    monkeypatch.setattr(client, "get_manifest", get)
    assert try_to_look(private_app) is None
    assert not Manifest.objects.exists()


def test_a_wrong_number_of_tags_is_put_right_and_told(private_app, registry) -> None:
    push(private_app, image(), "1.0")
    registry.hold(NAME, image(), "1.0")
    Repository.objects.update(tag_count=7)
    assert look(private_app).recounted
    assert Repository.objects.get().tag_count == 1
    assert Difference.objects.values_list("kind", "ours", "theirs", "state").get() == ("count", "7", "1", "repaired")
    assert not look(private_app).recounted
