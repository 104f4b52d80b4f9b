"""Puts together what the page and the API show of one image. For rows of a repository that access has let through."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import Prefetch, QuerySet, prefetch_related_objects
from django.utils.translation import gettext_lazy as _

from portal.kit.errors import NotFound, Text
from repositories.images.artifacts import Kind, recognise
from repositories.images.certificates import Signer, read_signer
from repositories.images.models import IndexEntry, Manifest, ManifestKind, Tag
from repositories.images.referrers import Attachment, attached_to, subject_of_tag
from repositories.images.shown import Part, part_of, part_of_entry
from repositories.images.shown.about import About, about
from repositories.images.shown.artifact import Facts, facts_of
from repositories.models import Repository

USUAL = "linux/amd64"
"""The platform that is shown when nobody says otherwise."""
PLATFORMS_MOST = 60
"""Of an index with more, the page offers so many; the largest official image has about 20."""
TAGS_MOST = 20
PARENTS_MOST = 10
PARENT_TAGS_MOST = 3
BULKY = ("layers", "config", "annotations")


@dataclass(frozen=True, slots=True)
class Choice:
    """One platform of an index. `name` is what `?platform=` says."""

    name: str
    digest: str
    size: int
    built_at: datetime | None
    is_chosen: bool
    is_missing: bool
    is_index: bool


@dataclass(frozen=True, slots=True)
class Said:
    """One line of what is attached. `signer` is what the certificate says."""

    kind: Kind
    subject: Text
    size: int
    signer: Signer | None
    attachment: Attachment
    predicate: str = ""


@dataclass(frozen=True, slots=True)
class Parent:
    """An index that names the image, with the newest of its tags."""

    digest: str
    tags: list[str]


@dataclass(frozen=True, slots=True)
class Image:
    """`chosen` is the image that is shown: the manifest's own, or one of an index; None for an empty index."""

    manifest: Manifest
    kind: Kind | None
    choices: list[Choice]
    more_choices: int
    chosen: Part | None
    unknown_platform: str
    about: About
    facts: Facts
    attachments: list[Attachment]
    other_tags: list[str]
    more_tags: bool
    parents: list[Parent] = field(default_factory=list)
    subject: str = ""

    @property
    def is_index(self) -> bool:
        return self.manifest.kind == ManifestKind.INDEX

    @property
    def is_signed(self) -> bool:
        return any(attachment.is_signature for attachment in self.attachments)

    @property
    def is_pending(self) -> bool:
        """A task still reads what is shown."""
        shown = self.chosen.manifest if self.chosen else None
        return shown is not None and shown.details == Manifest.Details.PENDING

    @property
    def said(self) -> list[Said]:
        """Each signature, attestation and SBOM, and one line for whatever else is attached."""
        return [said for attachment in self.attachments for said in _said(attachment)]


def images_of(repository: Repository) -> QuerySet[Manifest]:
    """Every manifest, for a list. One query."""
    return Manifest.objects.filter(repository=repository).defer("config")


def fetch_image(repository: Repository, digest: str) -> Manifest:
    """One query. Raises NotFound."""
    manifest = Manifest.objects.filter(repository=repository, digest=digest).first()
    if manifest is None:
        raise NotFound(_("There is no such image in this repository."))
    manifest.repository = repository
    return manifest


def read_image(repository: Repository, manifest: Manifest, *, tag: str = "", platform: str = "") -> Image:
    """All of one image. Nine queries at most, whatever it holds; `tag` is the one under which it is shown, if any."""
    prefetch_related_objects([manifest], "entries")
    entries = list(manifest.entries.all()) if manifest.kind == ManifestKind.INDEX else []
    shown = [entry for entry in entries if not entry.is_attestation]
    children = _children(repository, shown)
    entry = _chosen(shown, platform)
    chosen = part_of(manifest) if manifest.kind != ManifestKind.INDEX else _part(entry, children)
    inner = chosen.manifest if chosen and chosen.manifest is not manifest else None
    kind = recognise(manifest) or (recognise(inner) if inner else None)
    names = [name_of(row) for row in shown]
    others, more_tags = _other_tags(manifest, tag)
    attached = attached_to(repository.pk, [manifest.digest, *([chosen.digest] if inner and chosen else [])], entries)
    return Image(
        manifest=manifest,
        kind=kind,
        choices=[_choice(row, children, is_chosen=row is entry) for row in _offered(shown, entry)],
        more_choices=max(len(shown) - PLATFORMS_MOST, 0),
        chosen=chosen,
        unknown_platform=platform if platform and shown and platform not in names else "",
        about=about(manifest, inner) if inner else about(manifest),
        facts=facts_of(kind, inner or manifest),
        attachments=[attachment for rows in attached.values() for attachment in rows],
        other_tags=others,
        more_tags=more_tags,
        parents=[] if tag else parents_of(repository, manifest.digest),
        subject=manifest.subject_digest or subject_of_tag(tag or (others[0] if others else "")),
    )


