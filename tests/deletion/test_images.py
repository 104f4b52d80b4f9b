"""An image is deleted with all its tags, kept after all, and removed when its time is over. At a real registry."""

import json
import time
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone

from portal.accounts.actor import SYSTEM
from portal.kit.errors import Conflict, Forbidden, NotFound, Unavailable
from repositories.deletion import freshness, purge, tasks
from repositories.images import image_actions, intents, removal, tag_actions
from repositories.images.copying import ManifestGone
from repositories.images.immutability import TagImmutable
from repositories.images.models import Manifest, PushIntent, Tag
from repositories.images.reconcile import add
from repositories.models import Grant, Repository
from repositories.registry import client
from repositories.sync import runs
from repositories.sync.models import RepositorySync, Run
from tests import factories
from tests.deletion.conftest import NAME, digest_of, events
from tests.real_registry import CONFIG, OCI, RealRegistry

pytestmark = pytest.mark.django_db


def row(digest: str) -> Manifest | None:
    return Manifest.objects.filter(digest=digest).first()


def let_the_time_pass(*, compared: bool = True) -> None:
    """Everything deleted is due; unless told otherwise, the repository was compared with the registry just now."""
    Manifest.objects.exclude(delete_after=None).update(delete_after=timezone.now() - timedelta(seconds=1))
    if compared:
        repository = Repository.objects.get(full_name=NAME)
        RepositorySync.objects.update_or_create(repository=repository, defaults={"compared_at": timezone.now()})


@pytest.fixture
def deleted(app: Repository, as_alice: Any) -> str:
    """2.0 was deleted; the digest of its image."""
    return tag_actions.delete_tag(actor=as_alice, repository=app, tag="2.0")


class TestDeleting:
    def test_takes_all_its_tags_and_keeps_the_image_for_a_week(self, app, registry, as_alice) -> None:
        image = digest_of("1.0")
        gone = image_actions.delete_image(actor=as_alice, repository=app, digest=image, tags=["1.0", "stable"])
        assert gone == ["1.0", "stable"]
        assert registry.tags(NAME) == ["2.0"]
        assert registry.digest(NAME, image) == image
        kept = row(image)
        assert kept is not None
        assert kept.delete_after is not None
        assert timedelta(days=6, hours=23) < kept.delete_after - timezone.now() <= timedelta(days=7)
        assert events("repo.image") == [("repo.image.delete", f"{NAME}@{image}")]
        assert events("repo.tag.delete") == [("repo.tag.delete", f"{NAME}:{tag}") for tag in gone]

    def test_is_refused_when_it_has_a_tag_that_was_not_named(self, app, registry, as_alice) -> None:
        with pytest.raises(Conflict, match="stable"):
            image_actions.delete_image(actor=as_alice, repository=app, digest=digest_of("1.0"), tags=["1.0"])
        assert registry.tags(NAME) == ["1.0", "2.0", "stable"]

    def test_is_refused_as_a_whole_when_one_tag_is_immutable(self, app, registry, as_alice) -> None:
        Repository.objects.filter(pk=app.pk).update(immutability="matching", immutable_rules=["stable"])
        with pytest.raises(TagImmutable):
            image_actions.delete_image(actor=as_alice, repository=app, digest=digest_of("1.0"))
        assert registry.tags(NAME) == ["1.0", "2.0", "stable"]

    def test_of_a_platform_is_refused_and_its_index_named(self, app, registry, as_alice) -> None:
        index = registry.hold_index(NAME, "multi", children=[digest_of("2.0")])
        add(app, index, tag="multi")
        with pytest.raises(Conflict, match=index[:19]):
            image_actions.delete_image(actor=as_alice, repository=app, digest=digest_of("2.0"))
        assert digest_of("2.0")

    def test_needs_the_admin(self, app, alice, bob) -> None:
        image = digest_of("2.0")
        with pytest.raises(NotFound):
            image_actions.delete_image(actor=factories.actor(bob), repository=app, digest=image)
        Grant.objects.create(namespace=app.namespace, pattern=app.name, user=bob, role=Grant.Role.WRITE)
        with pytest.raises(Forbidden):
            image_actions.delete_image(actor=factories.actor(bob), repository=app, digest=image)

    def test_of_a_signature_leaves_its_image(self, app, registry, as_alice) -> None:
        signature = sign(app, registry, digest_of("2.0"))
        image_actions.delete_image(actor=as_alice, repository=app, digest=signature)
        assert (kept := row(signature)) is not None
        assert kept.untagged_at is not None
        assert digest_of("2.0")
        image_actions.restore_image(actor=as_alice, repository=app, digest=signature)
        assert (kept := row(signature)) is not None
        assert (kept.untagged_at, kept.delete_after) == (None, None)


