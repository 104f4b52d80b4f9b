"""Removes from the registry what was deleted and can be restored no longer. Called by a task, again and again.

By digest, which at the registry takes every tag of that digest along: so only in a repository that was compared with
the registry within COMPARED_WITHIN, and only what nothing of the repository holds (`writes.purge` looks once more).
An index goes first; what only it held is due at the next turn, and so is what was attached to an image. Nothing leaves
an archived repository.
"""

import logging
import time
from datetime import timedelta

from django.utils import timezone

from portal.accounts.actor import SYSTEM
from portal.kit.errors import MoorageError
from repositories.deletion import freshness
from repositories.deletion.preview import scheme_tags
from repositories.images import writes
from repositories.images.holding import held
from repositories.images.immutability import TagImmutable
from repositories.images.models import Manifest, Tag
from repositories.images.removal import DeletionOff
from repositories.models import Repository
from repositories.registry import client

log = logging.getLogger(__name__)

BATCH = 100
LONGEST = 60.0
"""Seconds after which no other image is begun; the next call goes on."""
LEASE = timedelta(minutes=10)
"""Whoever begins with an image puts its end off by so much: a second worker doesn't see it, a crash is tried again."""
COMPARED_WITHIN = timedelta(hours=1)


def purge_due() -> int:
    """How many images left the registry. Ends early when the registry is away: the others would wait as long."""
    ends, done = time.monotonic() + LONGEST, 0
    due = Manifest.objects.filter(delete_after__lte=timezone.now(), repository__archived_at=None)
    for pk in list(due.order_by("delete_after").values_list("pk", flat=True)[:BATCH]):
        if time.monotonic() > ends:
            break
        try:
            done += _purge(pk)
        except client.RegistryUnavailable:
            break
        except DeletionOff as error:
            log.warning("Deleted images stay in the registry: %s", error.message)
            break
        except MoorageError as error:
            log.info("Image %d is not removed yet: %s", pk, error.message)
        except Exception:
            log.exception("Image %d could not be removed.", pk)
    return done


def _purge(pk: int) -> bool:
    manifest = _claim(pk)
    if manifest is None:
        return False
    repository, digest = manifest.repository, manifest.digest
    if not freshness.is_compared(repository, within=COMPARED_WITHIN):
        return False
    if _keep_held(manifest):
        return False
    _untag_attached(repository, digest)
    return writes.purge(repository=repository, digest=digest)


def _claim(pk: int) -> Manifest | None:
    """None when another worker has it, or when it was restored meanwhile."""
    now = timezone.now()
    claimed = Manifest.objects.filter(pk=pk, delete_after__lte=now)
    if not claimed.update(delete_after=now + LEASE):
        return None
    return Manifest.objects.select_related("repository__namespace").defer("layers", "config").get(pk=pk)


def _keep_held(manifest: Manifest) -> bool:
    """Whether a tag or an index has it again: then it is deleted no longer. Two queries at most."""
    again = Manifest.objects.filter(held(), pk=manifest.pk)
    return bool(again.update(delete_after=None, untagged_at=None))


def _untag_attached(repository: Repository, digest: str) -> None:
    """Tags such as `sha256-<hex>.sig` mean nothing without the image. What they point to is kept for a while."""
    tags = Tag.objects.filter(repository=repository, name__in=scheme_tags(digest))
    for name, attached in list(tags.values_list("name", "manifest__digest")):
        try:
            writes.untag(actor=SYSTEM, repository=repository, tag=name, digest=attached)
        except TagImmutable:
            continue
