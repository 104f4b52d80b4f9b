"""Push and pull through the front door against the registry alone: `python -m benchmarks.push`. See docs/benchmarks.md.

The product is started by `bin/run` in a folder of its own; the same registry program, with the same settings but
neither tokens nor notifications, stands beside it. A client of plain HTTP does what docker does, step by step on one
connection, so that nothing runs in parallel and hides what the product adds. Rounds are interleaved; medians. With
`--parallel 50` fifty clients push small images to fifty tags of one repository at once instead.
"""

import argparse
import base64
import hashlib
import http.client
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from benchmarks import _stage

MIB = 1024 * 1024
PIECE = 256 * 1024
CASES = {"10 layers of 1 MiB": (10, MIB), "1 layer of 200 MiB": (1, 200 * MIB)}
USER, PASSWORD = "alice", "correct horse battery"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
DOOR, ALONE = "door", "registry alone"


@dataclass(frozen=True)
class Target:
    """`signs_in`: it challenges, and gives tokens."""

    name: str
    port: int
    signs_in: bool


@dataclass(frozen=True)
class Blob:
    content: bytes
    media_type: str

    @property
    def descriptor(self) -> dict[str, Any]:
        digest = f"sha256:{hashlib.sha256(self.content).hexdigest()}"
        return {"mediaType": self.media_type, "digest": digest, "size": len(self.content)}


class Client:
    """One connection that is kept, as docker keeps it; a token of its own for each push and each pull."""

    def __init__(self, target: Target, repository: str) -> None:
        self._connection = http.client.HTTPConnection("localhost", target.port, timeout=120)
        self._base, self._headers = f"/v2/{repository}", {"User-Agent": "moorage-benchmark"}
        self._target, self._repository = target, repository

    def close(self) -> None:
        self._connection.close()

    def sign_in(self, actions: str) -> None:
        """Ping, and a token if the ping is answered with a challenge."""
        self.call("GET", "/v2/", status=401 if self._target.signs_in else 200)
        if self._target.signs_in:
            basic = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
            path = f"/token?service=moorage&scope=repository:{self._repository}:{actions}"
            _answer, body = self.call("GET", path, headers={"Authorization": f"Basic {basic}"})
            self._headers["Authorization"] = f"Bearer {json.loads(body)['token']}"

    def call(
        self, method: str, path: str, *, status: int = 200, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> tuple[http.client.HTTPResponse, bytes]:
        self._connection.request(method, path, body or None, self._headers | (headers or {}))
        answer = self._connection.getresponse()
        content = answer.read()
        if answer.status != status:
            raise SystemExit(f"{self._target.name}: {method} {path} was answered {answer.status}: {content[:300]!r}")
        return answer, content

    def push(
        self, blobs: list[Blob], manifest: bytes, descriptors: list[dict[str, Any]], *, tag: str = "latest"
    ) -> None:
        self.sign_in("pull,push")
        for blob, descriptor in zip(blobs, descriptors, strict=True):
            self._upload(blob.content, descriptor["digest"])
        self.call("PUT", f"{self._base}/manifests/{tag}", status=201, body=manifest, headers={"Content-Type": MANIFEST})

    def _upload(self, content: bytes, digest: str) -> None:
        """HEAD, POST, PATCH, PUT: docker's way."""
        self.call("HEAD", f"{self._base}/blobs/{digest}", status=404)
        answer, _body = self.call("POST", f"{self._base}/blobs/uploads/", status=202)
        octets = {"Content-Type": "application/octet-stream"}
        answer, _body = self.call("PATCH", answer.headers["Location"], status=202, body=content, headers=octets)
        self.call("PUT", f"{answer.headers['Location']}&digest={digest}", status=201)

    def pull(self) -> None:
        self.sign_in("pull")
        _answer, body = self.call("GET", f"{self._base}/manifests/latest", headers={"Accept": MANIFEST})
        document = json.loads(body)
        for part in [document["config"], *document["layers"]]:
            self._download(part["digest"], part["size"])

    def _download(self, digest: str, size: int) -> None:
        """Piece by piece, with its digest computed, and thrown away."""
        self._connection.request("GET", f"{self._base}/blobs/{digest}", headers=self._headers)
        answer = self._connection.getresponse()
        summed, length = hashlib.sha256(), 0
        while piece := answer.read(PIECE):
            summed.update(piece)
            length += len(piece)
        if (f"sha256:{summed.hexdigest()}", length) != (digest, size):
            raise SystemExit(f"{self._target.name}: {digest} came with other bytes, status {answer.status}")


def main() -> None:
    options = _options()
    with tempfile.TemporaryDirectory(prefix="moorage-benchmark-") as name:
        folder = Path(name)
        with _product(folder) as door, _registry_alone(folder) as alone:
            if options.parallel:
                _print_parallel(_parallel_rounds((door, alone), options.parallel, options.rounds))
                return
            for case, (layers, size) in CASES.items():
                _print(case, _rounds((door, alone), layers, size, options.rounds))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.push")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--parallel", type=int, metavar="CLIENTS", help="so many at once, to as many tags")
    return parser.parse_args()


# -- What is measured ------------------------------------------------------------------------------------------------