class TestRestoring:
    def test_keeps_it_without_a_tag(self, app, deleted, as_alice) -> None:
        kept = image_actions.restore_image(actor=as_alice, repository=app, digest=deleted)
        assert kept.delete_after is None
        assert kept.untagged_at is not None
        assert events("repo.image") == [("repo.image.restore", f"{NAME}@{deleted}")]
        with pytest.raises(Conflict):
            image_actions.restore_image(actor=as_alice, repository=app, digest=deleted)

    def test_with_its_tag_deletes_it_no_longer(self, app, deleted, registry, as_alice) -> None:
        tag_actions.restore_tag(actor=as_alice, repository=app, tag="2.0")
        assert registry.digest(NAME, "2.0") == deleted
        let_the_time_pass()
        assert purge.purge_due() == 0
        assert registry.digest(NAME, "2.0") == deleted

    def test_after_garbage_collection_says_so(self, app, deleted, registry, as_alice) -> None:
        client.delete_manifest(NAME, deleted, subject="")
        for restore in (
            lambda: image_actions.restore_image(actor=as_alice, repository=app, digest=deleted),
            lambda: tag_actions.restore_tag(actor=as_alice, repository=app, tag="2.0"),
        ):
            with pytest.raises(ManifestGone, match="no longer in the registry"):
                restore()
        assert (kept := row(deleted)) is not None
        assert kept.missing_since is not None

    def test_while_the_registry_is_away_changes_nothing(self, app, deleted, registry, as_alice) -> None:
        registry.stop()
        with pytest.raises(Unavailable):
            image_actions.restore_image(actor=as_alice, repository=app, digest=deleted)
        assert (kept := row(deleted)) is not None
        assert (kept.missing_since, kept.delete_after is None) == (None, False)

    def test_waits_for_a_removal_that_has_begun(self, app, deleted, as_alice, monkeypatch) -> None:
        """It may have looked before: what it leaves decides."""
        intent = PushIntent.objects.create(
            repository=app, kind="purged", reference=deleted, digest=deleted, leased_until=timezone.now()
        )

        def removed(_seconds: float) -> None:
            PushIntent.objects.filter(pk=intent.pk).update(state="done")
            Manifest.objects.filter(digest=deleted).delete()

        monkeypatch.setattr(time, "sleep", removed)
        with pytest.raises(ManifestGone):
            image_actions.restore_image(actor=as_alice, repository=app, digest=deleted)


