"""The registry compared with the database: adds what is missing here, and deletes nothing, whatever it is told."""

from typing import Any

import pytest
from django.db import transaction

from portal.events.models import Event
from repositories.images import reconcile as reconciling
from repositories.images.actions import Push, record_push
from repositories.images.manifests import parse
from repositories.images.models import IndexEntry, Manifest, Tag, TagHistory
from repositories.images.reconcile import Report, children_among, reconcile
from repositories.models import Repository
from repositories.registry import client
from repositories.registry.client import OCI_INDEX
from tests.images.fake_registry import OCI, FakeRegistry, digest_of, image, index

NAME = "alice/private-app"


def push(repository: Repository, body: bytes, tag: str) -> None:
    with transaction.atomic():
        record_push(repository_id=repository.pk, push=Push(digest_of(body), parse(body, OCI), tag=tag))


def run(repository: Repository, *open_pushes: str) -> Report:
    return reconcile(repository, being_pushed=lambda tag: tag in open_pushes)


def tags() -> dict[str, str]:
    return dict(Tag.objects.values_list("name", "manifest__digest"))


class TestAdding:
    def test_tags_that_we_do_not_know(self, private_app, registry) -> None:
        registry.hold(NAME, image("one"), "1.0", "latest")
        registry.hold(NAME, image("two"), "2.0")
        assert run(private_app) == Report(added=["1.0", "latest", "2.0"])
        one, two = digest_of(image("one")), digest_of(image("two"))
        assert tags() == {"1.0": one, "latest": one, "2.0": two}
        assert set(TagHistory.objects.values_list("action", flat=True)) == {"found"}
        private_app.refresh_from_db()
        assert private_app.tag_count == 3

    def test_is_no_push(self, private_app, registry) -> None:
        registry.hold(NAME, image(), "1.0")
        run(private_app)
        assert not Event.objects.filter(action="repo.tag.push").exists()

    def test_again_finds_nothing(self, private_app, registry) -> None:
        registry.hold(NAME, image(), "1.0")
        run(private_app)
        registry.calls.clear()
        assert run(private_app) == Report()
        assert registry.calls == [("LIST", NAME), ("HEAD", NAME, "1.0")]

    def test_the_children_of_an_index_too(self, private_app, registry) -> None:
        children = [image("one"), image("two")]
        for child in children:
            registry.hold(NAME, child)
        registry.hold(NAME, index(*children, attestation=True), "1.0")
        assert run(private_app) == Report(added=["1.0"])
        whole = Tag.objects.get().manifest
        assert (Manifest.objects.count(), IndexEntry.objects.filter(index=whole).count()) == (3, 3)
        assert whole.total_size == 400, "children first, so that the index knows their size"

    def test_an_index_within_an_index(self, private_app, registry) -> None:
        body, digests = image("deepest"), []
        for _level in range(6):
            digests.append(registry.hold(NAME, body))
            body = index(body)
        registry.hold(NAME, body, "1.0")
        run(private_app)
        held = set(Manifest.objects.values_list("digest", flat=True))
        assert held == {digest_of(body), *digests[-reconciling.DEEPEST :]}

    def test_a_child_is_asked_for_once(self, private_app, registry) -> None:
        child = registry.hold(NAME, image("one"))
        registry.hold(NAME, index(image("one")), "1.0")
        registry.hold(NAME, index(image("one"), image("one")), "2.0")
        run(private_app)
        assert registry.calls.count(("GET", NAME, child)) == 1

    def test_children_that_are_no_manifests(self, private_app, registry) -> None:
        garbage = b'{"schemaVersion": 2, "mediaType": "%s", "config": 7}' % OCI.encode()
        registry.hold(NAME, garbage)
        registry.hold(NAME, index(garbage), "1.0")
        assert run(private_app) == Report(added=["1.0"])


