"""A registry in memory, in place of the client's functions, where the real one cannot be used in the fast suite."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from repositories.registry import client
from repositories.registry.client import Answer, Descriptor, RawManifest

OCI = client.OCI_MANIFEST
OCI_INDEX = client.OCI_INDEX
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
PLATFORMS = [("linux", "amd64", ""), ("linux", "arm64", "v8"), ("linux", "s390x", "")]


def digest_of(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def part(text: str, *, size: int = 100, media_type: str = LAYER) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": digest_of(text.encode()), "size": size}


def image(text: str = "app", *, media_type: str = OCI, layers: int = 1, size: int = 100, **more: Any) -> bytes:
    """A manifest whose config and layers have `size` bytes each; another text is another image."""
    document = {
        "schemaVersion": 2,
        "mediaType": media_type,
        "config": part(f"{text} config", size=size, media_type=OCI_CONFIG),
        "layers": [part(f"{text} layer {number}", size=size) for number in range(layers)],
    }
    return json.dumps(document | more).encode()


def index(*children: bytes, media_type: str = OCI_INDEX, attestation: bool = False, **more: Any) -> bytes:
    """An index of manifests, for the first so many of PLATFORMS."""
    entries: list[dict[str, Any]] = []
    for child, (system, architecture, variant) in zip(children, PLATFORMS, strict=False):
        platform = {"os": system, "architecture": architecture} | ({"variant": variant} if variant else {})
        entries.append({"mediaType": OCI, "digest": digest_of(child), "size": len(child), "platform": platform})
    if attestation:
        unknown = {"os": "unknown", "architecture": "unknown"}
        entries.append({"mediaType": OCI, "digest": digest_of(b"sbom"), "size": 10, "platform": unknown})
    document = {"schemaVersion": 2, "mediaType": media_type, "manifests": entries}
    return json.dumps(document | more).encode()


@dataclass
class FakeRegistry:
    """What it holds may be changed at will; `away` makes it answer to nothing, `answers` overrides PUT's answer."""

    manifests: dict[tuple[str, str], RawManifest] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)
    tags: dict[str, list[str]] = field(default_factory=dict)
    away: bool = False
    answers: list[Answer | Exception] = field(default_factory=list)
    calls: list[tuple[str, ...]] = field(default_factory=list)
    subjects: list[str] = field(default_factory=list)

    def hold(self, repository: str, body: bytes, *tags: str, media_type: str = "") -> str:
        """As if the manifest had been pushed past the portal; its digest."""
        told = media_type or str(json.loads(body).get("mediaType", OCI))
        raw = RawManifest(digest=digest_of(body), media_type=told, body=body)
        for reference in (raw.digest, *tags):
            self.manifests[repository, reference] = raw
        names = self.tags.setdefault(repository, [])
        names += [tag for tag in tags if tag not in names]
        return raw.digest

    # -- in place of the client's functions

    def put_manifest(
        self,
        repository: str,
        reference: str,
        *,
        body: bytes,
        media_type: str,
        subject: str,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        self._called("PUT", repository, reference)
        self.subjects.append(subject)
        if self.answers:
            answer = self.answers.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer
        digest = self.hold(repository, body, *([] if ":" in reference else [reference]), media_type=media_type)
        told = {"Docker-Content-Digest": digest, "Location": f"/v2/{repository}/manifests/{digest}"}
        return Answer(status=201, headers=told, body=b"")

    def head_manifest(self, repository: str, reference: str) -> Descriptor:
        self._called("HEAD", repository, reference)
        raw = self._held(repository, reference)
        return Descriptor(digest=raw.digest, media_type=raw.media_type, size=len(raw.body))

    def get_manifest(self, repository: str, reference: str) -> RawManifest:
        self._called("GET", repository, reference)
        return self._held(repository, reference)

    def get_blob(self, repository: str, digest: str, *, limit: int) -> bytes:
        self._called("GET", repository, digest)
        if digest not in self.blobs:
            raise client.BlobUnknown
        if len(self.blobs[digest]) > limit:
            raise client.TooLarge
        return self.blobs[digest]

    def list_tags(self, repository: str) -> Iterator[str]:
        self._called("LIST", repository)
        if repository not in self.tags:
            raise client.RepositoryUnknown
        yield from self.tags[repository]

    def _called(self, *what: str) -> None:
        self.calls.append(what)
        if self.away:
            raise client.RegistryUnavailable

    def _held(self, repository: str, reference: str) -> RawManifest:
        if (repository, reference) not in self.manifests:
            raise client.ManifestUnknown
        return self.manifests[repository, reference]


def install(monkeypatch: pytest.MonkeyPatch) -> FakeRegistry:
    """In place of the real client, for one test."""
    fake = FakeRegistry()
    for name in ("put_manifest", "head_manifest", "get_manifest", "get_blob", "list_tags"):
        monkeypatch.setattr(client, name, getattr(fake, name))
    return fake
