"""Tags and their images as Docker Hub shows them, read for a whole page at once."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from repositories.images import reads
from repositories.images.contents import content_type
from repositories.images.models import IndexEntry, Manifest, ManifestKind, Tag
from repositories.images.referrers import Summary, summaries_of
from repositories.models import Repository

ACTIVE_FOR = timedelta(days=30)
"""Docker Hub calls a tag active that was pushed or pulled within a month."""
BULKY = ("layers", "config", "annotations")


@dataclass(frozen=True)
class Layer:
    """One step of the image's history; without a digest it added nothing."""

    digest: str | None
    size: int
    instruction: str


@dataclass(frozen=True)
class Image:
    """One platform of a tag."""

    digest: str
    architecture: str
    os: str
    variant: str | None
    os_version: str | None
    size: int
    status: str
    last_pulled: datetime | None
    last_pushed: datetime | None
    layers: list[Layer] = field(default_factory=list)
    features: str = ""
    os_features: str = ""


@dataclass(frozen=True)
class TagRow:
    id: int
    name: str
    digest: str
    media_type: str
    content_type: str
    repository: int
    creator: int
    last_updater: int
    last_updater_username: str
    last_updated: datetime
    full_size: int
    tag_status: str
    tag_last_pulled: datetime | None
    tag_last_pushed: datetime | None
    images: list[Image]
    pull_count: int
    is_signed: bool
    signed_by: Sequence[str]
    attestations: Sequence[str]
    v2: bool = True


def tags_of(repository: Repository, *, with_layers: bool = False) -> QuerySet[Tag]:
    """The repository's tags. Two queries for all."""
    rows = reads.tag_rows(repository)
    return rows.defer(None) if with_layers else rows


def tag_rows(tags: Sequence[Tag]) -> list[TagRow]:
    """What the API shows of these tags, all of one repository. Four queries more: platforms, and what is attached."""
    found, attached = _images(tags, with_layers=False), summaries_of(tags)
    return [_tag_row(tag, found[tag.pk], attached[tag.pk]) for tag in tags]


def images_with_layers(tag: Tag) -> list[Image]:
    """Every platform of one tag, with its layers. One query at most."""
    return _images([tag], with_layers=True)[tag.pk]


def _tag_row(tag: Tag, images: list[Image], attached: Summary) -> TagRow:
    manifest = tag.manifest
    return TagRow(
        id=tag.pk,
        name=tag.name,
        digest=manifest.digest,
        media_type=manifest.media_type,
        content_type=content_type(manifest.kind, manifest.artifact_type),
        repository=tag.repository_id,
        creator=tag.created_by_id or 0,
        last_updater=tag.pushed_by_id or 0,
        last_updater_username=tag.pushed_by_name,
        last_updated=tag.pushed_at,
        full_size=manifest.total_size,
        tag_status=_status(tag),
        tag_last_pulled=tag.last_pulled_at,
        tag_last_pushed=tag.pushed_at,
        images=images,
        pull_count=tag.pull_count,
        is_signed=attached.is_signed,
        signed_by=attached.signed_by,
        attestations=attached.contents,
    )


def _status(tag: Tag) -> str:
    last = max(tag.pushed_at, tag.last_pulled_at or tag.pushed_at)
    return "active" if last > timezone.now() - ACTIVE_FOR else "inactive"


def _images(tags: Sequence[Tag], *, with_layers: bool) -> dict[int, list[Image]]:
    """Tag -> its platforms. An index names its children by digest; the registry may lack some of them."""
    entries = {tag.pk: list(tag.manifest.entries.all()) for tag in tags if tag.manifest.kind == ManifestKind.INDEX}
    digests = {entry.digest for listed in entries.values() for entry in listed}
    children = _children(tags[0].repository_id, digests, with_layers=with_layers) if digests else {}
    found = {}
    for tag in tags:
        if tag.pk in entries:
            listed = entries[tag.pk]
            found[tag.pk] = [_of_entry(tag, e, children.get(e.digest), with_layers=with_layers) for e in listed]
        else:
            found[tag.pk] = [_of_manifest(tag, tag.manifest, with_layers=with_layers)]
    return found


def _children(repository_id: int, digests: Iterable[str], *, with_layers: bool) -> dict[str, Manifest]:
    rows = Manifest.objects.filter(repository=repository_id, digest__in=digests)
    return {manifest.digest: manifest for manifest in (rows if with_layers else rows.defer(*BULKY))}


def _of_manifest(tag: Tag, manifest: Manifest, *, with_layers: bool) -> Image:
    return _image(
        tag, manifest, digest=manifest.digest, size=manifest.total_size, manifest=manifest if with_layers else None
    )


def _of_entry(tag: Tag, entry: IndexEntry, child: Manifest | None, *, with_layers: bool) -> Image:
    size = child.total_size if child else entry.size
    return _image(tag, entry, digest=entry.digest, size=size, manifest=child if with_layers else None)


def _image(tag: Tag, platform: Manifest | IndexEntry, *, digest: str, size: int, manifest: Manifest | None) -> Image:
    return Image(
        digest=digest,
        architecture=platform.architecture,
        os=platform.os,
        variant=platform.variant or None,
        os_version=platform.os_version or None,
        size=size,
        status=_status(tag),
        last_pulled=tag.last_pulled_at,
        last_pushed=tag.pushed_at,
        layers=_layers(manifest) if manifest else [],
    )


def _layers(manifest: Manifest) -> list[Layer]:
    """The steps of the config's history, each with the layer that it added, and then layers that no step tells of.

    The config is whatever somebody pushed.
    """
    history = manifest.config.get("history") if isinstance(manifest.config, dict) else None
    steps = [step for step in history if isinstance(step, dict)] if isinstance(history, list) else []
    rest = list(manifest.layers)
    found = []
    for step in steps:
        layer = None if step.get("empty_layer") or not rest else rest.pop(0)
        found.append(_layer(layer, str(step.get("created_by") or "")))
    return found + [_layer(layer, "") for layer in rest]


def _layer(layer: dict[str, Any] | None, instruction: str) -> Layer:
    if layer is None:
        return Layer(digest=None, size=0, instruction=instruction)
    return Layer(digest=layer["digest"], size=layer["size"], instruction=instruction)
