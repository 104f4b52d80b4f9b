"""What is attached to an image: signatures, attestations, SBOMs and whatever else names it as its subject.

Three ways lead there: OCI's `subject`, BuildKit's entries in an index, and the tags `sha256-<hex>.sig` of cosign. The
registry answers no referrers call up to 3.1, so all three are found in our own tables.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from django.db.models import Q

from repositories.images.artifacts import ATTESTATION, GENERIC, SIGNATURE, Kind, Statement, recognise, statements_of
from repositories.images.certificates import read_signer
from repositories.images.models import IndexEntry, Manifest, ManifestKind, Tag

# A digest with 64 digits at most (distribution-spec, "Referrers Tag Schema"), so that it fits into a tag.
_ATTACHED_TAG = re.compile(r"(sha256|sha512)-([0-9a-f]{64})(\.[a-z]{1,16})?")
SUFFIXES = ("", ".sig", ".att", ".sbom")
"""Without one: the list of referrers that clients keep where the registry has no call for it (OCI's fallback tag)."""
ATTACHED = Q(name__regex=rf"^{_ATTACHED_TAG.pattern}$") & (
    Q(name__startswith="sha256-") | Q(name__startswith="sha512-")
)
"""Tags that only hang something on an image. Of a list: `rows.exclude(ATTACHED)`."""
_BUILDKIT = "vnd.docker.reference.digest"
MOST = 100
"""Of what is attached to one image, so much is shown."""

Way = Literal["subject", "index", "tag"]


@dataclass(frozen=True, slots=True)
class Attachment:
    """One manifest that is attached. `manifest` is None for an entry of an index that the registry lacks."""

    digest: str
    subject: str
    kind: Kind
    way: Way
    size: int
    manifest: Manifest | None = None
    tag: str = ""
    statements: list[Statement] = field(default_factory=list)

    @property
    def pushed_at(self) -> datetime | None:
        return self.manifest.pushed_at if self.manifest else None

    @property
    def is_signature(self) -> bool:
        return SIGNATURE in [self.kind, *(statement.kind for statement in self.statements)]


def subject_of_tag(name: str) -> str:
    """The digest that such a tag speaks of; empty for any other tag, and for sha512, of which it has half."""
    found = _ATTACHED_TAG.fullmatch(name)
    return f"sha256:{found[2]}" if found and found[1] == "sha256" else ""


def tag_of_digest(digest: str) -> str:
    """The beginning of the tags that speak of it."""
    algorithm, _colon, digits = digest.partition(":")
    return f"{algorithm}-{digits[:64]}"


def attached_to(
    repository_id: int, digests: Sequence[str], entries: Iterable[IndexEntry] = ()
) -> dict[str, list[Attachment]]:
    """Digest -> what is attached to it, signatures first. `entries` are those of the index around them.

    Three queries, two without BuildKit's entries. Of each a hundred at most.
    """
    found = [
        *_by_subject(repository_id, digests),
        *_by_tag(repository_id, digests),
        *_by_entry(repository_id, digests, entries),
    ]
    lists: dict[str, list[Attachment]] = {digest: [] for digest in digests}
    known: set[tuple[str, str]] = set()
    for attachment in found:
        if (attachment.subject, attachment.digest) not in known and len(lists[attachment.subject]) < MOST:
            known.add((attachment.subject, attachment.digest))
            lists[attachment.subject].append(attachment)
    return {digest: sorted(rows, key=lambda row: not row.is_signature) for digest, rows in lists.items()}


def _by_subject(repository_id: int, digests: Sequence[str]) -> list[Attachment]:
    rows = Manifest.objects.filter(repository=repository_id, subject_digest__in=digests, missing_since=None)
    # By id alone, SQLite would read all manifests of the repository in that order and look for these among them.
    rows = rows.defer("config").order_by("subject_digest", "-id")[: MOST * len(digests)]
    return [_attachment(row, row.subject_digest, "subject") for row in rows]


def _by_tag(repository_id: int, digests: Sequence[str]) -> list[Attachment]:
    """The fallback tag is left out: it is an index of what names the image as its subject, which was found already."""
    subjects = {f"{tag_of_digest(digest)}{suffix}": digest for digest in digests for suffix in SUFFIXES[1:]}
    tags = Tag.objects.filter(repository=repository_id, name__in=subjects).select_related("manifest")
    rows = tags.defer("manifest__config").order_by("name")
    return [_attachment(tag.manifest, subjects[tag.name], "tag", tag=tag.name) for tag in rows]


def _by_entry(repository_id: int, digests: Sequence[str], entries: Iterable[IndexEntry]) -> list[Attachment]:
    wanted = [(entry, entry.annotations.get(_BUILDKIT, "")) for entry in entries if entry.is_attestation]
    wanted = [(entry, subject) for entry, subject in wanted if subject in digests][:MOST]
    if not wanted:
        return []
    rows = Manifest.objects.filter(repository=repository_id, digest__in=[entry.digest for entry, _ in wanted])
    held = {row.digest: row for row in rows.defer("config")}
    return [_of_entry(entry, subject, held) for entry, subject in wanted]


def _of_entry(entry: IndexEntry, subject: str, held: Mapping[str, Manifest]) -> Attachment:
    if entry.digest in held:
        return _attachment(held[entry.digest], subject, "index")
    return Attachment(digest=entry.digest, subject=subject, kind=ATTESTATION, way="index", size=entry.size)


def _attachment(manifest: Manifest, subject: str, way: Way, *, tag: str = "") -> Attachment:
    return Attachment(
        digest=manifest.digest,
        subject=subject,
        kind=recognise(manifest) or GENERIC,
        way=way,
        size=manifest.total_size,
        manifest=manifest,
        tag=tag,
        statements=statements_of(manifest),
    )


def signed_digests(repository_id: int, digests: Sequence[str]) -> set[str]:
    """Those of the digests that have a signature attached, for a list of tags. Two queries, none for no digests."""
    if not digests:
        return set()
    return {digest for digest, rows in attached_to(repository_id, digests).items() if any(r.is_signature for r in rows)}


@dataclass(frozen=True, slots=True)
class Summary:
    """What is attached to a tag's image and to its platforms, in a few words. Nothing of it is verified."""

    is_signed: bool = False
    signed_by: Sequence[str] = ()
    """Whom the certificates name; empty where a signature is by a bare key."""
    contents: Sequence[str] = ()
    """Such as "sbom" and "attestation", each once, without signatures."""


def summaries_of(tags: Sequence[Tag]) -> dict[int, Summary]:
    """Key of a tag -> what is attached; the tags are of one repository. Three queries, none for no tags.

    Reads the manifests' entries, prefetched or a query each.
    """
    if not tags:
        return {}
    entries = {
        tag.pk: list(tag.manifest.entries.all()) if tag.manifest.kind == ManifestKind.INDEX else [] for tag in tags
    }
    digests = {
        tag.pk: [tag.manifest.digest, *(entry.digest for entry in entries[tag.pk] if not entry.is_attestation)]
        for tag in tags
    }
    subjects = list(dict.fromkeys(digest for rows in digests.values() for digest in rows))
    every = [entry for rows in entries.values() for entry in rows]
    found = attached_to(tags[0].repository_id, subjects, every)
    return {pk: _summary([row for digest in rows for row in found[digest]]) for pk, rows in digests.items()}


def _summary(attachments: Sequence[Attachment]) -> Summary:
    statements = [statement for attachment in attachments for statement in attachment.statements]
    signers = [read_signer(statement.certificate) for statement in statements if statement.kind is SIGNATURE]
    keys = [statement.kind.key for statement in statements]
    keys += [attachment.kind.key for attachment in attachments if not attachment.statements]
    return Summary(
        is_signed=any(attachment.is_signature for attachment in attachments),
        signed_by=list(dict.fromkeys(signer.name for signer in signers if signer)),
        contents=[key for key in dict.fromkeys(keys) if key != SIGNATURE.key],
    )
