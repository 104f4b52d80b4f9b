"""The comparison with a real registry that dies, loses its storage, or holds what nobody expects.

What happened to Portus (issues 663, 1664: whole catalogs deleted after an error) and what zot's users saw (4336: an
emptied storage) must not happen here. Debian's 2.8.2 always, and the registry that MOORAGE_REGISTRY_BINARY names.
"""

import json
import shutil
import uuid
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from portal.accounts.actor import SYSTEM
from repositories.gateway import notifications
from repositories.gateway.models import Notification
from repositories.images import details
from repositories.images.models import Manifest, Tag, TagHistory
from repositories.models import Repository
from repositories.registry import client
from repositories.sync import actions, looking, runs
from repositories.sync.models import Difference, RepositorySync, Run
from tests import factories
from tests.real_registry import BINARIES, CONFIG, LAYER, OCI_INDEX, RealRegistry, running_registry
from tests.sync.conftest import NAME, look

pytestmark = pytest.mark.django_db
MEGABYTE = 1024 * 1024


@pytest.fixture(params=BINARIES)
def registry(request: pytest.FixtureRequest, tmp_path: Path, settings: Any) -> Iterator[RealRegistry]:
    with running_registry(tmp_path, request.param) as running:
        settings.REGISTRY_URL = running.url
        yield running


@pytest.fixture
def ten_tags(private_app: Repository, registry: RealRegistry) -> Repository:
    """In the registry and here."""
    registry.hold(NAME, *[f"1.{number}" for number in range(10)])
    assert len(look(private_app).added) == 10
    return private_app


def round_trip() -> Run:
    run = actions.request_reconcile(actor=SYSTEM)
    runs.work_on(run.pk)
    run.refresh_from_db()
    return run


def minutes_later(minutes: int) -> Any:
    return time_machine.travel(timezone.now() + timedelta(minutes=minutes))


def tag_count() -> int:
    kept = Tag.objects.count()
    assert kept == Repository.objects.get(full_name=NAME).tag_count
    return kept


class TestARegistryThatDies:
    def test_between_the_listing_and_the_tags(self, ten_tags, registry, monkeypatch) -> None:
        real = looking.Looker._listing

        def killed_after(self: Any, name: str) -> list[str]:
            names = real(self, name)
            registry.stop()
            return names

        with monkeypatch.context() as patched:
            patched.setattr(looking.Looker, "_listing", killed_after)
            run = round_trip()
        assert (run.errors, run.missing, run.removed) == (1, 0, 0)
        assert tag_count() == 10
        registry.start()
        assert round_trip().state == "done"
        assert tag_count() == 10
        assert not Difference.objects.exclude(kind="new_tag").exists()

    def test_with_notifications_that_it_had_not_sent(self, ten_tags, registry) -> None:
        """What they would have told is found: new tags, moved ones, and those that were deleted."""
        before = Tag.objects.get(name="1.0").manifest.digest
        moved = registry.hold(NAME, "1.0", "2.0", text="past the portal")
        registry.stop()
        registry.start()
        run = round_trip()
        assert (run.state, run.added, run.moved) == ("done", 1, 1)
        assert dict(Tag.objects.filter(manifest__digest=moved).values_list("name", "pushed_by_name")) == {
            "1.0": "",
            "2.0": "",
        }
        assert TagHistory.objects.filter(tag="1.0", previous_digest=before, action="found").count() == 1


class TestAnEmptiedStorage:
    def test_is_told_and_takes_nothing_along(self, ten_tags, registry) -> None:
        kept = registry.folder / "kept"
        registry.stop()
        registry.storage.rename(kept)
        registry.start()
        run = round_trip()
        assert run.state == "stopped"
        assert "10 tags are missing" in run.error
        with minutes_later(11):
            runs.work_on_due()
            assert round_trip().missing == 0, "it has said so already"
        assert tag_count() == 10
        assert set(Difference.objects.filter(kind="missing_tag").values_list("state", flat=True)) == {"held"}

        registry.stop()
        shutil.rmtree(registry.storage, ignore_errors=True)
        kept.rename(registry.storage)
        registry.start()
        with minutes_later(22):
            assert round_trip().state == "done"
        assert set(Difference.objects.filter(kind="missing_tag").values_list("state", flat=True)) == {"gone"}

    def test_one_tag_that_was_deleted_goes_after_two_looks(self, ten_tags, registry) -> None:
        tag = registry.storage / f"docker/registry/v2/repositories/{NAME}/_manifests/tags/1.7"
        assert tag.is_dir()
        shutil.rmtree(tag)
        assert look(ten_tags).waiting == ["1.7"]
        assert tag_count() == 10
        with minutes_later(11):
            assert look(ten_tags).removed == ["1.7"]
        assert tag_count() == 9


class TestEvents:
    """Hints: whatever order they come in, the registry is asked what it holds now."""

    def event(self, tag: str, digest: str, action: str = "push") -> Notification:
        return Notification.objects.create(
            event_id=str(uuid.uuid4()),
            at=timezone.now(),
            action=action,
            repository=NAME,
            tag=tag,
            digest=digest,
            media_type=client.OCI_MANIFEST,
            instance="one",
        )

    def test_reordered_late_and_twice(self, private_app, registry) -> None:
        first, second = (registry.hold(NAME, "1.0", text=text) for text in ("first", "second"))
        for digest in (second, first, second, first):
            self.event("1.0", digest)
        notifications.apply()
        assert Tag.objects.get().manifest.digest == second
        assert TagHistory.objects.count() == 1
        third = registry.hold(NAME, "1.0", text="third")
        self.event("1.0", first)
        self.event("1.0", third)
        notifications.apply()
        assert Tag.objects.get().manifest.digest == third
        assert list(TagHistory.objects.order_by("id").values_list("action", flat=True)) == ["found", "found"]

    def test_of_a_deletion_is_looked_at_and_not_believed(self, ten_tags, registry) -> None:
        self.event("1.0", "", action="delete")
        notifications.apply()
        assert tag_count() == 10
        assert RepositorySync.objects.get().due_at is not None
        runs.work_on_due()
        assert tag_count() == 10
        assert not Difference.objects.filter(kind="missing_tag").exists()


