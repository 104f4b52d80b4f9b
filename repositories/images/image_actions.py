"""What people do with an image as a whole, whatever its tags are: delete it, and keep a deleted one after all.

Each asks access first. Inside no transaction.
"""

import time

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from portal.accounts.actor import Actor
from portal.events.record import record
from portal.kit.errors import Conflict, NotFound, Unavailable
from repositories import access
from repositories.access import Permission
from repositories.images import immutability, intents, writes
from repositories.images.actions import lock_repository
from repositories.images.copying import ManifestGone
from repositories.images.holding import held
from repositories.images.models import IndexEntry, Manifest, PushIntent, Tag
from repositories.models import Repository
from repositories.registry import client

TAGS_AT_ONCE = 50
"""Each tag costs up to eight requests to the registry; more are deleted by a job."""
NAMED = 5
"""So many tags or images a sentence names."""


def delete_image(*, actor: Actor, repository: Repository, digest: str, tags: list[str] | None = None) -> list[str]:
    """Delete an image with all its tags, which are returned; it can be restored for DELETED_IMAGES_KEPT.

    `tags` are those that the person was told of: when it has others by now, nothing is deleted. None: whatever it has.
    Deleting a deleted one changes nothing. Raises NotFound, TagImmutable, Forbidden, Conflict (an image of several
    platforms has it, or it was tagged meanwhile), Unavailable, DeletionOff.
    """
    row = access.require(actor, Permission.DELETE_IMAGES, repository)
    manifest = _manifest(row, digest)
    if manifest.delete_after is not None:
        return []
    names = tags_of(row, digest)
    _check(row, digest, names, tags)
    gone = [tag for tag in names if writes.untag(actor=actor, repository=row, tag=tag, digest=digest)]
    with transaction.atomic():
        _mark_deleted(actor, row, manifest, gone)
    return gone


def tags_of(repository: Repository, digest: str) -> list[str]:
    rows = Tag.objects.filter(repository=repository, manifest__digest=digest)
    return list(rows.order_by("name").values_list("name", flat=True))


def indexes_with(repository: Repository, digest: str) -> list[str]:
    """Digests of the indexes of the repository that name it."""
    rows = IndexEntry.objects.filter(digest=digest, index__repository=repository)
    return list(rows.order_by("index__digest").values_list("index__digest", flat=True).distinct())


def _check(repository: Repository, digest: str, names: list[str], told: list[str] | None) -> None:
    if told is not None and set(names) - set(told):
        raise Conflict(_("The image has other tags by now: %(tags)s. Look at it again.") % {"tags": some(names)})
    if len(names) > TAGS_AT_ONCE:
        raise Conflict(
            _("The image has %(count)d tags. Delete them as a job first, then the image.") % {"count": len(names)}
        )
    needed_by = indexes_with(repository, digest)
    if needed_by:
        raise Conflict(
            _("The image is part of %(indexes)s. Delete that, and it goes along.")
            % {"indexes": some([index[:19] for index in needed_by])}
        )
    for name in names:
        rule = immutability.covering_rule(repository, name)
        if rule is not None:
            raise immutability.refusal(repository, name, rule, digest)


def some(names: list[str]) -> str:
    """The first few, and how many more."""
    if len(names) <= NAMED:
        return ", ".join(names)
    return _("%(names)s and %(more)d more") % {"names": ", ".join(names[:NAMED]), "more": len(names) - NAMED}


def _mark_deleted(actor: Actor, repository: Repository, manifest: Manifest, tags: list[str]) -> None:
    """Also of what is attached to another manifest, which counts as untagged from now on. Raises Conflict."""
    lock_repository(repository.pk)
    now = timezone.now()
    rows = _unheld(repository).filter(pk=manifest.pk)
    rows.filter(untagged_at=None).update(untagged_at=now)
    if not rows.update(delete_after=now + settings.DELETED_IMAGES_KEPT):
        raise Conflict(_("Somebody tagged the image at this moment. Look at it again."))
    _record("repo.image.delete", actor, repository, manifest, old={"tags": tags})


def _unheld(repository: Repository) -> QuerySet[Manifest]:
    return Manifest.objects.filter(~held(), repository=repository)


def restore_image(*, actor: Actor, repository: Repository, digest: str) -> Manifest:
    """Keep a deleted image after all, without a tag. `tag_actions.restore_tag` brings a tag back with it.

    Raises NotFound, ManifestGone, Conflict (nobody deleted it), Forbidden, Unavailable.
    """
    row = access.require(actor, Permission.PUSH, repository)
    manifest = _manifest(row, digest)
    if manifest.delete_after is None:
        raise Conflict(_("The image is not deleted."))
    expect_held(row, digest)
    with transaction.atomic():
        lock_repository(row.pk)
        kept = Manifest.objects.filter(pk=manifest.pk, delete_after__isnull=False)
        kept.filter(subject_digest__gt="").update(untagged_at=None)
        if kept.update(delete_after=None):
            _record("repo.image.restore", actor, row, manifest)
    # The clean-up opens its intent before it looks at `delete_after`: one that is open now may have looked before.
    _wait_for_removal(row, digest)
    return _manifest(row, digest, gone=ManifestGone())


def expect_held(repository: Repository, digest: str) -> None:
    """Raise ManifestGone, and remember it, when the registry itself says that it has no such image; Unavailable."""
    try:
        client.head_manifest(repository.full_name, digest)
    except client.ManifestUnknown as error:
        rows = Manifest.objects.filter(repository=repository, digest=digest, missing_since=None)
        rows.update(missing_since=timezone.now())
        raise ManifestGone from error


def _wait_for_removal(repository: Repository, digest: str) -> None:
    deadline = time.monotonic() + intents.WAIT_FOR_OTHERS
    open_ones = PushIntent.objects.filter(
        repository=repository, digest=digest, kind=PushIntent.Kind.PURGE, state=PushIntent.State.OPEN
    )
    while open_ones.exists():
        if time.monotonic() >= deadline:
            raise Unavailable(_("The image is being removed from the registry at this moment. Please look again."))
        time.sleep(intents.POLL)


def _manifest(repository: Repository, digest: str, *, gone: NotFound | None = None) -> Manifest:
    row = Manifest.objects.filter(repository=repository, digest=digest).defer("layers", "config").first()
    if row is None:
        raise gone or NotFound(_("There is no such image in this repository."))
    return row


def _record(
    action: str,
    actor: Actor,
    repository: Repository,
    manifest: Manifest,
    old: dict[str, list[str]] | None = None,
) -> None:
    record(
        action,
        actor=actor,
        namespace=repository.namespace_name,
        repository_id=repository.pk,
        target=f"{repository.full_name}@{manifest.digest}",
        old={"digest": manifest.digest, "size": manifest.total_size, **(old or {})},
    )
