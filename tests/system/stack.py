"""A part of the product for the tests that kill it: Redis, worker, beat and a database, without door and registry."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO, Any

import psycopg
from cryptography.fernet import Fernet

from deploy.embedded.packages import Tools, find_tools

ROOT = Path(__file__).resolve().parent.parent.parent


class Stack:
    """Each process in a session of its own, so that a kill hits it and its children and nothing else."""

    def __init__(self, folder: Path, database_url: str, *, postgres_url: str = "") -> None:
        self.folder = folder
        self.postgres_url = postgres_url
        self.redis_port = _free_port()
        self.tools: Tools = find_tools(ROOT / ".tools")
        self.processes: dict[str, subprocess.Popen[str]] = {}
        self._celery: dict[str, Callable[[], None]] = {}
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("MOORAGE_")} | {
            "DJANGO_SETTINGS_MODULE": "portal.settings",
            "PYTHONPATH": str(ROOT),
            "MOORAGE_DATA": str(folder),
            "MOORAGE_DATABASE_URL": database_url,
            "MOORAGE_REDIS_URL": f"redis://127.0.0.1:{self.redis_port}/0",
            "MOORAGE_SECRET_KEY": "tests-only",
            "MOORAGE_NOTIFICATION_SECRET": "tests-only",
            "MOORAGE_ENCRYPTION_KEYS": Fernet.generate_key().decode(),
            "MOORAGE_WEBHOOK_NETWORKS": "127.0.0.0/8,::1/128",
        }

    # -- processes

    def start_redis(self) -> None:
        command = [str(self.tools.redis), "--port", str(self.redis_port), "--bind", "127.0.0.1"]
        command += ["--dir", str(self.folder), "--appendonly", "yes", "--save", ""]
        self._start("redis", command, os.environ | self.tools.environment())
        wait_until(self._redis_answers, 10, "Redis did not start")

    def start_worker(self, name: str = "worker") -> None:
        options = ["--pool", "threads", "--concurrency", "16", "--without-gossip", "--without-mingle"]
        self._start_celery(name, "worker", "--hostname", f"{name}@tests", *options)

    def start_beat(self) -> None:
        self._start_celery("beat", "beat", "--schedule", str(self.folder / "beat"), "--pidfile", "")

    def start_driver(self) -> None:
        self._start("driver", [sys.executable, "-m", "tests.system.driver"], self.environment)

    def supervise(self, ended: threading.Event) -> None:
        """Start again what of Celery ended by itself, as the product's supervisor does: kombu's channel has no
        connection any more when Redis dies in the wrong moment, and the worker ends with its AttributeError.
        """
        while not ended.wait(0.3):
            for name, process in list(self.processes.items()):
                again = self._celery.get(name)
                if again and process.poll() is not None and self.processes.get(name) is process:
                    again()

    def kill(self, name: str) -> None:
        """kill -9 of the process and its children."""
        process = self.processes.pop(name)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(timeout=10)
        for stream in (process.stdin, process.stdout):
            if stream:
                with contextlib.suppress(BrokenPipeError):
                    stream.close()

    def terminate(self, name: str) -> float:
        """TERM, as the supervisor ends a process; how many seconds it took."""
        process = self.processes.pop(name)
        begun = time.monotonic()
        process.terminate()
        process.wait(timeout=30)
        return time.monotonic() - begun

    def stop(self) -> None:
        for name in list(self.processes):
            self.kill(name)

    def peak_memory(self, name: str) -> int:
        """Most bytes that the process ever held in memory."""
        text = Path(f"/proc/{self.processes[name].pid}/status").read_text()
        return next(int(line.split()[1]) * 1024 for line in text.splitlines() if line.startswith("VmHWM"))

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text()

    # -- what the driver does

    def call(self, name: str, *arguments: Any) -> Any:
        driver = self.processes["driver"]
        assert driver.stdin
        assert driver.stdout
        driver.stdin.write(json.dumps([name, arguments]) + "\n")
        driver.stdin.flush()
        answer = driver.stdout.readline()
        assert answer, self.log("driver")
        return json.loads(answer)

    def webhook(self, url: str, *, repository: str = "") -> tuple[str, int]:
        """A webhook on a new repository, or on a given one: the repository's name, the webhook's id."""
        name = repository or f"app-{uuid.uuid4().hex[:8]}"
        if not repository:
            self.call("create_repository", name)
        return name, self.call("create_webhook", name, url)

    def ended(self, webhook: int, count: int, *, within: float = 20) -> list[dict[str, Any]]:
        """The webhook's deliveries, once they are so many and none of them waits or is being sent."""

        def look() -> list[dict[str, Any]] | None:
            rows: list[dict[str, Any]] = self.call("deliveries", webhook)
            done = [row for row in rows if row["state"] in {"delivered", "failed"}]
            return rows if len(done) == len(rows) == count else None

        found: list[dict[str, Any]] = wait_until(look, within, f"deliveries not ended\n{self.log('worker')}")
        return found

    @contextmanager
    def without_database(self) -> Iterator[None]:
        """SQLite is locked; PostgreSQL has thrown everybody out and lets nobody in."""
        if not self.postgres_url:
            self.call("lock")
            yield
            self.call("unlock")
            return
        name = self.environment["MOORAGE_DATABASE_URL"].rpartition("/")[2]
        self.kill("driver")
        with psycopg.connect(self.postgres_url, autocommit=True) as connection:
            connection.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false'.encode())
            connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
            yield
            connection.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true'.encode())
        self.start_driver()

    # -- inside

    def _start_celery(self, name: str, kind: str, *options: str) -> None:
        command = [sys.executable, "-m", "celery", "-A", "portal.celery", kind, "--loglevel", "WARNING", *options]
        self._celery[name] = partial(self._start, name, command, self.environment)
        self._celery[name]()

    def _start(self, name: str, command: list[str], environment: dict[str, str]) -> None:
        log: IO[str]
        with (self.folder / f"{name}.log").open("a") as log:
            is_driver = name == "driver"
            self.processes[name] = subprocess.Popen(
                command,
                cwd=ROOT,
                env=environment,
                stdin=subprocess.PIPE if is_driver else subprocess.DEVNULL,
                stdout=subprocess.PIPE if is_driver else log,
                stderr=log,
                text=True,
                start_new_session=True,
            )

    def _redis_answers(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.redis_port), timeout=1) as sock:
            sock.sendall(b"PING\r\n")
            return sock.recv(64).startswith(b"+PONG")
        return False


