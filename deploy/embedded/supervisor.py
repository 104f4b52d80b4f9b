"""Keeps a handful of processes running and leaves none behind.

Every process gets a session of its own, dies with the supervisor (PR_SET_PDEATHSIG) and is noted in a file, so that
what survives a kill -9 of the supervisor (a child that ignores SIGTERM, a grandchild) is cleared at the next start.
"""

import asyncio
import contextlib
import ctypes
import os
import re
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from deploy.embedded import processes

# Seconds. A process that ran this long was healthy: its next restart is immediate again.
HEALTHY = 10.0
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 10.0
# From SIGTERM to SIGKILL. Longer than the registry's draintimeout and than granian's own limit for its workers.
GRACE = 12.0
# Ends within ten seconds of its start before `gave_up` is set.
TOO_MANY = 5
COLOURS = (36, 32, 33, 35, 34, 96, 92, 93)
PR_SET_PDEATHSIG = 1

_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class Service:
    """One process to keep running. Those of the first stage stop last: the others need them to finish their work.

    Lines of its log in which `noise` (a regular expression) is found are left out.
    """

    name: str
    command: list[str]
    environment: dict[str, str]
    folder: Path
    stage: int = 2
    noise: str | None = None


@dataclass
class Running:
    """A service and its present process."""

    service: Service
    process: asyncio.subprocess.Process | None = None
    failures: int = 0
    keeper: asyncio.Task[None] | None = None
    log: asyncio.Task[None] | None = None


class Supervisor:
    """Starts services, restarts what dies, stops all. Use inside one event loop."""

    def __init__(self, notes: Path) -> None:
        self._notes = notes
        self._services: dict[str, Running] = {}
        self._stopping = False
        self._launching = asyncio.Lock()
        self.gave_up = asyncio.Event()
        self.complaint = ""

    async def start(self, service: Service) -> None:
        """Starts a service and keeps it running until stop()."""
        running = await self._launch(Running(service))
        running.keeper = asyncio.create_task(self._keep(running))

    async def run_once(self, service: Service) -> tuple[int, str]:
        """A step that ends, such as a migration: exit status, and its standard output, which is not in the log."""
        output, writer = await _pipe()
        running = await self._launch(Running(service), stdout=writer)
        content = await output.read()
        status = await running.process.wait() if running.process is not None else 127
        await self._clear(running)
        if running.log is not None:
            await running.log
        self._services.pop(service.name, None)
        return status, content.decode(errors="replace")

    async def stop(self, *, at_once: asyncio.Event | None = None) -> None:
        """TERM to all, then KILL to what is left after the grace, or when `at_once` is set."""
        async with self._launching:
            self._stopping = True
        everything = list(self._services.values())
        for running in everything:
            if running.keeper is not None:
                running.keeper.cancel()
        for stage in (2, 1):
            processes_of_stage = [running.process for running in everything if running.service.stage == stage]
            await _end_groups([process.pid for process in processes_of_stage if process is not None], at_once)
        logs = [running.log for running in everything if running.log is not None]
        if logs:
            # A process that left our groups may hold the pipe open for ever.
            await asyncio.wait(logs, timeout=1)
        self._notes.unlink(missing_ok=True)

    def say(self, line: str, name: str = "moorage") -> None:
        """A line in the log, as the named service."""
        emit(f"{self._prefix(name)}{line}")

    async def _keep(self, running: Running) -> None:
        pause = FIRST_PAUSE
        while not self._stopping:
            started = time.monotonic()
            status = await running.process.wait() if running.process is not None else 127
            # Its own children would keep the port, or work on what the new process does.
            await self._clear(running)
            lived = time.monotonic() - started
            pause = FIRST_PAUSE if lived > HEALTHY else min(pause * 2, LONGEST_PAUSE)
            running.failures = 0 if lived > HEALTHY else running.failures + 1
            if running.failures == TOO_MANY:
                self.complaint = f"{running.service.name} ends again and again: its last lines above say why"
                self.gave_up.set()
            self.say(f"ended with {_reason(status)}; starting again in {pause:.1f} s", running.service.name)
            await asyncio.sleep(pause)
            await self._launch(running)

    async def _launch(self, running: Running, *, stdout: int | None = None) -> Running:
        """Starts the process, unless everything is being stopped. A program that is not there is one that ended."""
        service = running.service
        async with self._launching:
            if self._stopping:
                if stdout is not None:
                    os.close(stdout)
                return running
            self._services[service.name] = running
            # Pipes of our own: a wait() for a process with asyncio's pipes waits for its children as well.
            stream, log = await _pipe()
            try:
                running.process = await asyncio.create_subprocess_exec(
                    *service.command,
                    cwd=service.folder,
                    env=service.environment,
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=log if stdout is None else stdout,
                    stderr=log,
                    start_new_session=True,
                    preexec_fn=_die_with(os.getpid()),
                )
            except OSError as error:
                self.say(f"{service.command[0]}: {error.strerror}", service.name)
            finally:
                os.close(log)
                if stdout is not None:
                    os.close(stdout)
            self._note()
        running.log = asyncio.create_task(_copy_lines(stream, self._prefix(service.name), service.noise))
        return running

    async def _clear(self, running: Running) -> None:
        if running.process is not None:
            await _end_groups([running.process.pid], None, politely=False)
        running.process = None

    def _note(self) -> None:
        noted = {
            running.service.name: running.process.pid
            for running in self._services.values()
            if running.process is not None
        }
        processes.write_notes(self._notes, noted)

    def _prefix(self, name: str) -> str:
        text = f"{name:<8} | "
        if not sys.stdout.isatty():
            return text
        return f"\x1b[{COLOURS[sum(name.encode()) % len(COLOURS)]}m{text}\x1b[0m"