def name_of(entry: IndexEntry) -> str:
    """As the page of a comparison calls it: with the version of Windows, and by digest where no platform is told."""
    return " ".join(part for part in (entry.platform, entry.os_version) if part) or entry.digest[:19]


def _chosen(entries: Sequence[IndexEntry], platform: str) -> IndexEntry | None:
    """Of two entries for one platform the first counts, as for docker."""
    for wanted in (platform, USUAL):
        found = next((entry for entry in entries if wanted in (name_of(entry), entry.platform)), None)
        if found is not None and wanted:
            return found
    return entries[0] if entries else None


def _offered(entries: Sequence[IndexEntry], chosen: IndexEntry | None) -> list[IndexEntry]:
    """The first ones, and the chosen one in any case."""
    first = list(entries[:PLATFORMS_MOST])
    return first if chosen is None or chosen in first else [*first, chosen]


def _children(repository: Repository, entries: Sequence[IndexEntry]) -> dict[str, Manifest]:
    digests = {entry.digest for entry in entries}
    if not digests:
        return {}
    rows = Manifest.objects.filter(repository=repository, digest__in=digests).defer(*BULKY)
    return {row.digest: row for row in rows}


def _part(entry: IndexEntry | None, children: Mapping[str, Manifest]) -> Part | None:
    if entry is None:
        return None
    child = children.get(entry.digest)
    whole = Manifest.objects.filter(pk=child.pk).first() if child else None
    return part_of_entry(entry, {entry.digest: whole} if whole else {})


def _choice(entry: IndexEntry, children: Mapping[str, Manifest], *, is_chosen: bool) -> Choice:
    child = children.get(entry.digest)
    return Choice(
        name=name_of(entry),
        digest=entry.digest,
        size=child.total_size if child else entry.size,
        built_at=child.image_created_at if child else None,
        is_chosen=is_chosen,
        is_missing=child is None or child.missing_since is not None,
        is_index=child is not None and child.kind == ManifestKind.INDEX,
    )


def _other_tags(manifest: Manifest, tag: str) -> tuple[list[str], bool]:
    rows = Tag.objects.filter(manifest=manifest).exclude(name=tag).order_by("-pushed_at", "-id")
    names = list(rows.values_list("name", flat=True)[: TAGS_MOST + 1])
    return names[:TAGS_MOST], len(names) > TAGS_MOST


def parents_of(repository: Repository, digest: str) -> list[Parent]:
    """The indexes of the repository that name it, newest first, each with its tags. Two queries."""
    held = IndexEntry.objects.filter(digest=digest, index__repository=repository).values("index")
    rows = Manifest.objects.filter(pk__in=held).defer(*BULKY)
    found = list(rows.order_by("-pushed_at", "-id")[:PARENTS_MOST])
    tags = newest_tags(found, most=PARENT_TAGS_MOST)
    return [Parent(row.digest, tags[row.pk]) for row in found]


def newest_tags(manifests: Sequence[Manifest], *, most: int = TAGS_MOST) -> dict[int, list[str]]:
    """Key of a manifest -> its newest tags. One query."""
    rows = Tag.objects.order_by("-pushed_at", "-id").only("name", "manifest_id")[:most]
    prefetch_related_objects(manifests, Prefetch("tags", rows, to_attr="newest_tags"))
    return {manifest.pk: [tag.name for tag in getattr(manifest, "newest_tags", [])] for manifest in manifests}


def _said(attachment: Attachment) -> list[Said]:
    if not attachment.statements:
        return [Said(attachment.kind, "", attachment.size, None, attachment)]
    return [
        Said(
            statement.kind,
            statement.subject,
            statement.size,
            read_signer(statement.certificate),
            attachment,
            statement.predicate,
        )
        for statement in attachment.statements
    ]
