"""The registry's notifications at a steady rate: `python -m benchmarks.events [--database postgres] [--rate 500]`.

See docs/benchmarks.md. One sender posts events one after another and waits for each answer, as the registry's queue
does, to the product's own server; beside it a process applies them as the worker does. What counts is whether the
sender keeps up: its lag is what the registry would have in its queue.
"""

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from benchmarks import _stage
from benchmarks._load import cpu_seconds
from benchmarks.access import _database

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
HEADERS = {
    "Authorization": "Bearer benchmarks",
    "Content-Type": "application/vnd.docker.distribution.events.v2+json",
}


@dataclass(frozen=True)
class Sent:
    pulls: int
    by_tag: int
    seconds: float
    latencies: list[float]
    lag: float
    """In seconds, behind the rate: the most there was."""


def main() -> None:
    options = _options()
    with tempfile.TemporaryDirectory(prefix="moorage-benchmark-") as name:
        folder = Path(name)
        with _database(options.database, folder) as address:
            environ = _stage.environment(folder, database=address, redis_port=None)
            images = _run(environ, "seed")
            before = _run(environ, "counted")
            with _stage.web_server(environ) as (port, pid):
                applying = _start(environ, "apply")
                before_sending = cpu_seconds(pid)
                sent = _send(port, images, options)
                cpu = cpu_seconds(pid) - before_sending
                applied = json.loads(applying.communicate()[0])
            after = _run(environ, "counted")
    _report(options, sent, cpu, applied, [new - old for new, old in zip(after, before, strict=True)])


def _start(environ: dict[str, str], what: str) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "benchmarks._events_run", what]
    return subprocess.Popen(command, env=environ, cwd=_stage.ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def _run(environ: dict[str, str], what: str) -> Any:
    process = _start(environ, what)
    told = process.communicate()[0]
    if process.returncode:
        raise SystemExit(f"{what} ended with status {process.returncode}")
    return json.loads(told)


def _send(port: int, images: list[list[str]], options: argparse.Namespace) -> Sent:
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    latencies, lag, sent, by_tag = [], 0.0, 0, 0
    events = _events(images)
    started = time.monotonic()
    while sent < options.rate * options.seconds:
        due = started + sent / options.rate
        now = time.monotonic()
        if now < due:
            time.sleep(due - now)
        lag = max(lag, now - due)
        batch = [next(events) for _number in range(options.batch)]
        began = time.perf_counter()
        connection.request("POST", "/-/notifications", json.dumps({"events": batch}).encode(), HEADERS)
        answer = connection.getresponse()
        answer.read()
        if answer.status != 202:
            raise SystemExit(f"The notifications were answered {answer.status}.")
        latencies.append(time.perf_counter() - began)
        sent += len(batch)
        by_tag += sum("tag" in event["target"] for event in batch)
    return Sent(sent, by_tag, time.monotonic() - started, sorted(latencies), lag)


def _events(images: list[list[str]]) -> Iterator[dict[str, Any]]:
    """Pulls, three of four by tag; half of all go to one image in fifty, as in life."""
    chance = random.Random(4711)
    hot = images[::50]
    while True:
        repository, tag, digest = chance.choice(hot if chance.random() < 0.5 else images)
        target = {"mediaType": MANIFEST, "digest": digest, "repository": repository, "size": 1200}
        yield {
            "id": str(uuid.UUID(int=chance.getrandbits(128), version=4)),
            "timestamp": datetime.now(UTC).isoformat(),
            "action": "pull",
            "target": target | ({"tag": tag} if chance.random() < 0.75 else {}),
            "request": {"id": "1", "addr": "10.0.0.1:4711", "method": "GET", "useragent": "docker/28.2.1"},
            "actor": {"name": "0123456789abcdef"},
            "source": {"addr": "registry:5000", "instanceID": "benchmark"},
        }


def _report(options: argparse.Namespace, sent: Sent, cpu: float, applied: dict[str, Any], counted: list[int]) -> None:
    middle, most = sent.latencies[len(sent.latencies) // 2], sent.latencies[int(len(sent.latencies) * 0.99)]
    print(f"{options.database}: {sent.pulls:,} events, {options.batch} a request, at {options.rate}/s")
    print(f"sent at {sent.pulls / sent.seconds:.0f}/s; most behind {sent.lag * 1000:.0f} ms")
    print(f"answer: median {middle * 1000:.1f} ms, 99 % within {most * 1000:.1f} ms")
    each = [seconds * 1000 / sent.pulls for seconds in (cpu, applied["cpu"])]
    print(f"CPU for each event: {each[0]:.2f} ms to store it, {each[1]:.2f} ms to apply it")
    print(f"rounds of applying: longest {max(applied['rounds']):.2f} s; the last {applied['late']:.1f} s after the end")
    print(f"counted: {counted[0]:,} of repositories, {counted[1]:,} of tags, {counted[2]:,} by day")
    if counted[0] != sent.pulls or counted[1] != counted[2] or counted[1] < sent.by_tag:
        raise SystemExit(f"{sent.pulls:,} were sent, {sent.by_tag:,} of them by tag")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.events")
    parser.add_argument("--database", choices=["sqlite", "postgres"], default="sqlite")
    parser.add_argument("--rate", type=int, default=500, help="events in a second")
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--batch", type=int, default=1, help="events in a request; registry 3.x sends one")
    return parser.parse_args()


if __name__ == "__main__":
    main()