class TestRemoving:
    def test_waits_for_the_end_of_the_window(self, deleted, registry) -> None:
        assert purge.purge_due() == 0
        assert registry.digest(NAME, deleted) == deleted

    def test_takes_the_image_and_no_tag(self, app, deleted, registry) -> None:
        let_the_time_pass()
        assert purge.purge_due() == 1
        assert registry.digest(NAME, deleted) == ""
        assert registry.tags(NAME) == ["1.0", "stable"]
        assert row(deleted) is None
        assert events("repo.image") == [("repo.image.purge", f"{NAME}@{deleted}")]
        assert purge.purge_due() == 0

    def test_takes_an_index_first_and_then_what_only_it_had(self, app, registry, as_alice) -> None:
        child, shared = registry.hold(NAME, text="amd64"), digest_of("1.0")
        index = registry.hold_index(NAME, "multi", children=[child, shared])
        add(app, index, tag="multi")
        tag_actions.delete_tag(actor=as_alice, repository=app, tag="multi")
        let_the_time_pass()
        assert purge.purge_due() == 1
        assert (row(index), registry.digest(NAME, index)) == (None, "")
        assert registry.digest(NAME, child) == child
        assert purge.purge_due() == 1
        assert registry.digest(NAME, child) == ""
        assert registry.digest(NAME, "stable") == shared, "a tag has it"
        assert purge.purge_due() == 0

    def test_takes_what_is_attached_along(self, app, registry, deleted) -> None:
        signature, tag = sign(app, registry, deleted), deleted.replace(":", "-") + ".sig"
        cosign = sign(app, registry, "", tag=tag)
        let_the_time_pass()
        assert purge.purge_due() == 1
        assert registry.tags(NAME) == ["1.0", "stable"]
        assert purge.purge_due() == 1
        assert (row(signature), registry.digest(NAME, signature)) == (None, "")
        assert (kept := row(cosign)) is not None
        assert kept.delete_after is not None, "it can be restored as any deleted image"

    def test_takes_the_index_along_by_which_clients_attach(self, app, registry, deleted) -> None:
        """Where the registry has no referrers they keep an index of them, with a tag of its own."""
        signature, tag = sign(app, registry, deleted), deleted.replace(":", "-")
        fallback = registry.hold_index(NAME, tag, children=[signature])
        add(app, fallback, tag=tag)
        for _turn in range(4):
            let_the_time_pass()
            purge.purge_due()
        assert [row(digest) for digest in (deleted, fallback, signature)] == [None, None, None]
        assert registry.digest(NAME, signature) == ""
        assert registry.tags(NAME) == ["1.0", "stable"]

    def test_leaves_an_archived_repository_as_it_is(self, app, deleted, registry) -> None:
        Repository.objects.filter(pk=app.pk).update(archived_at=timezone.now())
        let_the_time_pass()
        assert purge.purge_due() == 0
        assert registry.digest(NAME, deleted) == deleted

    def test_compares_first_and_so_spares_a_tag_that_came_past_the_portal(self, app, deleted, registry) -> None:
        """The registry would take every tag of the image along, also one that nobody here knows of."""
        other = image_actions.delete_image(actor=SYSTEM, repository=app, digest=digest_of("1.0"))
        assert other == ["1.0", "stable"]
        gone = Manifest.objects.exclude(digest=deleted).get().digest
        registry.hold(NAME, "past", text="new")
        RepositorySync.objects.create(repository=app, compared_at=timezone.now() - timedelta(hours=2))
        let_the_time_pass(compared=False)
        assert purge.purge_due() == 0
        assert (registry.digest(NAME, "past"), registry.digest(NAME, gone)) == (deleted, gone)

        runs.work_on(Run.objects.get(repository=app).pk)
        assert Tag.objects.get(name="past").manifest.digest == deleted
        let_the_time_pass(compared=False)
        assert purge.purge_due() == 1
        assert (registry.digest(NAME, "past"), registry.digest(NAME, gone)) == (deleted, "")

    def test_spares_what_has_a_tag_again(self, app, deleted, registry) -> None:
        registry.hold(NAME, "past", text="new")
        add(app, deleted, tag="past")
        Manifest.objects.filter(digest=deleted).update(delete_after=timezone.now() - timedelta(seconds=1))
        let_the_time_pass()
        assert purge.purge_due() == 0
        assert registry.digest(NAME, "past") == deleted
        assert (kept := row(deleted)) is not None
        assert (kept.delete_after, kept.untagged_at) == (None, None)

    def test_is_put_off_while_a_tag_of_the_repository_is_written(self, app, deleted, registry) -> None:
        PushIntent.objects.create(
            repository=app, reference="9", tag="9", digest=deleted, leased_until=timezone.now() + timedelta(seconds=20)
        )
        let_the_time_pass()
        assert purge.purge_due() == 0
        assert registry.digest(NAME, deleted) == deleted
        PushIntent.objects.update(state="done")
        let_the_time_pass()
        assert purge.purge_due() == 1

    def test_is_put_off_while_the_registry_is_away(self, app, deleted, registry) -> None:
        let_the_time_pass()
        registry.stop()
        assert purge.purge_due() == 0
        assert (kept := row(deleted)) is not None
        assert kept.missing_since is None
        registry.start()
        intents.sweep()  # nobody knew whether the registry had done it
        let_the_time_pass()
        assert purge.purge_due() == 1

    def test_that_died_after_the_registry_did_it_is_settled(self, app, deleted, registry, monkeypatch) -> None:
        with monkeypatch.context() as dying:
            dying.setattr(intents, "settle", died)
            let_the_time_pass()
            assert purge.purge_due() == 0
        assert registry.digest(NAME, deleted) == ""
        assert row(deleted) is not None
        PushIntent.objects.update(leased_until=timezone.now())
        intents.sweep()
        assert row(deleted) is None
        assert events("repo.image") == [("repo.image.purge", f"{NAME}@{deleted}")]

    def test_that_died_before_is_tried_again(self, app, deleted, registry, monkeypatch) -> None:
        with monkeypatch.context() as dying:
            dying.setattr(removal, "remove_manifest", died)
            let_the_time_pass()
            assert purge.purge_due() == 0
        PushIntent.objects.update(leased_until=timezone.now())
        intents.sweep()
        assert registry.digest(NAME, deleted) == deleted
        let_the_time_pass()
        assert purge.purge_due() == 1

    def test_by_two_workers_is_done_once(self, deleted, registry, monkeypatch) -> None:
        let_the_time_pass()
        seen = []

        def meanwhile(repository: Repository, *, within: timedelta) -> bool:
            seen.append(purge.purge_due())
            return True

        monkeypatch.setattr(freshness, "is_compared", meanwhile)
        assert purge.purge_due() == 1
        assert seen == [0]

    def test_one_that_fails_stops_no_other(self, app, deleted, registry, as_alice, monkeypatch) -> None:
        other = image_actions.delete_image(actor=as_alice, repository=app, digest=digest_of("1.0"))
        assert other == ["1.0", "stable"]
        let_the_time_pass()
        whole = purge._untag_attached

        def broken(repository: Repository, digest: str) -> None:
            if digest == deleted:
                raise RuntimeError("broken")
            whole(repository, digest)

        monkeypatch.setattr(purge, "_untag_attached", broken)
        assert purge.purge_due() == 1
        assert registry.digest(NAME, deleted) == deleted


def died(*_arguments: Any) -> bool:
    raise SystemError("The process is gone.")


def sign(repository: Repository, registry: RealRegistry, subject: str, *, tag: str = "") -> str:
    """Something that is attached: by `subject`, or by its tag. Its digest."""
    config = registry._blob(repository.full_name, b"{}", CONFIG)
    body: dict[str, Any] = {"schemaVersion": 2, "mediaType": OCI, "config": config, "layers": []}
    body |= {"artifactType": "application/vnd.dev.cosign.artifact.sig.v1+json", "annotations": {"tag": tag}}
    if subject:
        body["subject"] = {"mediaType": OCI, "digest": subject, "size": 1}
    digest = registry.put(NAME, json.dumps(body).encode(), *([tag] if tag else []))
    add(repository, digest, tag=tag)
    return digest


def test_beat_calls_the_task_that_removes(deleted: str, registry: RealRegistry) -> None:
    assert settings.CELERY_BEAT_SCHEDULE["deletion-purge"]["task"] == tasks.purge_due.name
    let_the_time_pass()
    tasks.purge_due()
    assert registry.digest(NAME, deleted) == ""
