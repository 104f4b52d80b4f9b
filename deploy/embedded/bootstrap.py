"""The virtual environment of bin/run and bin/test, made or brought up to date when the lock files changed.

Standard library only, and it runs on the system's Python.
"""

import hashlib
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

from deploy.embedded.errors import StartError
from deploy.embedded.packages import locked, say, unpack

OLDEST_PYTHON = (3, 11)


def prepare(root: Path, *lock_files: str) -> Path:
    """Python of an environment that holds exactly what the lock files name, or more. Takes milliseconds when it is
    there. Two starts at once wait for each other."""
    environment = root / ".venv"
    python = environment / "bin" / "python"
    environment.mkdir(exist_ok=True)
    with locked(environment / ".lock"):
        if not python.exists():
            say("making a virtual environment in .venv")
            _run([sys.executable, "-m", "venv", "--without-pip", str(environment)], "cannot make .venv")
        for lock_file in lock_files:
            _install(root, python, lock_file)
    return python


def check_python() -> None:
    """Raises StartError on a Python that is too old for the code."""
    if sys.version_info < OLDEST_PYTHON:
        raise StartError(
            f"Python {'.'.join(map(str, OLDEST_PYTHON))} or newer is needed, this is {sys.version.split()[0]}"
        )


def _install(root: Path, python: Path, lock_file: str) -> None:
    wanted = hashlib.sha256((root / lock_file).read_bytes()).hexdigest()
    stamp = python.parent.parent / f".{lock_file}.sha256"
    if stamp.exists() and stamp.read_text() == wanted:
        return
    say(f"installing {lock_file} (once; a few minutes on a slow line)")
    files = ["-r", "requirements.txt"] + (["-r", lock_file] if lock_file != "requirements.txt" else [])
    command, extra = _pip(root, python)
    # The lock files name everything. Left to look for itself, Debian's pip (23.0) takes a newer release of what is
    # wanted with an extra (coverage[toml]), and then has no hash for it.
    options = ["--quiet", "--disable-pip-version-check", "--require-hashes", "--no-deps"]
    _run(
        [*command, "install", *options, *files],
        f"pip cannot install {lock_file}",
        cwd=root,
        environment=extra,
    )
    stamp.write_text(wanted)


def _pip(root: Path, python: Path) -> tuple[list[str], dict[str, str]]:
    """The way to run pip for the environment. Debian keeps ensurepip in a package of its own, which a machine with
    nothing but Python lacks; the wheel of pip is then taken from Debian as well."""
    if list((python.parent.parent / "lib").glob("python*/site-packages/pip")):
        return [str(python), "-m", "pip"], {}
    if importlib.util.find_spec("ensurepip") is not None:
        _run([str(python), "-m", "ensurepip", "--default-pip"], "cannot put pip into .venv")
        return [str(python), "-m", "pip"], {}
    tools = root / ".tools"
    if not list(tools.glob("usr/share/python-wheels/pip-*.whl")):
        unpack(["python3-pip-whl"], tools)
    wheel = next(tools.glob("usr/share/python-wheels/pip-*.whl"))
    return [str(python), "-m", "pip"], {"PYTHONPATH": str(wheel)}


def _run(
    command: list[str], complaint: str, *, cwd: Path | None = None, environment: dict[str, str] | None = None
) -> None:
    done = subprocess.run(
        command,
        check=False,
        cwd=cwd,
        env={**os.environ, **(environment or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    if done.returncode != 0:
        lines = done.stdout.decode(errors="replace").strip().splitlines() or ["no reason given"]
        raise StartError(f"{complaint}: {lines[-1]}")
