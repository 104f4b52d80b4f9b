"""What people do with tags besides pushing: roll back, restore, copy, delete. No image byte is moved.

Each asks access first, then writes under a push intent (`writes`). Inside no transaction.
"""

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from portal.accounts.actor import Actor
from portal.kit.errors import Conflict, Invalid, NotFound
from repositories import access
from repositories.access import Permission
from repositories.images import copying, writes
from repositories.images.copying import ManifestGone
from repositories.images.models import Manifest, PushIntent, Tag, TagHistory
from repositories.models import Repository
from repositories.names import DIGEST, TAG
from repositories.registry import client

Kind = PushIntent.Kind
Action = TagHistory.Action


def roll_back(*, actor: Actor, repository: Repository, tag: str, digest: str) -> Tag:
    """Point a tag to an image of the repository that it is to have again.

    Raises NotFound (tag, image), ManifestGone, Conflict (it points there), TagImmutable, Forbidden, Unavailable.
    """
    row = access.require(actor, Permission.PUSH, repository)
    current = _tag(row, tag)
    if current.manifest.digest == digest:
        raise Conflict(_("The tag points to this image already."))
    _write(actor, row, tag, digest, Kind.ROLL_BACK, expected=current.manifest.digest)
    return _tag(row, tag)


def restore_tag(*, actor: Actor, repository: Repository, tag: str, digest: str = "") -> Tag:
    """Bring a deleted tag back; without a digest to what it pointed to last.

    Raises NotFound (it was never there), ManifestGone, Conflict (there is such a tag), Forbidden, Unavailable.
    """
    row = access.require(actor, Permission.PUSH, repository)
    if Tag.objects.filter(repository=row, name=tag).exists():
        raise Conflict(_("There is a tag of this name. Roll it back instead."))
    _write(actor, row, tag, digest or _last_digest(row, tag), Kind.RESTORE, expected="")
    return _tag(row, tag)


def _last_digest(repository: Repository, tag: str) -> str:
    gone = TagHistory.objects.filter(repository=repository, tag=tag, action__in=[Action.DELETED, Action.LOST])
    last = gone.order_by("-id").first()
    if last is None:
        raise NotFound(_("There was no such tag in this repository."))
    return last.digest


def copy_tag(*, actor: Actor, source: Repository, reference: str, repository: Repository, tag: str) -> Tag:
    """Give an image, by tag or digest, a tag in the same repository or another one; layers are mounted, not moved.

    A tag of that name is moved, as a push would. Raises Invalid (field `tag`), NotFound, ManifestGone, Conflict,
    TagImmutable, Forbidden, Unavailable.
    """
    if not TAG.fullmatch(tag):
        raise Invalid.field("tag", _("A tag has up to 128 letters, digits, and . _ - after the first."))
    origin = access.require(actor, Permission.PULL, source)
    row = access.require(actor, Permission.PUSH, repository)
    digest = reference if DIGEST.fullmatch(reference) else _tag(origin, reference).manifest.digest
    if Tag.objects.filter(repository=row, name=tag, manifest__digest=digest).exists():
        raise Conflict(_("The tag points to this image already."))
    if origin.pk != row.pk:
        copying.copy_parts(actor=actor, source=origin, digest=digest, repository=row)
    separator = "@" if reference == digest else ":"
    _write(actor, row, tag, digest, Kind.COPY, source=f"{origin.full_name}{separator}{reference}")
    return _tag(row, tag)


def delete_tag(*, actor: Actor, repository: Repository, tag: str, digest: str = "") -> str:
    """Delete a tag, and no other tag of its image, which can be restored for DELETED_IMAGES_KEPT. Its digest.

    `digest` is what the person saw it point to. Raises NotFound, TagImmutable, Forbidden, Conflict (it was moved
    meanwhile), Unavailable, DeletionOff.
    """
    row = access.require(actor, Permission.DELETE_IMAGES, repository)
    current = _tag(row, tag).manifest.digest
    digest = digest or current
    if not writes.untag(actor=actor, repository=row, tag=tag, digest=digest):
        raise Conflict(_("The tag was moved or deleted at this moment. Look at it again."))
    return digest


def _tag(repository: Repository, name: str) -> Tag:
    tag = Tag.objects.filter(repository=repository, name=name).select_related("manifest", "pushed_by").first()
    if tag is None:
        raise NotFound(_("There is no such tag in this repository."))
    return tag


def _write(
    actor: Actor,
    repository: Repository,
    tag: str,
    digest: str,
    kind: PushIntent.Kind,
    *,
    source: str = "",
    expected: str | None = None,
) -> None:
    """Point the tag to a manifest that the repository has, or that `copying` put there."""
    known = Manifest.objects.filter(repository=repository, digest=digest)
    if not known.exists():
        raise NotFound(_("There is no such image in this repository."))
    try:
        raw = client.get_manifest(repository.full_name, digest)
    except client.ManifestUnknown as error:
        known.filter(missing_since=None).update(missing_since=timezone.now())
        raise ManifestGone from error
    given = writes.put(
        actor=actor,
        repository=repository,
        reference=tag,
        tag=tag,
        body=raw.body,
        media_type=raw.media_type,
        kind=kind,
        source=source,
        expected=expected,
    )
    copying.expect_taken(given)
