"""Remembers what a deleted repository had, and holds its name. Called by the core, by the names in the settings."""

from django.db import connection
from django.utils import timezone

from portal.kit import jobs
from repositories.deletion.models import RemovedManifest, RemovedRepository
from repositories.images import intents
from repositories.images.models import ManifestKind, PushIntent
from repositories.models import Repository

REMOVE = "repositories.deletion.remove_repository"
_COPY = """
    INSERT INTO deletion_removedmanifest (removed_id, digest, is_index)
        SELECT (SELECT id FROM deletion_removedrepository WHERE full_name = %s), digest, kind = %s
        FROM images_manifest WHERE repository_id = %s
        ON CONFLICT (removed_id, digest) DO NOTHING
"""
# Django would read every row, with its layers and config, to see what else depends on it: half a minute for 50,000.
_IN_BULK = (
    "DELETE FROM images_tag WHERE repository_id = %s",
    "DELETE FROM images_taghistory WHERE repository_id = %s",
    "DELETE FROM images_tagpulls WHERE repository_id = %s",
    "DELETE FROM images_indexentry WHERE index_id IN (SELECT id FROM images_manifest WHERE repository_id = %s)",
    "DELETE FROM images_manifest WHERE repository_id = %s",
    "DELETE FROM deletion_bulkitem WHERE job_id IN (SELECT id FROM deletion_bulkdeletion WHERE repository_id = %s)",
)


def keep_for_removal(repository: Repository) -> None:
    """Ten statements, however many manifests: they are copied within the database, and what may be many rows is dropped
    here. What else hangs on the repository goes with its row. Wakes who removes them.
    """
    now = timezone.now()
    writing = PushIntent.objects.filter(repository=repository, state=PushIntent.State.OPEN)
    under_way = set(writing.exclude(digest="").values_list("digest", flat=True))
    removed, _new = RemovedRepository.objects.update_or_create(
        full_name=repository.full_name,
        defaults={"removed_at": now, "leased_until": now, "settled_at": now + 2 * intents.LEASE if under_way else now},
    )
    _copy_digests(repository)
    add_digests(removed, under_way)
    _drop_contents(repository)
    jobs.enqueue(REMOVE, str(removed.pk))


def _copy_digests(repository: Repository) -> None:
    """50,000 rows that went through Python would keep the transaction open for seconds."""
    with connection.cursor() as cursor:
        cursor.execute(_COPY, [repository.full_name, ManifestKind.INDEX.value, repository.pk])


def _drop_contents(repository: Repository) -> None:
    with connection.cursor() as cursor:
        for statement in _IN_BULK:
            cursor.execute(statement, [repository.pk])


def add_digests(removed: RemovedRepository, digests: set[str], *, are_indexes: bool = False) -> None:
    rows = [RemovedManifest(removed=removed, digest=digest, is_index=are_indexes) for digest in digests]
    RemovedManifest.objects.bulk_create(rows, ignore_conflicts=True, batch_size=500)


def name_is_held(full_name: str) -> bool:
    return RemovedRepository.objects.filter(full_name=full_name).exists()
