"""What a roll back or a restore would do, for the page that asks whether it shall be done.

For a repository that access has let through.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext_lazy as _

from portal.accounts.actor import Actor
from portal.kit.errors import NotFound
from repositories.images.compare_reads import Compared, compare_references
from repositories.images.history import GONE, last_digest, previous_digest
from repositories.images.immutability import covering_rule
from repositories.images.listeners import heard_by
from repositories.images.models import Manifest, Tag, TagHistory
from repositories.images.reads import platforms_of
from repositories.models import Repository

FORMER_SHOWN = 8
LOOKED_AT = 200
"""Rows of a tag's history in which its former images are looked for."""


@dataclass(frozen=True, slots=True)
class Image:
    """One image of the page. `held_at`: when the tag last came to point to it; None: never."""

    manifest: Manifest
    platforms: list[str]
    held_at: datetime | None


@dataclass(frozen=True, slots=True)
class RollBack:
    """`target` is None when there is nothing to roll back to, or `digest` is not known (any more)."""

    tag: Tag
    digest: str
    current: Image
    target: Image | None
    compared: Compared | None
    former: list[Image]
    """Other images that the tag had and that the registry still has, the last one first."""
    rule: str | None
    """What makes the tag immutable: a pattern, "" for all tags; None: it can be rolled back."""
    listeners: Sequence[str] | None

    @property
    def possible(self) -> bool:
        return self.target is not None and self.target.manifest.missing_since is None and self.rule is None


@dataclass(frozen=True, slots=True)
class Restore:
    """`image` is None when it is gone. `existing`: there is a tag of this name."""

    tag: str
    digest: str
    existing: bool
    image: Image | None
    gone: TagHistory | None
    """When the tag went last, and by whom; None: it is there, and never went."""
    listeners: Sequence[str] | None

    @property
    def possible(self) -> bool:
        return not self.existing and self.image is not None and self.image.manifest.missing_since is None


def plan_roll_back(actor: Actor, repository: Repository, name: str, digest: str = "") -> RollBack:
    """To the digest, or to what the tag pointed to before. At most a dozen queries. Raises NotFound: no such tag."""
    tag = Tag.objects.filter(repository=repository, name=name).select_related("manifest").first()
    if tag is None:
        raise NotFound(_("There is no such tag in this repository."))
    current = tag.manifest.digest
    digest = digest or previous_digest(repository, name)
    held = _held(repository, name)
    rows = _manifests(repository, {current, digest, *held})
    target = rows.get(digest) if digest != current else None
    former = [row for each in held if (row := rows.get(each)) and row.digest not in (current, digest)]
    return RollBack(
        tag=tag,
        digest=digest,
        current=_image(rows[current], held),
        target=_image(target, held) if target else None,
        compared=compare_references(repository, current, digest) if target else None,
        former=[_image(row, held) for row in former if row.missing_since is None][:FORMER_SHOWN],
        rule=covering_rule(repository, name),
        listeners=heard_by(actor, repository, name, "push"),
    )


def plan_restore(actor: Actor, repository: Repository, name: str, digest: str = "") -> Restore:
    """To the digest, or to what the tag pointed to last. Raises NotFound: there was no such tag."""
    gone, existing = went(repository, name), Tag.objects.filter(repository=repository, name=name).exists()
    if gone is None and not existing:
        raise NotFound(_("There was no such tag in this repository."))
    digest = digest or last_digest(repository, name)
    row = _manifests(repository, {digest}).get(digest)
    return Restore(
        tag=name,
        digest=digest,
        existing=existing,
        image=_image(row, _held(repository, name)) if row else None,
        gone=gone,
        listeners=heard_by(actor, repository, name, "tag.restore"),
    )


def went(repository: Repository, name: str) -> TagHistory | None:
    """When the tag was deleted last, or lost; None when it never was. One query."""
    rows = TagHistory.objects.filter(repository=repository, tag=name, action__in=GONE)
    return rows.select_related("actor").order_by("-id").first()


def _held(repository: Repository, name: str) -> dict[str, datetime]:
    """Digests that the tag pointed to, the last one first, each with when it last came to do so."""
    rows = TagHistory.objects.filter(repository=repository, tag=name).exclude(action__in=GONE).order_by("-id")
    found: dict[str, datetime] = {}
    for digest, at in rows.values_list("digest", "at")[:LOOKED_AT]:
        found.setdefault(digest, at)
    return found


def _manifests(repository: Repository, digests: set[str]) -> dict[str, Manifest]:
    rows = Manifest.objects.filter(repository=repository, digest__in=digests).prefetch_related("entries")
    return {row.digest: row for row in rows.defer("layers", "config", "annotations")}


def _image(manifest: Manifest, held: dict[str, datetime]) -> Image:
    return Image(manifest, platforms_of(manifest), held.get(manifest.digest))
