"""A registry of its own for a test: Debian's 2.8.2 always, and the one that MOORAGE_REGISTRY_BINARY names.

Without tokens: what the portal signs is verified in tests/system, by the product's registry.
"""

import contextlib
import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from deploy.embedded.packages import find_tools

ROOT = Path(__file__).resolve().parent.parent
GIVEN = os.environ.get("MOORAGE_REGISTRY_BINARY", "")
BINARIES = ["debian", *([GIVEN] if GIVEN else [])]
OCI = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
ACCEPT = f"{OCI}, {OCI_INDEX}"


def digest_of(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


@dataclass
class RealRegistry:
    """A process with its storage in `folder`; `hold` pushes as somebody would who goes past the portal."""

    folder: Path
    port: int
    binary: Path
    deletes: bool = True
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def storage(self) -> Path:
        return self.folder / "storage"

    def start(self) -> "RealRegistry":
        config = {
            "version": "0.1",
            "log": {"level": "error", "accesslog": {"disabled": True}},
            "storage": {
                "filesystem": {"rootdirectory": str(self.storage)},
                "delete": {"enabled": self.deletes},
                "cache": {"blobdescriptor": "inmemory"},
            },
            "http": {"addr": f"127.0.0.1:{self.port}", "secret": "tests-only"},
        }
        path = self.folder / "registry.yml"
        path.write_text(json.dumps(config))  # JSON is YAML
        with (self.folder / "registry.log").open("ab") as log:
            self.process = subprocess.Popen(
                [str(self.binary), "serve", str(path)], stdout=log, stderr=log, start_new_session=True
            )
        ends = time.monotonic() + 15
        while time.monotonic() < ends:
            with contextlib.suppress(requests.ConnectionError):
                requests.get(f"{self.url}/v2/", timeout=2)
                return self
            time.sleep(0.05)
        raise AssertionError((self.folder / "registry.log").read_text())

    def stop(self, how: signal.Signals = signal.SIGKILL) -> None:
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait(timeout=15)
            self.process = None

    def empty(self) -> None:
        """As if somebody had thrown its storage away."""
        shutil.rmtree(self.storage, ignore_errors=True)

    # -- what it holds

    def hold(self, repository: str, *tags: str, text: str = "app", layers: int = 1, config: bytes | None = None) -> str:
        """Push an image of small layers; another text is another image. Its digest."""
        config = self._config(text, layers) if config is None else config
        parts = [self._blob(repository, f"{text} {number}".encode(), LAYER) for number in range(layers)]
        body = {
            "schemaVersion": 2,
            "mediaType": OCI,
            "config": self._blob(repository, config, CONFIG),
            "layers": parts,
        }
        return self.put(repository, json.dumps(body).encode(), *tags)

    def hold_index(self, repository: str, *tags: str, children: list[str]) -> str:
        entries = [
            {"mediaType": OCI, "digest": child, "size": self.size(repository, child), "platform": platform}
            for child, platform in zip(children, _platforms(), strict=False)
        ]
        body = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries}
        return self.put(repository, json.dumps(body).encode(), *tags, media_type=OCI_INDEX)

    def put(self, repository: str, body: bytes, *tags: str, media_type: str = OCI) -> str:
        for reference in tags or (digest_of(body),):
            answer = requests.put(
                f"{self.url}/v2/{repository}/manifests/{reference}",
                data=body,
                headers={"Content-Type": media_type},
                timeout=10,
            )
            assert answer.status_code == 201, answer.text
        return digest_of(body)

    def digest(self, repository: str, reference: str) -> str:
        """What it holds there; empty for nothing."""
        url = f"{self.url}/v2/{repository}/manifests/{reference}"
        answer = requests.head(url, headers={"Accept": ACCEPT}, timeout=10)
        return answer.headers["Docker-Content-Digest"] if answer.ok else ""

    def size(self, repository: str, reference: str) -> int:
        url = f"{self.url}/v2/{repository}/manifests/{reference}"
        return int(requests.head(url, headers={"Accept": ACCEPT}, timeout=10).headers["Content-Length"])

    def tags(self, repository: str) -> list[str]:
        answer = requests.get(f"{self.url}/v2/{repository}/tags/list", timeout=10)
        return sorted(answer.json().get("tags") or []) if answer.ok else []

    def _config(self, text: str, layers: int) -> bytes:
        steps = [{"created_by": f"RUN {text} {number}"} for number in range(layers)]
        return json.dumps({"os": "linux", "architecture": "amd64", "config": {}, "history": steps}).encode()

    def _blob(self, repository: str, content: bytes, media_type: str) -> dict[str, Any]:
        digest = digest_of(content)
        start = requests.post(f"{self.url}/v2/{repository}/blobs/uploads/", timeout=10)
        place = start.headers["Location"]
        place = place if place.startswith("http") else self.url + place
        answer = requests.put(f"{place}{'&' if '?' in place else '?'}digest={digest}", data=content, timeout=10)
        assert answer.status_code == 201, answer.text
        return {"mediaType": media_type, "digest": digest, "size": len(content)}


def _platforms() -> Iterator[dict[str, str]]:
    yield from ({"os": "linux", "architecture": name} for name in ("amd64", "arm64", "s390x", "riscv64", "ppc64le"))


def _debians() -> Path:
    """bin/run would take the given one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MOORAGE_REGISTRY_BINARY", raising=False)
        return find_tools(ROOT / ".tools").registry


@contextmanager
def running_registry(folder: Path, binary: str = "debian", *, deletes: bool = True) -> Iterator[RealRegistry]:
    program = _debians() if binary == "debian" else Path(binary)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = int(probe.getsockname()[1])
    registry = RealRegistry(folder, port, Path(program), deletes)
    try:
        yield registry.start()
    finally:
        registry.stop()
