"""What benchmarks.webhooks runs on: receivers, a process inside the settings, and the product's worker."""

import contextlib
import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import _stage
from benchmarks._webhooks_receiver import Arrival
from deploy.embedded import product

OWNER = "bench"


class Driver:
    """Calls functions of benchmarks._webhooks_run in its process."""

    def __init__(self, environ: dict[str, str]) -> None:
        command = [sys.executable, "-m", "benchmarks._webhooks_run"]
        self._process = subprocess.Popen(
            command, cwd=_stage.ROOT, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __call__(self, name: str, *arguments: Any, **named: Any) -> Any:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps([name, arguments, named]) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise SystemExit(f"{name} failed.")
        return json.loads(answer)

    def close(self) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait(timeout=30)


@dataclass(frozen=True)
class Receivers:
    port: int

    def url(self, number: int, path: str) -> str:
        """Each number is a host of its own."""
        return f"http://127.1.{number // 250}.{number % 250 + 1}:{self.port}{path}"

    def count(self) -> int:
        return int(self._ask("count"))

    def drain(self) -> list[Arrival]:
        """What came since the last call."""
        return [(path, tag, at) for path, tag, at in self._ask("drain")]

    def turn(self) -> None:
        self._ask("turn")

    def wait(self, count: int, *, within: float, meanwhile: Callable[[], None] | None = None) -> list[Arrival]:
        """Until so many have come."""
        ends = time.monotonic() + within
        while (come := self.count()) < count:
            if time.monotonic() > ends:
                raise SystemExit(f"Only {come:,} of {count:,} deliveries came within {within:.0f} s.")
            if meanwhile is not None:
                meanwhile()
            else:
                time.sleep(0.1)
        return self.drain()

    def _ask(self, what: str) -> Any:
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)) as connection:
            connection.request("GET", f"/-/{what}")
            return json.loads(connection.getresponse().read())


@contextmanager
def receivers() -> Iterator[Receivers]:
    port = _stage.free_port()
    command = [sys.executable, "-m", "benchmarks._webhooks_receiver", str(port)]
    with _stage.started(command, port=port, quiet=False):
        yield Receivers(port)


@dataclass(frozen=True)
class Site:
    """Redis, worker and beat on a database with one person in it."""

    driver: Driver
    receivers: Receivers
    environ: dict[str, str]
    worker: int
    """Its process id."""

    def hooks(self, name: str, urls: list[str], *, with_tags: bool = False) -> str:
        """Of a new repository, whose full name it returns."""
        self.driver("repository", f"{OWNER}/{name}", with_tags=with_tags)
        self.driver("hooks", f"{OWNER}/{name}", urls)
        self.driver("analyze")
        return f"{OWNER}/{name}"

    def peak_memory(self) -> float:
        """Most MiB that the worker ever held."""
        text = Path(f"/proc/{self.worker}/status").read_text()
        return next(int(line.split()[1]) / 1024 for line in text.splitlines() if line.startswith("VmHWM"))


@contextmanager
def site(folder: Path, address: str) -> Iterator[Site]:
    """On a fresh database; the worker and beat as bin/run starts them."""
    with contextlib.ExitStack() as stack:
        redis_port = stack.enter_context(_stage.redis(folder))
        if redis_port is None:
            raise SystemExit("Redis is needed: bin/run fetches it.")
        environ = _stage.environment(folder, database=address, redis_port=redis_port)
        environ["MOORAGE_WEBHOOK_NETWORKS"] = "127.0.0.0/8"
        driver = stack.enter_context(contextlib.closing(Driver(environ)))
        driver("migrate")
        driver("person", OWNER, "correct horse battery")
        celery = [sys.executable, *product.CELERY, "-A", "portal.celery"]
        worker = stack.enter_context(_running([*celery, "worker", "--loglevel", "ERROR", *product.WORKER], environ))
        schedule = ["--schedule", str(folder / "beat"), "--pidfile", ""]
        stack.enter_context(_running([*celery, "beat", "--loglevel", "ERROR", *schedule], environ))
        yield Site(driver, stack.enter_context(receivers()), environ, worker)


@contextmanager
def _running(command: list[str], environ: dict[str, str]) -> Iterator[int]:
    process = subprocess.Popen(command, cwd=_stage.ROOT, env=environ, start_new_session=True, stdout=subprocess.DEVNULL)
    try:
        yield process.pid
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
