"""Finds what is to be compared. For a repository that access has let through."""

from dataclasses import dataclass
from typing import Literal

from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from portal.kit.errors import NotFound
from repositories.images.compare import Comparison, compare
from repositories.images.compare_platforms import Choice, choose
from repositories.images.models import Manifest, Tag
from repositories.models import Repository
from repositories.names import DIGEST

TAGS_OFFERED = 30
REFERENCE_MAX = 160
"""Longer than any tag or digest."""


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two as it was asked for: a tag or a digest, and what it is."""

    reference: str
    manifest: Manifest

    @property
    def is_tag(self) -> bool:
        return self.reference != self.manifest.digest


@dataclass(frozen=True, slots=True)
class Compared:
    """`images` is None where there is no pair: `choice` says why, or `missing` which digests are not known here."""

    old: Side
    new: Side
    choice: Choice
    images: Comparison | None
    missing: list[str]

    @property
    def is_same(self) -> bool:
        return self.old.manifest.digest == self.new.manifest.digest


def compare_references(repository: Repository, old: str, new: str, platform: str = "") -> Compared:
    """Two tags or digests, and of multi-platform images one platform. At most six queries.

    Raises NotFound with the field `from` or `to`.
    """
    before, after = _find(repository, old, "from"), _find(repository, new, "to")
    choice = choose(before.manifest, after.manifest, platform)
    known = {side.manifest.digest: side.manifest for side in (before, after)}
    wanted = [digest for digest in (choice.old, choice.new) if digest]
    if not set(wanted) <= set(known):
        known |= {row.digest: row for row in Manifest.objects.filter(repository=repository, digest__in=wanted)}
    missing = [digest for digest in dict.fromkeys(wanted) if digest not in known]
    pair = choice.old and choice.new and not missing
    images = compare(known[choice.old], known[choice.new]) if choice.old and choice.new and pair else None
    return Compared(before, after, choice, images, missing)


def _find(repository: Repository, reference: str, name: Literal["from", "to"]) -> Side:
    if DIGEST.fullmatch(reference):
        wanted = Q(digest=reference)
    else:
        wanted = Q(pk__in=Tag.objects.filter(repository=repository, name=reference).values("manifest"))
    rows = Manifest.objects.filter(wanted, repository=repository).prefetch_related("entries")
    manifest = rows.first()
    if manifest is None:
        message = _("There is no such tag or image in this repository.")
        raise NotFound(message, fields={name: [message]})
    return Side(reference, manifest)


def tag_names(repository: Repository, words: str = "") -> list[str]:
    """The newest tags, or those with the words in their name, to choose from. One query."""
    rows = Tag.objects.filter(repository=repository)
    if words:
        rows = rows.filter(name__icontains=words)
    return list(rows.order_by("-pushed_at", "-id").values_list("name", flat=True)[:TAGS_OFFERED])