@contextmanager
def _product(folder: Path) -> Iterator[Target]:
    """Started as an operator starts it, with one person in it whose address is confirmed."""
    port, data = _stage.free_port(), folder / "data"
    command = [str(_stage.ROOT / "bin" / "run"), "--port", str(port), "--data", str(data)]
    with (folder / "product.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=_stage.ROOT, stdout=log, stderr=log, start_new_session=True)
    try:
        _wait_until_ready(port, process)
        seed = [sys.executable, "-m", "benchmarks._push_seed", USER, PASSWORD]
        environ = {**os.environ, **json.loads((data / "run" / "environment.json").read_text())}
        subprocess.run(seed, check=True, cwd=_stage.ROOT, env=environ)
        yield Target(DOOR, port, signs_in=True)
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(timeout=60)


def _wait_until_ready(port: int, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 180
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"http://localhost:{port}/readyz", timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise SystemExit("The product did not start.")


@contextmanager
def _registry_alone(folder: Path) -> Iterator[Target]:
    """The product's own configuration of the registry without tokens and notifications."""
    running = yaml.safe_load((folder / "data" / "run" / "registry.yml").read_text())
    del running["auth"], running["notifications"]
    port = _stage.free_port()
    running["http"]["addr"] = f"127.0.0.1:{port}"
    running["storage"]["filesystem"]["rootdirectory"] = str(folder / "alone")
    (folder / "alone.yml").write_text(yaml.safe_dump(running))
    with _stage.started([_program(folder), "serve", str(folder / "alone.yml")], port=port, environ=dict(os.environ)):
        yield Target(ALONE, port, signs_in=False)


def _program(folder: Path) -> str:
    """The very program that the product runs."""
    noted = json.loads((folder / "data" / "run" / "processes.json").read_text())["processes"]
    pid = next(note["pid"] for note in noted if note["name"] == "registry")
    return str(Path(f"/proc/{pid}/exe").readlink())


# -- Rounds ----------------------------------------------------------------------------------------------------------


def _rounds(targets: tuple[Target, ...], layers: int, size: int, rounds: int) -> dict[str, list[tuple[float, float]]]:
    """Seconds of push and pull. Who goes first changes with each round.

    The first round makes the repository and is not counted: what people wait for is the next push.
    """
    seconds: dict[str, list[tuple[float, float]]] = {target.name: [] for target in targets}
    for number in range(rounds + 1):
        image = _image(layers, size)
        for target in targets if number % 2 else reversed(targets):
            measured = _once(target, f"{USER}/bench-{layers}", *image)
            if number:
                seconds[target.name].append(measured)
    return seconds


def _image(layers: int, size: int) -> tuple[list[Blob], bytes, list[dict[str, Any]]]:
    """Random bytes, so that no layer was there before. The digests are computed here, outside of what is measured."""
    config = Blob(json.dumps({"architecture": "amd64", "os": "linux", "at": time.time_ns()}).encode(), CONFIG)
    blobs = [config, *(Blob(os.urandom(size), LAYER) for _each in range(layers))]
    descriptors = [blob.descriptor for blob in blobs]
    document = {"schemaVersion": 2, "mediaType": MANIFEST, "config": descriptors[0], "layers": descriptors[1:]}
    return blobs, json.dumps(document).encode(), descriptors


def _once(
    target: Target, repository: str, blobs: list[Blob], manifest: bytes, descriptors: list[dict[str, Any]]
) -> tuple[float, float]:
    with closing(Client(target, repository)) as client:
        started = time.perf_counter()
        client.push(blobs, manifest, descriptors)
        pushed = time.perf_counter()
    with closing(Client(target, repository)) as client:
        begun = time.perf_counter()
        client.pull()
        return pushed - started, time.perf_counter() - begun


def _print(case: str, seconds: dict[str, list[tuple[float, float]]]) -> None:
    """Medians of both, the median of the rounds' ratios (what else the machine does falls on both of a round alike) and
    the best rounds: those that a busy machine disturbed least.
    """
    for position, name in enumerate(("push", "pull")):
        door = [pair[position] for pair in seconds[DOOR]]
        alone = [pair[position] for pair in seconds[ALONE]]
        ratio = statistics.median(one / other for one, other in zip(door, alone, strict=True))
        print(
            f"{name}, {case:20} {DOOR} {statistics.median(door) * 1000:7.1f} ms   "
            f"{ALONE} {statistics.median(alone) * 1000:7.1f} ms   ratio {ratio:.2f}   "
            f"best {min(door) * 1000:7.1f} ms : {min(alone) * 1000:7.1f} ms = {min(door) / min(alone):.2f}",
            flush=True,
        )


# -- At once ---------------------------------------------------------------------------------------------------------


def _parallel_rounds(targets: tuple[Target, ...], clients: int, rounds: int) -> dict[str, list[list[float]]]:
    """Of each round, the seconds of each client's push. The first round is not counted, as above."""
    seconds: dict[str, list[list[float]]] = {target.name: [] for target in targets}
    for number in range(rounds + 1):
        images = [_image(1, 64 * 1024) for _client in range(clients)]
        for target in targets if number % 2 else reversed(targets):
            measured = _at_once(target, images)
            if number:
                seconds[target.name].append(measured)
    return seconds


def _at_once(target: Target, images: list[tuple[list[Blob], bytes, list[dict[str, Any]]]]) -> list[float]:
    ready = threading.Barrier(len(images))

    def push(number: int) -> float:
        with closing(Client(target, f"{USER}/parallel")) as client:
            ready.wait()
            started = time.perf_counter()
            client.push(*images[number], tag=f"{number}")
            return time.perf_counter() - started

    with ThreadPoolExecutor(len(images)) as pool:
        return list(pool.map(push, range(len(images))))


def _print_parallel(seconds: dict[str, list[list[float]]]) -> None:
    for what, of in (("slowest", max), ("median", statistics.median)):
        door, alone = ([of(one) for one in seconds[name]] for name in (DOOR, ALONE))
        ratio = statistics.median(one / other for one, other in zip(door, alone, strict=True))
        print(
            f"{what} of a round: {DOOR} {statistics.median(door) * 1000:7.1f} ms   "
            f"{ALONE} {statistics.median(alone) * 1000:7.1f} ms   ratio {ratio:.2f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