def wait_until(condition: Callable[[], Any], seconds: float, complaint: str) -> Any:
    """The condition's first true value. Fails with the complaint after that many seconds."""
    ends = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < ends, f"{complaint} ({seconds:g} s)"
        time.sleep(0.05)
    return value


@contextmanager
def running_stack() -> Iterator[Stack]:
    """Redis, worker, beat on a fresh database of the kind that MOORAGE_TEST_DATABASE_URL names: SQLite, or a new one in
    that PostgreSQL server.
    """
    url = os.environ.get("MOORAGE_TEST_DATABASE_URL", "")
    server = url if url.startswith("postgres") else ""
    with tempfile.TemporaryDirectory(prefix="moorage-stack-") as folder, _database(server, folder) as own:
        stack = Stack(Path(folder), own, postgres_url=server)
        try:
            stack.start_redis()
            stack.start_driver()
            stack.call("migrate")
            stack.start_worker()
            stack.start_beat()
            ended = threading.Event()
            supervisor = threading.Thread(target=stack.supervise, args=[ended], daemon=True)
            supervisor.start()
            try:
                yield stack
            finally:
                ended.set()
                supervisor.join()
        finally:
            stack.stop()


@contextmanager
def _database(postgres_url: str, folder: str) -> Iterator[str]:
    if not postgres_url:
        yield f"sqlite:///{folder}/db.sqlite3"
        return
    name = f"moorage_stack_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"'.encode())
        try:
            yield postgres_url.rpartition("/")[0] + f"/{name}"
        finally:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])
