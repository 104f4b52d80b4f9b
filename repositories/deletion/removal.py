"""Takes what a deleted repository had out of the registry, so that nobody finds it under the same name. By a task.

The registry deletes by digest, and looks at every tag each time: so the tags go first, a batch of them by one manifest
that stands in for all (`placeholder`), then indexes, then the rest. Also what the portal did not know of. Nothing here
can bring the repository back, and a crash loses nothing: the rows say what is left.
"""

import json
import logging
import time
import uuid
from datetime import timedelta

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from portal.accounts.actor import SYSTEM
from portal.events.record import record
from portal.kit.errors import MoorageError
from repositories.deletion.models import RemovedManifest, RemovedRepository
from repositories.deletion.removals import add_digests
from repositories.images.placeholder import CONFIG, placeholder_of
from repositories.images.removal import DeletionOff, held_digest
from repositories.names import DIGEST, TAG
from repositories.registry import client
from repositories.registry.signing import SERVICE_SUBJECT

log = logging.getLogger(__name__)

LEASE = timedelta(seconds=60)
"""Renewed with every batch; a batch of TAGS takes seconds."""
ASKED_AGAIN = timedelta(minutes=10)
"""After a registry said that it deletes nothing."""
LONGEST = 40.0
"""Seconds after which the next call goes on, so that a worker is not kept by one repository."""
TAGS = 100
MANIFESTS = 100
MOST = 20
"""Repositories that one sweep begins with."""
INDEXES = (client.DOCKER_LIST, client.OCI_INDEX)


class LeaseLost(Exception):
    """Another worker has it."""


def sweep() -> None:
    """Go on with what was left. One query when there is nothing."""
    due = RemovedRepository.objects.filter(leased_until__lte=timezone.now()).order_by("leased_until")
    for pk in list(due.values_list("pk", flat=True)[:MOST]):
        if not remove(pk):
            return  # the registry is away, and the others would wait as long


def remove(pk: uuid.UUID) -> bool:
    """Go on with one, for at most LONGEST. False when the registry is away. Safe in two workers: the lease decides."""
    removed = _claim(pk)
    if removed is None:
        return True
    try:
        if _remove(removed, time.monotonic() + LONGEST):
            _finish(removed)
        else:
            _renew(removed, timedelta())
    except LeaseLost:
        return True
    except client.RegistryUnavailable:
        return False
    except DeletionOff as error:
        RemovedRepository.objects.filter(pk=pk).update(leased_until=timezone.now() + ASKED_AGAIN)
        log.warning("The images of %s stay in the registry: %s", removed.full_name, error.message)
    except MoorageError as error:
        log.warning("The images of %s are not removed yet: %s", removed.full_name, error.message)
    return True


def _claim(pk: uuid.UUID) -> RemovedRepository | None:
    now = timezone.now()
    if not RemovedRepository.objects.filter(pk=pk, leased_until__lte=now).update(leased_until=now + LEASE):
        return None
    return RemovedRepository.objects.filter(pk=pk).first()


def _renew(removed: RemovedRepository, lease: timedelta = LEASE) -> None:
    """No query while most of it is left. Raises LeaseLost."""
    until = timezone.now() + lease
    if timedelta() <= until - removed.leased_until < LEASE / 4:
        return
    if not RemovedRepository.objects.filter(pk=removed.pk, leased_until=removed.leased_until).update(
        leased_until=until
    ):
        raise LeaseLost
    removed.leased_until = until


def _remove(removed: RemovedRepository, ends: float) -> bool:
    """Whether nothing is left. Raises as the registry's client, DeletionOff, LeaseLost."""
    while time.monotonic() < ends:
        _renew(removed)
        tags = _listed(removed)[:TAGS]
        if tags:
            _untag(removed, tags)
        elif not _delete_some(removed):
            return timezone.now() >= removed.settled_at
    return False


def _listed(removed: RemovedRepository) -> list[str]:
    try:
        return [tag for tag in client.list_tags(removed.full_name) if TAG.fullmatch(tag)]
    except client.RepositoryUnknown:
        return []


def _untag(removed: RemovedRepository, tags: list[str]) -> None:
    """Point all of them to one manifest and delete that. What they pointed to is remembered first."""
    name, stand_in = removed.full_name, placeholder_of(removed.pk)
    held = {tag: held_digest(name, tag) for tag in tags}
    for digest in set(held.values()) - {"", stand_in.digest}:
        _remember(removed, digest)
    _delete(name, stand_in.digest)  # asked for first: where deletion is off, nothing is changed
    client.put_blob(name, CONFIG)
    for tag, digest in held.items():
        if digest:
            _renew(removed)
            given = client.put_manifest(
                name, tag, body=stand_in.body, media_type=stand_in.media_type, subject=SERVICE_SUBJECT
            )
            if given.status != 201:
                raise client.RegistryUnavailable
    _delete(name, stand_in.digest)


def _remember(removed: RemovedRepository, digest: str) -> None:
    """Of an index that the portal did not know, also what it names."""
    if RemovedManifest.objects.filter(removed=removed, digest=digest).exists():
        return
    try:
        raw = client.get_manifest(removed.full_name, digest)
    except (client.ManifestUnknown, client.TooLarge):
        add_digests(removed, {digest})
        return
    is_index = raw.media_type in INDEXES
    if is_index:
        add_digests(removed, _named_by(raw.body))
    add_digests(removed, {digest}, are_indexes=is_index)


def _named_by(body: bytes) -> set[str]:
    """What an index names, whatever else stands in it."""
    try:
        entries = json.loads(body).get("manifests") or []
        found = {str(entry["digest"]) for entry in entries}
    except (ValueError, KeyError, TypeError, AttributeError):
        return set()
    return {digest for digest in found if DIGEST.fullmatch(digest)}


def _delete_some(removed: RemovedRepository) -> bool:
    """Delete the next manifests, indexes first. False when there are no more."""
    rows = list(RemovedManifest.objects.filter(removed=removed).order_by("-is_index", "id")[:MANIFESTS])
    for row in rows:
        _renew(removed)
        _delete(removed.full_name, row.digest)
        row.delete()
    RemovedRepository.objects.filter(pk=removed.pk).update(manifests=F("manifests") + len(rows))
    return bool(rows)


def _delete(name: str, digest: str) -> None:
    """Gone already is as good. Raises RegistryUnavailable, DeletionOff."""
    given = client.delete_manifest(name, digest, subject=SERVICE_SUBJECT)
    if given.status == 405:
        raise DeletionOff
    if given.status not in (202, 404):
        raise client.RegistryUnavailable


def _finish(removed: RemovedRepository) -> None:
    """The name is free. Not when a digest was added, or another worker took over, in between."""
    with transaction.atomic():
        rows = RemovedRepository.objects.filter(pk=removed.pk, leased_until=removed.leased_until, digests__isnull=True)
        count = rows.values_list("manifests", flat=True).first()
        if count is None:
            return
        RemovedRepository.objects.filter(pk=removed.pk).delete()
        record(
            "repo.purge",
            actor=SYSTEM,
            namespace=removed.full_name.partition("/")[0],
            target=removed.full_name,
            old={"manifests": count},
        )