class TestNothingIsProof:
    """Of deletion. Others lost whole catalogs by that."""

    @pytest.fixture(autouse=True)
    def _two_tags(self, private_app: Repository):
        push(private_app, image("one"), "1.0")
        push(private_app, image("two"), "2.0")
        before = tags()
        yield
        assert tags() == before
        private_app.refresh_from_db()
        assert private_app.tag_count == 2

    def test_no_repository(self, private_app, registry) -> None:
        assert run(private_app) == Report(missing=["1.0", "2.0"])

    def test_an_empty_listing(self, private_app, registry) -> None:
        registry.tags[NAME] = []
        assert run(private_app) == Report(missing=["1.0", "2.0"])

    def test_a_listing_without_one(self, private_app, registry) -> None:
        registry.hold(NAME, image("one"), "1.0")
        assert run(private_app) == Report(missing=["2.0"])

    def test_no_answer(self, private_app, registry) -> None:
        registry.away = True
        with pytest.raises(client.RegistryUnavailable):
            run(private_app)

    def test_a_listing_that_breaks_off(self, private_app, registry, monkeypatch) -> None:
        def broken(name: str) -> Any:
            yield "1.0"
            raise client.RegistryUnavailable

        monkeypatch.setattr(client, "list_tags", broken)
        with pytest.raises(client.RegistryUnavailable):
            run(private_app)

    def test_a_tag_that_moved(self, private_app, registry) -> None:
        registry.hold(NAME, image("one"), "1.0")
        registry.hold(NAME, image("three"), "2.0")
        assert run(private_app) == Report(moved=["2.0"])

    def test_a_tag_that_is_listed_and_not_there(self, private_app, registry) -> None:
        registry.tags[NAME] = ["1.0", "2.0"]
        report = run(private_app)
        assert set(report.skipped) == {"1.0", "2.0"}
        assert (report.missing, report.moved) == ([], [])


class TestSkipping:
    def test_what_is_being_pushed(self, private_app, registry) -> None:
        """The gateway will record it, with its pusher."""
        push(private_app, image("old"), "moving")
        registry.hold(NAME, image("new"), "moving", "fresh", "other")
        assert run(private_app, "moving", "fresh") == Report(
            added=["other"], skipped={"moving": "being pushed", "fresh": "being pushed"}
        )

    def test_a_manifest_that_cannot_be_read(self, private_app, registry) -> None:
        registry.hold(NAME, b'{"schemaVersion": 1}', "garbage")
        registry.hold(NAME, image(), "good")
        report = run(private_app)
        assert (report.added, set(report.skipped)) == (["good"], {"garbage"})

    def test_what_is_no_name_of_a_tag(self, private_app, registry) -> None:
        registry.hold(NAME, image(), "good")
        registry.tags[NAME] += [".stray", "a b", "../x"]
        report = run(private_app)
        assert (report.added, set(report.skipped)) == (["good"], {".stray", "a b", "../x"})
        assert not [call for call in registry.calls if call[-1] in report.skipped]

    def test_a_registry_that_goes_away_midway(self, private_app, registry: FakeRegistry, monkeypatch) -> None:
        registry.hold(NAME, image("one"), "1.0")
        registry.hold(NAME, image("two"), "2.0")
        real = client.head_manifest

        def head(name: str, tag: str) -> Any:
            if tag == "2.0":
                raise client.RegistryUnavailable
            return real(name, tag)

        monkeypatch.setattr(client, "head_manifest", head)
        report = run(private_app)
        assert (report.added, set(report.skipped)) == (["1.0"], {"2.0"})

    def test_a_registry_that_goes_away_between_the_children_adds_no_half_index(
        self, private_app, registry, monkeypatch
    ) -> None:
        children = [image("one"), image("two")]
        for child in children:
            registry.hold(NAME, child)
        registry.hold(NAME, index(*children), "1.0")
        real = client.get_manifest

        def get(name: str, reference: str) -> Any:
            if reference == digest_of(children[1]):
                raise client.RegistryUnavailable
            return real(name, reference)

        with monkeypatch.context() as patched:
            patched.setattr(client, "get_manifest", get)
            assert set(run(private_app).skipped) == {"1.0"}
        assert not Tag.objects.exists()
        assert run(private_app) == Report(added=["1.0"])
        assert Manifest.objects.count() == 3

    def test_a_repository_that_is_deleted_meanwhile(self, private_app, registry, monkeypatch) -> None:
        registry.hold(NAME, image(), "1.0")
        real = client.get_manifest

        def get(name: str, reference: str) -> Any:
            Repository.objects.filter(full_name=NAME).delete()
            return real(name, reference)

        monkeypatch.setattr(client, "get_manifest", get)
        assert set(run(private_app).skipped) == {"1.0"}
        assert not Manifest.objects.exists()


def test_children_among_digests_are_of_the_repositorys_own_indexes(private_app, public_app, registry) -> None:
    child = digest_of(image("one"))
    registry.hold(NAME, index(image("one")), "1.0", media_type=OCI_INDEX)
    run(private_app)
    assert children_among(private_app, {child, digest_of(b"other")}) == {child}
    assert children_among(public_app, {child}) == set()
