"""What a deletion would take along, what stays because something else needs it, and what it frees. Changes nothing.

A manifest goes when nothing that stays holds it: no tag, no index of the repository. With an index go its platforms,
and with every image the signatures, attestations and SBOMs that are attached to it.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from portal.kit.errors import NotFound
from repositories.images import immutability
from repositories.images.artifacts import Kind, recognise
from repositories.images.models import IndexEntry, Manifest, ManifestKind, Tag
from repositories.images.referrers import SUFFIXES, tag_of_digest
from repositories.models import Repository

DEEPEST = 3
"""Levels of an index within an index that are followed."""
COMPARED = 5_000
"""With so many of the other manifests, the newest, the layers are compared: 0.2 s. Beyond, more may be shared."""


class Why(StrEnum):
    """Why a manifest goes."""

    NAMED = "named"
    PLATFORM = "platform"
    """Of an index that goes."""
    ATTACHED = "attached"


@dataclass(frozen=True, slots=True)
class Gone:
    """`of`: the digest that it goes along with. `tag` is of what is attached by a tag of its own."""

    manifest: Manifest
    why: Why
    of: str = ""
    tag: str = ""

    @property
    def kind(self) -> Kind | None:
        """Of an artifact; None for an image. No query."""
        return recognise(self.manifest)


@dataclass(frozen=True, slots=True)
class Kept:
    """An image that stays although what goes points to it: by other tags, by indexes (digests) that have it."""

    manifest: Manifest
    tags: tuple[str, ...]
    indexes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Refused:
    """An immutable tag; `rule` is the pattern, empty for “all tags”."""

    tag: str
    rule: str


@dataclass(frozen=True)
class Preview:
    tags: list[Tag] = field(default_factory=list)
    """All that go, by name."""
    refused: list[Refused] = field(default_factory=list)
    gone: list[Gone] = field(default_factory=list)
    kept: list[Kept] = field(default_factory=list)
    freed: int = 0
    """Bytes that only what goes uses in this repository. Other repositories may have them too."""
    shared: int = 0
    """Bytes of what goes that other manifests of the repository use."""
    is_exact: bool = True
    """False: the repository has more manifests than were compared, so that `freed` may be less."""


def of_tags(repository: Repository, names: Sequence[str]) -> Preview:
    """Of deleting these tags; unknown ones are left out. At most 20 queries, however many there are."""
    tags = Tag.objects.filter(repository=repository, name__in=names)
    return _preview(repository, list(_with_manifests(tags).order_by("name")), [])


def of_image(repository: Repository, digest: str) -> Preview:
    """Of deleting an image with all its tags. One query more. Raises NotFound."""
    manifest = _manifests(repository).filter(digest=digest).first()
    if manifest is None:
        raise NotFound(_("There is no such image in this repository."))
    tags = _with_manifests(Tag.objects.filter(repository=repository, manifest=manifest))
    return _preview(repository, list(tags.order_by("name")), [manifest])


def _preview(repository: Repository, tags: list[Tag], manifests: list[Manifest]) -> Preview:
    roots = {tag.manifest.digest: tag.manifest for tag in tags} | {one.digest: one for one in manifests}
    going: dict[str, Gone] = {}
    names = {tag.name for tag in tags}
    kept = _go(repository, {digest: Gone(root, Why.NAMED) for digest, root in roots.items()}, going, names)
    looked_at = set(roots)
    for _level in range(DEEPEST):
        platforms = _platforms(repository, going, looked_at)
        if not platforms:
            break
        looked_at |= platforms.keys()
        kept += _go(repository, platforms, going, names)
    _go(repository, _attached(repository, going), going, names)
    freed, shared, exact = _bytes(repository, [gone.manifest for gone in going.values()])
    rules = ((tag.name, immutability.covering_rule(repository, tag.name)) for tag in tags)
    return Preview(
        tags=tags,
        refused=[Refused(name, rule) for name, rule in rules if rule is not None],
        gone=list(going.values()),
        kept=kept,
        freed=freed,
        shared=shared,
        is_exact=exact,
    )


def _go(repository: Repository, wanted: dict[str, Gone], going: dict[str, Gone], names: set[str]) -> list[Kept]:
    """Add to `going` those that nothing holds which stays; what holds the others. Two queries."""
    tags, indexes = _tags_on(repository, wanted.values()), _indexes_with(repository, wanted)
    free = {digest for digest in wanted if tags[digest] <= names | {wanted[digest].tag}}
    while held := {digest for digest in free if indexes[digest] - free - going.keys()}:
        free -= held
    going |= {digest: wanted[digest] for digest in wanted if digest in free}
    return [
        Kept(gone.manifest, tuple(sorted(tags[digest] - names)), tuple(sorted(indexes[digest] - going.keys())))
        for digest, gone in wanted.items()
        if digest not in free
    ]


def _tags_on(repository: Repository, wanted: Iterable[Gone]) -> defaultdict[str, set[str]]:
    rows = Tag.objects.filter(repository=repository, manifest__in=[gone.manifest.pk for gone in wanted])
    return _sets(rows.values_list("manifest__digest", "name"))


def _indexes_with(repository: Repository, digests: Iterable[str]) -> defaultdict[str, set[str]]:
    rows = IndexEntry.objects.filter(index__repository=repository, digest__in=list(digests))
    return _sets(rows.values_list("digest", "index__digest"))


def _sets(pairs: Iterable[tuple[str, str]]) -> defaultdict[str, set[str]]:
    found = defaultdict(set)
    for key, value in pairs:
        found[key].add(value)
    return found


def _platforms(repository: Repository, going: dict[str, Gone], looked_at: set[str]) -> dict[str, Gone]:
    """Of the indexes that go, without those that were looked at. Two queries, none without an index."""
    indexes = [gone.manifest.pk for gone in going.values() if gone.manifest.kind == ManifestKind.INDEX]
    if not indexes:
        return {}
    entries = IndexEntry.objects.filter(index__in=indexes).values_list("digest", "index__digest")
    of = {digest: index for digest, index in entries if digest not in looked_at}
    if not of:
        return {}
    return {row.digest: Gone(row, Why.PLATFORM, of[row.digest]) for row in _manifests(repository, digests=of)}


def _attached(repository: Repository, going: dict[str, Gone]) -> dict[str, Gone]:
    """By `subject`, and by the name of a tag. Two queries."""
    by_tag = {name: digest for digest in going for name in scheme_tags(digest)}
    tags = _with_manifests(Tag.objects.filter(repository=repository, name__in=list(by_tag)))
    found = {
        tag.manifest.digest: Gone(tag.manifest, Why.ATTACHED, by_tag[tag.name], tag.name)
        for tag in tags.order_by("name")
    }
    subjects = _manifests(repository).filter(subject_digest__in=list(going)).order_by("id")
    found |= {row.digest: Gone(row, Why.ATTACHED, row.subject_digest) for row in subjects if row.digest not in found}
    return {digest: gone for digest, gone in found.items() if digest not in going}


def scheme_tags(digest: str) -> list[str]:
    """Names of the tags by which cosign, and clients of a registry without referrers, attach to an image."""
    return [tag_of_digest(digest) + suffix for suffix in SUFFIXES]


def _manifests(repository: Repository, *, digests: Iterable[str] | None = None) -> QuerySet[Manifest]:
    rows = Manifest.objects.filter(repository=repository).defer("config")
    return rows if digests is None else rows.filter(digest__in=list(digests)).order_by("id")


def _with_manifests(tags: QuerySet[Tag]) -> QuerySet[Tag]:
    return tags.select_related("manifest").defer("manifest__config")


def _bytes(repository: Repository, going: list[Manifest]) -> tuple[int, int, bool]:
    """Freed, shared, and whether all other manifests were looked at. One query."""
    blobs: dict[str, int] = {}
    for manifest in going:
        blobs |= _blobs(manifest)
    others = Manifest.objects.filter(repository=repository).exclude(pk__in=[one.pk for one in going])
    rows = others.exclude(kind=ManifestKind.INDEX).order_by("-id").values_list("config_digest", "layers")
    used: set[str] = set()
    count = 0
    for config, layers in rows[: COMPARED + 1].iterator() if blobs else ():
        count += 1
        used |= blobs.keys() & {config, *(layer["digest"] for layer in layers)}
    shared = sum(blobs[digest] for digest in used)
    manifests = sum(one.size for one in going)
    return sum(blobs.values()) - shared + manifests, shared, count <= COMPARED


def _blobs(manifest: Manifest) -> dict[str, int]:
    """Digest and size of what an image consists of. The config's size is what its layers leave of the whole."""
    if manifest.kind == ManifestKind.INDEX:
        return {}
    layers = {layer["digest"]: int(layer["size"]) for layer in manifest.layers}
    rest = manifest.total_size - sum(int(layer["size"]) for layer in manifest.layers)
    return layers | ({manifest.config_digest: max(rest, 0)} if manifest.config_digest else {})
