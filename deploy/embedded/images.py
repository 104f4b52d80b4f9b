"""Small container images, made from nothing: for --demo and for the tests. No network, no container engine."""

import gzip
import hashlib
import io
import json
import tarfile
from dataclasses import dataclass, field
from pathlib import Path

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
PLATFORMS = (("linux", "amd64", ""), ("linux", "arm64", "v8"), ("linux", "arm", "v7"), ("linux", "s390x", ""))


def digest_of(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


@dataclass(frozen=True)
class Document:
    """A manifest or an index, as it travels."""

    content: bytes
    media_type: str

    @property
    def digest(self) -> str:
        return digest_of(self.content)

    def descriptor(self) -> dict[str, object]:
        return {"mediaType": self.media_type, "digest": self.digest, "size": len(self.content)}


@dataclass(frozen=True)
class Image:
    """What has to be pushed: the blobs, the children of an index, and the document that a tag points to."""

    top: Document
    children: list[Document]
    blobs: dict[str, bytes] = field(repr=False)

    @property
    def digest(self) -> str:
        return self.top.digest


def make_image(
    files: dict[str, bytes], *, platforms: int = 1, labels: dict[str, str] | None = None, created: str | None = None
) -> Image:
    """An image whose layers hold one file each, for the first so many of PLATFORMS; more than one makes an index.

    The same arguments give the same digests. `created` is an RFC 3339 time.
    """
    blobs: dict[str, bytes] = {}
    described = labels or {}, created or "2026-01-01T00:00:00Z"
    manifests = [_manifest(files, platform, *described, blobs) for platform in PLATFORMS[:platforms]]
    if platforms == 1:
        return Image(manifests[0], [], blobs)
    entries = [
        {**manifest.descriptor(), "platform": _platform(platform)}
        for manifest, platform in zip(manifests, PLATFORMS, strict=False)
    ]
    index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}
    return Image(Document(_json(index), INDEX), manifests, blobs)


def write_layout(image: Image, folder: Path, *, tag: str = "latest") -> Path:
    """As an OCI layout: `skopeo copy oci:FOLDER:TAG docker://…`."""
    for document in [*image.children, image.top]:
        image.blobs[document.digest] = document.content
    target = folder / "blobs" / "sha256"
    target.mkdir(parents=True, exist_ok=True)
    for digest, content in image.blobs.items():
        (target / digest.removeprefix("sha256:")).write_bytes(content)
    entry = {**image.top.descriptor(), "annotations": {"org.opencontainers.image.ref.name": tag}}
    (folder / "index.json").write_bytes(_json({"schemaVersion": 2, "manifests": [entry]}))
    (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    return folder


def write_archive(image: Image, path: Path, *, name: str) -> Path:
    """As what `docker load` reads. For an image of one platform."""
    manifest = json.loads(image.top.content)
    config = manifest["config"]["digest"].removeprefix("sha256:")
    layers = [layer["digest"].removeprefix("sha256:") for layer in manifest["layers"]]
    files = {f"{config}.json": image.blobs[f"sha256:{config}"]}
    files |= {f"{layer}/layer.tar": gzip.decompress(image.blobs[f"sha256:{layer}"]) for layer in layers}
    entry = {"Config": f"{config}.json", "RepoTags": [name], "Layers": [f"{layer}/layer.tar" for layer in layers]}
    files["manifest.json"] = _json([entry])
    with tarfile.open(path, "w") as archive:
        for name_inside, content in files.items():
            _add(archive, name_inside, content)
    return path


def _manifest(
    files: dict[str, bytes],
    platform: tuple[str, str, str],
    labels: dict[str, str],
    created: str,
    blobs: dict[str, bytes],
) -> Document:
    """One platform's manifest; its blobs are put into `blobs`."""
    layers, unpacked = [], []
    for name, content in files.items():
        tar = io.BytesIO()
        with tarfile.open(fileobj=tar, mode="w") as archive:
            _add(archive, name, content)
            _add(archive, f"etc/{name}.platform", " ".join(platform).encode())
        packed = gzip.compress(tar.getvalue(), compresslevel=6, mtime=0)
        unpacked.append(digest_of(tar.getvalue()))
        blobs[digest_of(packed)] = packed
        layers.append({"mediaType": LAYER, "digest": digest_of(packed), "size": len(packed)})
    config = {
        **_platform(platform),
        "created": created,
        "config": {"Cmd": ["/hello"], "Env": ["PATH=/usr/bin:/bin"], "Labels": labels},
        "rootfs": {"type": "layers", "diff_ids": unpacked},
        "history": [{"created": created, "created_by": f"COPY {name} /"} for name in files],
    }
    written = _json(config)
    blobs[digest_of(written)] = written
    described = {"mediaType": CONFIG, "digest": digest_of(written), "size": len(written)}
    manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "config": described, "layers": layers}
    return Document(_json(manifest), MANIFEST)


def _platform(platform: tuple[str, str, str]) -> dict[str, str]:
    system, architecture, variant = platform
    return {"os": system, "architecture": architecture, **({"variant": variant} if variant else {})}


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(content), 0o755
    archive.addfile(entry, io.BytesIO(content))


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":"), sort_keys=True).encode()
