"""The supervisor with children that misbehave, without the product."""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from deploy.embedded import processes, supervisor as module
from deploy.embedded.processes import clear_leftovers, members, read_process, write_notes
from deploy.embedded.supervisor import Service, Supervisor
from tests.system.product import wait_until

STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"
)


def python(name: str, code: str, *, stage: int = 2) -> Service:
    return Service(name, [sys.executable, "-c", code], dict(os.environ), Path("/"), stage=stage)


def supervise(tmp_path: Path, body: Callable[[Supervisor], Awaitable[None]]) -> None:
    """Runs `body` with a supervisor, then stops it."""

    async def run() -> None:
        watched = Supervisor(tmp_path / "notes.json")
        try:
            await body(watched)
        finally:
            await watched.stop()

    asyncio.run(run())


async def until(happened: Callable[[], object], within: float = 10.0) -> None:
    await asyncio.to_thread(wait_until, happened, within=within)


@pytest.fixture
def noted(tmp_path: Path) -> Callable[[], dict[str, int]]:
    """Name -> process, as the notes say."""

    def read() -> dict[str, int]:
        notes = tmp_path / "notes.json"
        found = json.loads(notes.read_text())["processes"] if notes.exists() else []
        return {note["name"]: note["pid"] for note in found}

    return read