class TestWhatNobodyExpects:
    """Each is recorded as far as it can be, stops no other tag, and is not asked for again and again."""

    def read(self, repository: Repository, *tags: str) -> dict[str, Manifest]:
        report = look(repository)
        assert (sorted(report.added), report.skipped) == (sorted(tags), {})
        for manifest in Manifest.objects.filter(details="pending"):
            details.read_details(manifest.pk)
        assert look(repository).added == []
        return {tag.name: tag.manifest for tag in Tag.objects.select_related("manifest")}

    def test_a_config_that_is_not_there(self, private_app, registry) -> None:
        registry.hold(NAME, "good", text="good")
        digest = registry.hold(NAME, "1.0", text="bad")
        config = json.loads(client.get_manifest(NAME, digest).body)["config"]["digest"]
        shutil.rmtree(registry.storage / "docker/registry/v2/blobs/sha256" / config[7:9] / config[7:])
        found = self.read(private_app, "good", "1.0")
        assert (found["good"].details, found["1.0"].details) == ("read", "pending")
        assert found["1.0"].details_tries == 1

    @pytest.mark.parametrize("config", [b"no JSON", b"[]", b'{"a":' * 100_000, b"\xff\xfe"])
    def test_a_config_that_is_none(self, private_app, registry, config) -> None:
        registry.hold(NAME, "1.0", config=config)
        found = self.read(private_app, "1.0")["1.0"]
        assert (found.details, found.config, found.platform) == ("read", {}, "")

    def test_a_config_of_100_megabytes(self, private_app, registry) -> None:
        registry.hold(NAME, "1.0", config=b'{"os": "' + b"x" * (100 * MEGABYTE) + b'"}')
        found = self.read(private_app, "1.0")["1.0"]
        assert (found.details, found.config) == ("read", {})
        assert found.total_size > 100 * MEGABYTE

    def test_a_thousand_layers(self, private_app, registry) -> None:
        layer = registry._blob(NAME, b"layer", LAYER)
        config = registry._blob(NAME, b'{"os": "linux", "architecture": "amd64"}', CONFIG)
        body = {"schemaVersion": 2, "mediaType": client.OCI_MANIFEST, "config": config, "layers": [layer] * 1000}
        registry.put(NAME, json.dumps(body).encode(), "1.0")
        found = self.read(private_app, "1.0")["1.0"]
        assert (len(found.layers), found.platform) == (1000, "linux/amd64")
        assert found.total_size == 1000 * layer["size"] + config["size"]

    @pytest.mark.parametrize("size", [0, 10**15, 2**63 - 1])
    def test_a_size_of_a_layer_that_is_a_lie(self, private_app, registry, size) -> None:
        layer = registry._blob(NAME, b"layer", LAYER) | {"size": size}
        config = registry._blob(NAME, b"{}", CONFIG)
        body = {"schemaVersion": 2, "mediaType": client.OCI_MANIFEST, "config": config, "layers": [layer, layer]}
        registry.put(NAME, json.dumps(body).encode(), "1.0")
        if size < 2**60:
            assert self.read(private_app, "1.0")["1.0"].total_size >= size
        else:
            assert set(look(private_app).skipped) == {"1.0"}, "no image; and no database could hold it"

    def test_an_index_of_indexes(self, private_app, registry) -> None:
        children = [registry.hold(NAME, text=text) for text in ("one", "two")]
        inner = registry.hold_index(NAME, children=children)
        entry = {"mediaType": OCI_INDEX, "digest": inner, "size": registry.size(NAME, inner)}
        body = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [entry]}
        registry.put(NAME, json.dumps(body).encode(), "1.0", media_type=OCI_INDEX)
        found = self.read(private_app, "1.0")["1.0"]
        assert Manifest.objects.count() == 4
        assert found.total_size == Manifest.objects.get(digest=inner).total_size > 0
        assert not Manifest.objects.filter(untagged_at__isnull=False).exists()

    def test_an_index_whose_children_are_missing(self, private_app, registry) -> None:
        children = [registry.hold(NAME, text=text) for text in ("one", "two")]
        registry.hold_index(NAME, "1.0", children=children)
        revisions = registry.storage / f"docker/registry/v2/repositories/{NAME}/_manifests/revisions/sha256"
        shutil.rmtree(revisions / children[0][7:])
        registry.stop()  # with what it remembers
        registry.start()
        found = self.read(private_app, "1.0")["1.0"]
        assert [entry.digest for entry in found.entries.all()] == children
        assert set(Manifest.objects.values_list("digest", flat=True)) == {found.digest, children[1]}


def test_a_repository_that_nobody_knows_here_is_left_alone(ten_tags, registry, alice) -> None:
    registry.hold("bob/unknown", "1.0")
    factories.make_repository(alice, "new-and-empty")
    run = round_trip()
    assert (run.state, run.repositories, run.added) == ("done", 2, 0)
    assert not Repository.objects.filter(full_name="bob/unknown").exists()
