"""Tags and images in a document: digest, size, platforms, and how to pull them."""

import logging
import time

from portal.events.models import Event
from repositories.images.details import read_details
from repositories.images.models import Manifest, ManifestKind
from repositories.models import Repository
from repositories.webhooks.documents.values import Document, number, page, registry, text, texts

log = logging.getLogger(__name__)

PLATFORMS_MAX = 100
"""Platforms of one image that are told; an index may have 2,000 entries, and no known one has 30."""
PAUSE = 30.0
"""Seconds without a question after the registry was slow or away, so that it does not hold up webhooks."""
SLOW = 1.0
"""Seconds after which an answer counts as slow."""


def tag(event: Event, name: str, tag_name: str, manifest: Manifest | None) -> Document:
    """Of a push, roll back, copy, restore or deletion; of a deletion what the tag pointed to."""
    new, old = event.new, event.old
    digest = text(new, "digest") or text(old, "digest")
    previous = text(old, "digest") if text(new, "digest") else ""
    return {
        "name": tag_name,
        "url": page(f"/{name}/-/tags/{tag_name}"),
        "pull_reference": f"{registry()}/{name}:{tag_name}",
        "previous_digest": previous if previous != digest else "",
        "source": text(new, "source"),
        **_image(digest, name, manifest, size=number(new, "size"), media_type=text(new, "media_type")),
    }


def image(event: Event, name: str, manifest: Manifest | None) -> Document:
    """Of an image that was deleted or restored by its digest. `tags`: the names that went with it."""
    digest = text(event.old, "digest") or event.target.rpartition("@")[2]
    return {
        "url": page(f"/{name}/-/images/{digest}"),
        "tags": texts(event.old, "tags"),
        **_image(digest, name, manifest, size=number(event.old, "size")),
    }


def _image(digest: str, name: str, manifest: Manifest | None, *, size: int, media_type: str = "") -> Document:
    """Empty, 0: not known. The sizes are what is pulled, compressed, in bytes."""
    return {
        "digest": digest,
        "pull_reference_by_digest": f"{registry()}/{name}@{digest}" if digest else "",
        "kind": str(manifest.kind) if manifest else "",
        "media_type": media_type or (manifest.media_type if manifest else ""),
        "artifact_type": manifest.artifact_type if manifest else "",
        "size": size or (manifest.total_size if manifest else 0),
        "platforms": _platforms(manifest) if manifest else [],
    }


def find(event: Event, repository: Repository | None, *, ask_registry: bool) -> Manifest | None:
    """The image that the event is about, as far as it is still there. One query."""
    digest = text(event.new, "digest") or text(event.old, "digest")
    if repository is None or not digest:
        return None
    rows = Manifest.objects.filter(repository=repository, digest=digest).defer("layers", "config", "annotations")
    manifest = rows.first()
    if manifest is None or not ask_registry or not _may_ask(manifest):
        return manifest
    _ask(manifest)
    return rows.first()


def _may_ask(manifest: Manifest) -> bool:
    pending = manifest.details == Manifest.Details.PENDING and manifest.kind == ManifestKind.IMAGE
    return pending and time.monotonic() >= _registry.away_until


def _ask(manifest: Manifest) -> None:
    """Not waiting for the task that reads it anyway: it may be behind others in the queue."""
    begun = time.monotonic()
    try:
        read_details(manifest.pk)
    except Exception:
        log.exception("The platform of manifest %d is not told.", manifest.pk)
    if time.monotonic() - begun > SLOW:
        _registry.away_until = time.monotonic() + PAUSE


class _Registry:
    """What this process knows of it."""

    away_until = 0.0


_registry = _Registry()


def _platforms(manifest: Manifest) -> list[Document]:
    """Attestations, which are entries of an index too, are no platforms. Two queries for an index, else none."""
    if manifest.kind != ManifestKind.INDEX:
        told = _platform(manifest.os, manifest.architecture, manifest.variant, manifest.digest, manifest.total_size)
        return [told] if manifest.os else []
    rows = manifest.entries.only("index", "position", "digest", "os", "architecture", "variant")
    entries = [row for row in rows if row.platform and not row.is_attestation][:PLATFORMS_MAX]
    children = Manifest.objects.filter(repository=manifest.repository_id, digest__in=[row.digest for row in entries])
    sizes = dict(children.values_list("digest", "total_size"))
    return [_platform(row.os, row.architecture, row.variant, row.digest, sizes.get(row.digest, 0)) for row in entries]


def _platform(os: str, architecture: str, variant: str, digest: str, size: int) -> Document:
    """`name` as docker's `--platform` takes it."""
    name = "/".join(part for part in (os, architecture, variant) if part)
    return {
        "name": name,
        "os": os,
        "architecture": architecture,
        "variant": variant,
        "digest": digest,
        "size": size,
    }