def test_child_that_ignores_sigterm_is_killed(
    tmp_path: Path,
    noted: Callable[[], dict[str, int]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(module, "GRACE", 0.5)
    pids: list[int] = []

    async def body(watched: Supervisor) -> None:
        await watched.start(python("deaf", STUBBORN))
        await until(lambda: "deaf" in capsys.readouterr().out)
        pids.append(noted()["deaf"])

    started = time.monotonic()
    supervise(tmp_path, body)
    assert members(pids) == []
    assert time.monotonic() - started < 5
    assert not (tmp_path / "notes.json").exists()


def test_grandchild_does_not_outlive_its_parent(tmp_path: Path, noted: Callable[[], dict[str, int]]) -> None:
    family = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import time; time.sleep(60)'])"

    async def body(watched: Supervisor) -> None:
        await watched.start(python("family", family))
        parent = noted()["family"]
        await until(lambda: len(members([parent])) == 2)
        os.kill(parent, 9)
        await until(lambda: noted()["family"] != parent)
        assert members([parent]) == []

    supervise(tmp_path, body)


def test_pauses_grow_and_the_start_gives_up(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async def body(watched: Supervisor) -> None:
        await watched.start(python("short", "print('oh dear'); raise SystemExit(3)"))
        await asyncio.wait_for(watched.gave_up.wait(), timeout=20)
        assert watched.complaint.startswith("short ends again and again")

    supervise(tmp_path, body)
    output = capsys.readouterr().out
    assert output.count("short    | oh dear") == module.TOO_MANY
    pauses = [float(line.split(" in ")[1].split()[0]) for line in output.splitlines() if "starting again" in line]
    assert pauses[:4] == sorted(set(pauses[:4]))
    assert "short    | ended with status 3; starting again in 0.2 s" in output


def test_program_that_is_not_there_is_said_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async def body(watched: Supervisor) -> None:
        await watched.start(Service("ghost", ["/nonexistent/program"], {}, Path("/")))
        await asyncio.wait_for(watched.gave_up.wait(), timeout=20)

    supervise(tmp_path, body)
    assert "ghost    | /nonexistent/program: No such file or directory" in capsys.readouterr().out


def test_every_line_has_its_name_and_long_ones_stop_nobody(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = "import sys; print('x' * 300_000); print('second', file=sys.stderr); sys.stdout.write('no newline')"

    async def body(watched: Supervisor) -> None:
        status, output = await watched.run_once(python("loud", f"import sys; sys.stdout = sys.stderr; {code}"))
        assert (status, output) == (0, "")

    supervise(tmp_path, body)
    lines = capsys.readouterr().out.splitlines()
    assert all(line.startswith("loud     | ") for line in lines)
    assert sum(line.count("x") for line in lines) == 300_000
    assert {"loud     | second", "loud     | no newline"} <= set(lines)


def test_noise_is_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = "import sys; print('code=\"blob unknown\"', 'real trouble', sep='\\n', file=sys.stderr)"
    service = replace(python("registry", code), noise='code="(blob|tag) unknown"')

    async def body(watched: Supervisor) -> None:
        await watched.run_once(service)

    supervise(tmp_path, body)
    assert capsys.readouterr().out == "registry | real trouble\n"


def test_output_of_a_step_is_returned(tmp_path: Path) -> None:
    async def body(watched: Supervisor) -> None:
        assert await watched.run_once(python("step", "print('answer'); raise SystemExit(4)")) == (4, "answer\n")

    supervise(tmp_path, body)


def test_first_stage_stops_last(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = """import signal, sys, time
def end(*_):
    time.sleep({pause})
    print("bye", flush=True)
    sys.exit()
signal.signal(signal.SIGTERM, end)
print("up", flush=True)
while True:
    time.sleep(0.01)
"""
    seen: list[str] = []

    def both_are_up() -> bool:
        seen.append(capsys.readouterr().out)
        return "".join(seen).count("up") == 2

    async def body(watched: Supervisor) -> None:
        for name, stage, pause in (("base", 1, 0), ("user", 2, 0.5)):
            await watched.start(python(name, code.format(pause=pause), stage=stage))
        await until(both_are_up)

    supervise(tmp_path, body)
    assert capsys.readouterr().out.split() == ["user", "|", "bye", "base", "|", "bye"]


def test_nothing_starts_once_it_stops(tmp_path: Path) -> None:
    async def body(watched: Supervisor) -> None:
        await watched.stop()
        await watched.start(python("late", "import time; time.sleep(60)"))
        assert await watched.run_once(python("later", "print('ran')")) == (127, "")

    supervise(tmp_path, body)


# -- Notes of a supervisor that was killed -----------------------------------------------------------------------------


@pytest.fixture
def stranger():
    """A process in a group of its own."""
    process = subprocess.Popen([sys.executable, "-c", STUBBORN], start_new_session=True, stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def test_leftover_is_ended(tmp_path: Path, stranger: subprocess.Popen[bytes]) -> None:
    write_notes(tmp_path / "notes.json", {"deaf": stranger.pid})
    assert clear_leftovers(tmp_path / "notes.json", grace=0.3) == ["deaf"]
    assert read_process(stranger.pid) is None


@pytest.mark.parametrize("change", [{"started": 1}, {"boot": "another"}, {"pid": 2**22}])
def test_process_that_got_the_same_number_is_left_alone(
    tmp_path: Path, stranger: subprocess.Popen[bytes], change: dict[str, object]
) -> None:
    notes = tmp_path / "notes.json"
    write_notes(notes, {"deaf": stranger.pid})
    content = json.loads(notes.read_text())
    (content if "boot" in change else content["processes"][0]).update(change)
    notes.write_text(json.dumps(content))
    assert clear_leftovers(notes, grace=0.3) == []
    assert read_process(stranger.pid) is not None


def test_children_of_a_leader_that_is_gone_are_ended(tmp_path: Path) -> None:
    code = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {STUBBORN!r}]); sys.stdin.read()"
    leader = subprocess.Popen([sys.executable, "-c", code], start_new_session=True, stdin=subprocess.PIPE)
    wait_until(lambda: len(members([leader.pid])) == 2)
    write_notes(tmp_path / "notes.json", {"family": leader.pid})
    leader.kill()
    leader.communicate()
    assert len(members([leader.pid])) == 1
    assert clear_leftovers(tmp_path / "notes.json", grace=0.3) == ["family"]
    assert members([leader.pid]) == []


@pytest.mark.parametrize("content", ["", "{", None])
def test_notes_that_are_broken_or_missing_stop_nothing(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "notes.json").write_text(content)
    assert clear_leftovers(tmp_path / "notes.json") == []


def test_process_that_ended_is_none() -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    wait_until(lambda: read_process(process.pid) is None)
    process.wait()
    assert processes.read_process(2**22) is None
