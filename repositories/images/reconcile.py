"""Takes over what the registry holds and the portal does not know: a manifest, with the children of an index."""

from repositories.images import manifests
from repositories.images.actions import record_found
from repositories.images.manifests import Parsed
from repositories.images.models import Manifest, ManifestKind
from repositories.images.placeholder import is_placeholder
from repositories.models import Repository
from repositories.registry import client

DEEPEST = 3
"""Levels of an index within an index that are followed."""


def add(repository: Repository, digest: str, *, tag: str = "", depth: int = 0) -> bool:
    """Record a manifest that the registry holds, the children of an index first; whether anything was new.

    What stands in for a tag that is being deleted is none. Raises as `client.get_manifest`, and ManifestInvalid.
    """
    parsed = read(repository, digest, depth=depth)
    if is_placeholder(parsed):
        return False
    return record_found(repository_id=repository.pk, digest=digest, parsed=parsed, tag=tag)


def read(repository: Repository, digest: str, *, depth: int = 0) -> Parsed:
    """A manifest that the registry holds; the children of an index are recorded. Raises as `add`."""
    raw = client.get_manifest(repository.full_name, digest)
    parsed = manifests.parse(raw.body, raw.media_type)
    if parsed.kind == ManifestKind.INDEX and depth < DEEPEST:
        for child in dict.fromkeys(entry.digest for entry in parsed.entries):
            _add_child(repository, child, depth)
    return parsed


def _add_child(repository: Repository, digest: str, depth: int) -> None:
    if Manifest.objects.filter(repository=repository, digest=digest).exists():
        return
    try:
        add(repository, digest, depth=depth + 1)
    except (client.ManifestUnknown, client.TooLarge, manifests.ManifestInvalid):
        return  # an index may name what the registry lacks
