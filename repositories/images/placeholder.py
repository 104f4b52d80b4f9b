"""The manifest that takes a tag's place for a moment, where the registry deletes by digest only (Distribution 2.8).

Deleting the digest of an image would take every tag of it along (distribution issue 2317). So the tag is pointed to a
manifest that nothing else can point to, and that one is deleted.
"""

import hashlib
import json
import uuid
from dataclasses import dataclass

from repositories.images.manifests import Parsed
from repositories.registry.client import OCI_MANIFEST

CONFIG = b"{}"
ANNOTATION = "org.moorage.deletion"
_EMPTY = "application/vnd.oci.empty.v1+json"


@dataclass(frozen=True, slots=True)
class Placeholder:
    """Its config, CONFIG, must be in the repository before it is pushed."""

    digest: str
    body: bytes
    media_type: str = OCI_MANIFEST


def placeholder_of(intent_id: uuid.UUID) -> Placeholder:
    """The same bytes each time, so that whoever finds the intent later knows what it may have left behind."""
    config = {"mediaType": _EMPTY, "digest": _digest(CONFIG), "size": len(CONFIG)}
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "artifactType": "application/vnd.moorage.deletion.v1",
        "config": config,
        "layers": [],
        "annotations": {ANNOTATION: str(intent_id)},
    }
    body = json.dumps(document, sort_keys=True, separators=(",", ":")).encode()
    return Placeholder(_digest(body), body)


def is_placeholder(parsed: Parsed) -> bool:
    return ANNOTATION in parsed.annotations


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
