"""Process groups as /proc shows them, and the notes by which a later start recognizes ours."""

import json
import os
import signal
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")


@dataclass(frozen=True)
class Process:
    """What one line of /proc/<pid>/stat says. `started` counts clock ticks since the machine's start."""

    pid: int
    group: int
    session: int
    started: int


def read_process(pid: int) -> Process | None:
    """None for a process that ended, also while its parent has not yet asked how."""
    try:
        # The name in brackets may hold anything, so count from behind it.
        fields = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    if fields[0] in "ZX":
        return None
    return Process(pid, int(fields[2]), int(fields[3]), int(fields[19]))


def members(groups: list[int]) -> list[Process]:
    """Living processes of the groups."""
    wanted = set(groups)
    everyone = (read_process(int(path.name)) for path in PROC.iterdir() if path.name.isdecimal())
    return [process for process in everyone if process is not None and process.group in wanted]


def signal_groups(groups: list[int], number: signal.Signals) -> None:
    """To every group that still exists."""
    for group in groups:
        with suppress(ProcessLookupError):
            os.killpg(group, number)


def write_notes(path: Path, running: dict[str, int]) -> None:
    """Notes the group leaders that run now, by name: id and start time, and the machine's start."""
    noted = []
    for name, pid in running.items():
        process = read_process(pid)
        if process is not None:
            noted.append({"name": name, "pid": pid, "started": process.started})
    draft = path.with_suffix(".new")
    draft.write_text(json.dumps({"boot": _boot(), "processes": noted}))
    draft.rename(path)


def clear_leftovers(path: Path, *, grace: float = 5.0) -> list[str]:
    """Ends what a supervisor that was killed left running; returns the names. Blocks up to twice `grace` seconds."""
    try:
        notes = json.loads(path.read_text())
    except (FileNotFoundError, ValueError):
        return []
    if notes["boot"] != _boot():
        return []
    left = {note["name"]: note["pid"] for note in notes["processes"] if _is_ours(note["pid"], note["started"])}
    groups = list(left.values())
    for number in (signal.SIGTERM, signal.SIGKILL):
        signal_groups(groups, number)
        deadline = time.monotonic() + grace
        while members(groups) and time.monotonic() < deadline:
            time.sleep(0.05)
    path.unlink(missing_ok=True)
    return list(left)


def _is_ours(pid: int, started: int) -> bool:
    """Whether the group of that leader is still the noted one.

    As long as a group has members Linux gives its number to no new process, so a leader that is gone leaves the number
    to us: members that are older than the note, or of another session, mean that everything of ours ended before.
    """
    leader = read_process(pid)
    if leader is not None:
        return leader.started == started
    found = members([pid])
    return bool(found) and all(process.session == pid and process.started >= started for process in found)


def _boot() -> str:
    return (PROC / "sys/kernel/random/boot_id").read_text().strip()
