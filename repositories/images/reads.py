"""What pages and API show of tags. For rows of a repository that access has let through."""

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from portal.accounts.actor import Actor
from portal.kit.errors import NotFound
from repositories.access import fetch_repository
from repositories.images.models import IndexEntry, Manifest, ManifestKind, Tag, TagHistory
from repositories.models import Repository

_BULKY = ("manifest__layers", "manifest__config", "manifest__annotations")


def tag_rows(repository: Repository) -> QuerySet[Tag]:
    """Tags for a list: two queries for any number, without a manifest's layers, config and annotations. Unsorted."""
    rows = Tag.objects.filter(repository=repository).select_related("manifest", "pushed_by")
    return rows.prefetch_related("manifest__entries").defer(*_BULKY)


def fetch_tag(actor: Actor, namespace: str, name: str, tag: str) -> Tag:
    """One tag with its whole manifest and the entries of an index. Three queries. Raises NotFound."""
    repository = fetch_repository(actor, namespace, name)
    row = Tag.objects.filter(repository=repository, name=tag).select_related("manifest", "pushed_by").first()
    if row is None:
        raise NotFound(_("There is no such tag in this repository."))
    row.repository = repository
    row.manifest.repository = repository
    return row


def history_rows(repository: Repository, *, tag: str = "") -> QuerySet[TagHistory]:
    """What happened to the repository's tags, or to one; for `keyset(rows, by="-id")`. One query."""
    rows = TagHistory.objects.filter(repository=repository).select_related("actor")
    return rows.filter(tag=tag) if tag else rows


def entries_of(manifest: Manifest) -> list[IndexEntry]:
    """The platforms of an index, without BuildKit's attestations. No query when the entries were prefetched."""
    return [entry for entry in manifest.entries.all() if not entry.is_attestation]


def platforms_of(manifest: Manifest) -> list[str]:
    """Such as ["linux/amd64", "linux/arm64"]; empty for an artifact, and until an image's config was read."""
    if manifest.kind == ManifestKind.INDEX:
        return list(dict.fromkeys(entry.platform for entry in entries_of(manifest) if entry.platform))
    return [manifest.platform] if manifest.platform else []
