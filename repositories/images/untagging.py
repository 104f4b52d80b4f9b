"""What is written when a tag or a manifest goes: by a person, by the clean-up, or unseen."""

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, F, OuterRef
from django.utils import timezone

from portal.events.record import record
from repositories.images.actions import UNKNOWN, Pusher, keep_history, lock_repository, mark_untagged
from repositories.images.models import IndexEntry, Manifest, Tag, TagHistory
from repositories.models import Repository


def record_untagged(*, repository_id: int, tag: str, digest: str, pusher: Pusher) -> bool:
    """The registry has no such tag any more, by a person's deletion: its history and the event `repo.tag.delete`.

    `digest` is what it pointed to; if nothing points to that any more, it is kept for DELETED_IMAGES_KEPT. False when
    there was no such tag, or it points elsewhere by now. As `record_push`, in the caller's transaction; 9 queries.
    """
    repository = lock_repository(repository_id)
    tagged = _take_tag_away(repository, tag, digest, pusher, TagHistory.Action.DELETED)
    if not tagged:
        return False
    alone = Manifest.objects.filter(repository=repository, digest=digest, untagged_at__isnull=False)
    alone.update(delete_after=timezone.now() + settings.DELETED_IMAGES_KEPT)
    record(
        "repo.tag.delete",
        actor=pusher,
        namespace=repository.namespace_name,
        repository_id=repository.pk,
        target=f"{repository.full_name}:{tag}",
        old={"tag": tag, "digest": digest},
    )
    return True


def record_lost(*, repository_id: int, tag: str, digest: str) -> bool:
    """The registry has no such tag any more, and nobody knows why: history, and no event. One transaction of its own.

    False when the tag points elsewhere than to `digest` by now.
    """
    with transaction.atomic():
        repository = lock_repository(repository_id)
        return _take_tag_away(repository, tag, digest, UNKNOWN, TagHistory.Action.LOST)


def _take_tag_away(repository: Repository, tag: str, digest: str, pusher: Pusher, action: TagHistory.Action) -> bool:
    now = timezone.now()
    row = Tag.objects.filter(repository=repository, name=tag, manifest__digest=digest).first()
    if row is None:
        return False
    row.delete()
    Repository.objects.filter(pk=repository.pk).update(tag_count=F("tag_count") - 1)
    mark_untagged([row.manifest_id], now)
    keep_history(repository, tag, action, digest, previous="", pusher=pusher, at=now)
    return True


def record_purged(*, repository_id: int, digest: str) -> bool:
    """The registry has no such manifest any more, by the clean-up: its row goes, with the event `repo.image.purge`.

    What only it named, and what is attached to it, is untagged from then on and deleted at the next turn. False when
    there was no such manifest, or a tag points to it. As `record_push`, in the caller's transaction.
    """
    repository = lock_repository(repository_id)
    manifest = Manifest.objects.filter(repository=repository, digest=digest, tags=None).first()
    if manifest is None:
        return False
    entries = IndexEntry.objects.filter(index=manifest).values_list("digest", flat=True)
    children = Manifest.objects.filter(repository=repository, digest__in=list(entries))
    ids = list(children.values_list("pk", flat=True))
    manifest.delete()
    now = timezone.now()
    mark_untagged(ids, now)
    Manifest.objects.filter(pk__in=ids, untagged_at=now, delete_after=None).update(delete_after=now)
    _delete_attached(repository, digest, ids)
    record(
        "repo.image.purge",
        actor=UNKNOWN,
        namespace=repository.namespace_name,
        repository_id=repository.pk,
        target=f"{repository.full_name}@{digest}",
        old={"digest": digest, "media_type": manifest.media_type, "size": manifest.total_size},
    )
    return True


def _delete_attached(repository: Repository, digest: str, children: list[int]) -> None:
    """Signatures and the like go with what they are about, unless they have a tag or an index of their own.

    Such an index, by which clients attach where the registry does not (`sha256-<hex>`), goes later than what they are
    about: its `children` go with it then.
    """
    now = timezone.now()
    named = IndexEntry.objects.filter(digest=OuterRef("digest"), index__repository=repository)
    subject = Manifest.objects.filter(repository=repository, digest=OuterRef("subject_digest"))
    free = Manifest.objects.filter(~Exists(named), repository=repository, tags=None, delete_after=None)
    free.filter(subject_digest=digest).update(untagged_at=now, delete_after=now)
    if children:
        left = free.filter(~Exists(subject), pk__in=children, subject_digest__gt="")
        left.update(untagged_at=now, delete_after=now)
