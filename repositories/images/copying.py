"""Makes an image of one repository an image of another too: layers are mounted, manifests pushed by digest."""

from django.utils.translation import gettext_lazy as _

from portal.accounts.actor import Actor
from portal.kit.errors import NotFound
from repositories.images import manifests, writes
from repositories.images.manifests import Parsed
from repositories.images.models import PushIntent
from repositories.models import Repository
from repositories.registry import client

DEEPEST = 3
"""Levels of an index within an index."""
FOREIGN = ("foreign", "nondistributable")
"""In the media type of layers that lie elsewhere, and that no registry need have."""


class ManifestGone(NotFound):
    """The portal knows the image, and the registry has not all of it any more."""

    code = "manifest_gone"
    default = _("The image is no longer in the registry: its garbage collection has removed it, or a part of it.")


def copy_parts(*, actor: Actor, source: Repository, digest: str, repository: Repository, depth: int = 0) -> None:
    """Put the manifest, with all that it names, into `repository` by digest, without a tag.

    One request for each layer, and three for each manifest. Raises ManifestGone, Unavailable.
    """
    try:
        raw = client.get_manifest(source.full_name, digest)
    except client.ManifestUnknown as error:
        raise ManifestGone from error
    parsed = manifests.parse(raw.body, raw.media_type)
    for entry in parsed.entries if depth < DEEPEST else ():
        copy_parts(actor=actor, source=source, digest=entry.digest, repository=repository, depth=depth + 1)
    for blob in _blobs(parsed):
        if not client.mount_blob(repository.full_name, blob, source=source.full_name):
            raise ManifestGone
    given = writes.put(
        actor=actor,
        repository=repository,
        reference=raw.digest,
        tag="",
        body=raw.body,
        media_type=raw.media_type,
        kind=PushIntent.Kind.COPY,
        source=source.full_name,
    )
    expect_taken(given)


def _blobs(parsed: Parsed) -> list[str]:
    parts = [*([parsed.config] if parsed.config else []), *parsed.layers]
    held = (part.digest for part in parts if not any(word in part.media_type for word in FOREIGN))
    return list(dict.fromkeys(held))


def expect_taken(given: client.Answer) -> None:
    """Raise unless the registry took a manifest that it had before. Raises ManifestGone, RegistryUnavailable."""
    if given.status == 201:
        return
    if given.status in (400, 404) and b"UNKNOWN" in given.body:  # MANIFEST_BLOB_UNKNOWN: a layer is gone
        raise ManifestGone
    raise client.RegistryUnavailable
