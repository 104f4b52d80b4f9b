"""Parses the registry paths that the door hands to the portal, by Distribution's grammar."""

import re
from dataclasses import dataclass

from repositories.names import DIGEST, NAME, TAG

FULL_NAME_MAX = 255
"""Distribution's reference grammar: name, with its host left out."""

_MANIFEST = re.compile(r"/v2/(?P<name>.+)/manifests/(?P<reference>[^/]+)")
_BLOB = re.compile(r"/v2/.+/blobs/[^/]+")


@dataclass(frozen=True, slots=True)
class ManifestPath:
    """A repository's full name, and a tag or a digest."""

    name: str
    reference: str

    @property
    def tag(self) -> str:
        """Empty for a digest."""
        return "" if ":" in self.reference else self.reference

    @property
    def valid_name(self) -> bool:
        """Whether a repository could be called so: a namespace, a slash and a name."""
        return len(self.name) <= FULL_NAME_MAX and "/" in self.name and NAME.fullmatch(self.name) is not None

    @property
    def valid_reference(self) -> bool:
        pattern = TAG if self.tag else DIGEST
        return pattern.fullmatch(self.reference) is not None


def parse_manifest(path: str) -> ManifestPath | None:
    """The manifest that a decoded path names, or None for another kind of path. `..`, `//` and `%` fit no grammar."""
    found = _MANIFEST.fullmatch(path)
    return ManifestPath(found["name"], found["reference"]) if found else None


def is_blob(path: str) -> bool:
    return _BLOB.fullmatch(path) is not None