async def _end_groups(groups: list[int], at_once: asyncio.Event | None, *, politely: bool = True) -> None:
    """Ends whole process groups; returns when none of their members is alive."""
    grace = GRACE if politely else 0.0
    if politely:
        processes.signal_groups(groups, signal.SIGTERM)
    deadline = time.monotonic() + grace
    # /proc tells nobody when a group has no member left, so it has to be looked at.
    while processes.members(groups) and time.monotonic() < deadline and not (at_once and at_once.is_set()):  # noqa: ASYNC110
        await asyncio.sleep(0.05)
    while processes.members(groups):
        processes.signal_groups(groups, signal.SIGKILL)
        await asyncio.sleep(0.05)


async def _pipe() -> tuple[asyncio.StreamReader, int]:
    """A pipe to a child: our end, and the descriptor for the child, to be closed here once it has it."""
    ours, theirs = os.pipe()
    reader = asyncio.StreamReader()
    protocol = asyncio.StreamReaderProtocol(reader)
    await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, os.fdopen(ours, "rb", 0))
    return reader, theirs


async def _copy_lines(stream: asyncio.StreamReader, prefix: str, noise: str | None) -> None:
    """Not readline(): it gives up at a line longer than its limit, and a child whose pipe is full stops working."""
    rest = b""
    while chunk := await stream.read(65536):
        *lines, rest = (rest + chunk).split(b"\n")
        if len(rest) > 65536:
            lines, rest = [*lines, rest], b""
        _emit_lines(lines, prefix, noise)
    _emit_lines([rest] if rest else [], prefix, noise)


def _emit_lines(lines: list[bytes], prefix: str, noise: str | None) -> None:
    for line in lines:
        text = line.decode(errors="replace").rstrip("\r")
        if noise is None or not re.search(noise, text):
            emit(prefix + text)


def emit(line: str) -> None:
    """Prints a line at once."""
    # A reader that went away (bin/run | head) must not end the product.
    with contextlib.suppress(BrokenPipeError):
        print(line, flush=True)


def _die_with(parent: int) -> Callable[[], None]:
    def prepare() -> None:
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:
            os._exit(1)

    return prepare


def _reason(status: int) -> str:
    return f"signal {signal.Signals(-status).name}" if status < 0 else f"status {status}"
