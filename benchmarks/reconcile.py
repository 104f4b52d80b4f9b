"""A round through all repositories against the bare requests that it must make: `python -m benchmarks.reconcile`.

Debian's registry (or the one that MOORAGE_REGISTRY_BINARY names) on a storage that is written file by file, since a
thousand pushes would take longer than what is measured; the database knows the same tags. "Bare" is a listing for each
repository and a HEAD for each tag, over four kept connections of the HTTP library that the product uses, without
tokens. Rounds and bare requests take turns; medians. See docs/sync.md.
"""

import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks import _stage
from deploy.embedded.packages import find_tools

OCI = "application/vnd.oci.image.manifest.v1+json"
ROOT_OF_STORAGE = "docker/registry/v2"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repositories", type=int, default=1000)
    parser.add_argument("--tags", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--postgres", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="moorage-reconcile-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        if options.postgres:
            with _stage.postgres(folder) as database:
                measure(folder, database, options)
        else:
            measure(folder, f"sqlite:///{folder / 'db.sqlite3'}", options)


def measure(folder: Path, database: str, options: argparse.Namespace) -> None:
    port = _stage.free_port()
    names = [f"bench/app-{number:05}" for number in range(options.repositories)]
    digests = write_storage(folder / "storage", names, options.tags)
    environ = _stage.environment(folder, database=database, redis_port=None)
    environ["MOORAGE_REGISTRY_URL"] = f"http://127.0.0.1:{port}"
    registry = str(find_tools(_stage.ROOT / ".tools").registry)
    run = [sys.executable, "-m", "benchmarks._reconcile_run", str(options.repositories), str(options.rounds)]
    with _stage.started([registry, "serve", configuration(folder, port)], port=port):
        subprocess.run([*run, *digests.values()], env=environ, check=True)


def configuration(folder: Path, port: int) -> str:
    path = folder / "registry.yml"
    path.write_text(
        json.dumps(
            {
                "version": "0.1",
                "log": {"level": "error", "accesslog": {"disabled": True}},
                "storage": {
                    "filesystem": {"rootdirectory": str(folder / "storage")},
                    "cache": {"blobdescriptor": "inmemory"},
                },
                "http": {"addr": f"127.0.0.1:{port}", "secret": "benchmarks"},
            }
        )
    )
    return str(path)


def write_storage(storage: Path, names: list[str], tags: int) -> dict[str, str]:
    """Tag -> digest, the same in each repository."""
    digests = {}
    for number in range(tags):
        layers = [{"mediaType": "application/octet-stream", "digest": digest_of(str(number).encode()), "size": 1}]
        config = {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest_of(b"{}"), "size": 2}
        body = {"schemaVersion": 2, "mediaType": OCI, "config": config, "layers": layers}
        content = json.dumps(body).encode()
        digest = digest_of(content)
        digests[f"1.{number}"] = digest
        write(storage / ROOT_OF_STORAGE / "blobs/sha256" / digest[7:9] / digest[7:] / "data", content)
    for name in names:
        for tag, digest in digests.items():
            manifests = storage / ROOT_OF_STORAGE / "repositories" / name / "_manifests"
            for link in (f"revisions/sha256/{digest[7:]}", f"tags/{tag}/current"):
                write(manifests / link / "link", digest.encode())
    return digests


def write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def digest_of(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


if __name__ == "__main__":
    main()
