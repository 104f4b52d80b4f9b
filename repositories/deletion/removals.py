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


def keep_for_removal(repository: Repository) -> None:
    """Four statements, however many manifests: they are copied within the database. Wakes who removes them."""
    now = timezone.now()
    writing = PushIntent.objects.filter(repository=repository, state=PushIntent.State.OPEN)
    under_way = set(writing.exclude(digest="").values_list("digest", flat=True))
    removed, _new = RemovedRepository.objects.update_or_create(
        full_name=repository.full_name,
        defaults={"removed_at": now, "leased_until": now, "settled_at": now + 2 * intents.LEASE if under_way else now},
    )
    _copy_digests(repository)
    add_digests(removed, under_way)
    jobs.enqueue(REMOVE, str(removed.pk))


def _copy_digests(repository: Repository) -> None:
    """50,000 rows that went through Python would keep the transaction open for seconds."""
    with connection.cursor() as cursor:
        cursor.execute(_COPY, [repository.full_name, ManifestKind.INDEX.value, repository.pk])


def add_digests(removed: RemovedRepository, digests: set[str], *, are_indexes: bool = False) -> None:
    rows = [RemovedManifest(removed=removed, digest=digest, is_index=are_indexes) for digest in digests]
    RemovedManifest.objects.bulk_create(rows, ignore_conflicts=True, batch_size=500)


def name_is_held(full_name: str) -> bool:
    return RemovedRepository.objects.filter(full_name=full_name).exists()
