"""Programs of Debian packages without root: download, unpack into a folder, start nothing.

Standard library only, since it runs before there is a virtual environment.
"""

import fcntl
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from deploy.embedded.errors import StartError


@dataclass(frozen=True)
class Program:
    """One program that bin/run needs: its names on the PATH, and the Debian packages that hold it."""

    name: str
    commands: tuple[str, ...]
    packages: tuple[str, ...]
    override: str = ""


PROGRAMS = (
    Program("registry", ("docker-registry", "registry"), ("docker-registry",), override="MOORAGE_REGISTRY_BINARY"),
    Program("redis", ("redis-server",), ("redis-server", "redis-tools")),
    Program("caddy", ("caddy",), ("caddy",)),
)


@dataclass(frozen=True)
class Tools:
    """Paths of the programs, and the folder of the shared libraries that came with them."""

    registry: Path
    redis: Path
    caddy: Path
    libraries: Path

    def environment(self) -> dict[str, str]:
        """What a program that was unpacked needs to find its libraries. The system's own are still preferred for all
        names that are not in the folder."""
        return {"LD_LIBRARY_PATH": str(self.libraries)} if self.libraries.is_dir() else {}


def find_tools(folder: Path) -> Tools:
    """The programs, from the PATH or else unpacked into `folder`. Downloads only what is missing."""
    if _missing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        # Of two starts at once the second finds what the first one fetched.
        with locked(folder / ".lock"):
            missing = _missing(folder)
            if not missing:
                return find_tools(folder)
            names = ", ".join(program.name for program in missing)
            say(f"fetching {names} (Debian packages, unpacked into {folder})")
            unpack([package for program in missing for package in program.packages], folder)
    found = {program.name: _find(program, folder) for program in PROGRAMS}
    paths = {name: path for name, path in found.items() if path is not None}
    for program in PROGRAMS:
        if program.name not in paths:
            commands = " or ".join(program.commands)
            raise StartError(f"{program.name} is missing: install {commands} and put it on the PATH")
    return Tools(paths["registry"], paths["redis"], paths["caddy"], _libraries(folder))


def _missing(folder: Path) -> list[Program]:
    return [program for program in PROGRAMS if _find(program, folder) is None]


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Holds a lock between processes; waits for it."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def version_of(command: Path, *arguments: str, environment: dict[str, str] | None = None) -> str:
    """What the program says of its version. Raises StartError if it doesn't run, with its complaint."""
    try:
        answer = subprocess.run(
            [command, *arguments],
            check=False,
            capture_output=True,
            text=True,
            timeout=20,
            env={**os.environ, **(environment or {})},
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise StartError(f"{command} does not run: {error}") from error
    if answer.returncode != 0:
        raise StartError(f"{command} does not run: {(answer.stderr or answer.stdout).strip().splitlines()[0:1]}")
    return answer.stdout.strip()


def unpack(packages: list[str], folder: Path) -> None:
    """Downloads Debian packages, with the libraries that they need and this machine lacks, and unpacks them.

    Needs apt and dpkg, no root. Raises StartError.
    """
    if not (shutil.which("apt-get") and shutil.which("dpkg")):
        raise StartError(f"install these and put them on the PATH (there is no apt-get here): {' '.join(packages)}")
    downloads = folder / "downloads"
    downloads.mkdir(parents=True, exist_ok=True)
    private = _private_lists(folder)
    if not _download(packages, downloads, []) and not _download(packages, downloads, private):
        _update(private)
        if not _download(packages, downloads, [] if os.geteuid() == 0 else private):
            raise StartError(f"apt-get cannot download {' '.join(packages)}: look at apt's sources, or install them")
    draft = folder / "unpacking"
    for package in sorted(downloads.glob("*.deb")):
        done = subprocess.run(["dpkg", "-x", package, draft], check=False, capture_output=True, text=True)
        if done.returncode != 0:
            raise StartError(f"cannot unpack {package}: {done.stderr.strip()}")
    # File by file, libraries before programs: a program that is there is whole, also after a Ctrl-C.
    for path in sorted(draft.rglob("*"), key=lambda path: path.parent.name == "bin"):
        if path.is_symlink() or not path.is_dir():
            target = folder / path.relative_to(draft)
            target.parent.mkdir(parents=True, exist_ok=True)
            path.replace(target)
    shutil.rmtree(draft)
    shutil.rmtree(downloads)


def say(line: str) -> None:
    """Progress of the preparation, on stderr: stdout belongs to the product."""
    print(f"moorage: {line}", file=sys.stderr, flush=True)


def _find(program: Program, folder: Path) -> Path | None:
    chosen = os.environ.get(program.override) if program.override else None
    if chosen:
        path = shutil.which(chosen)
        if path is None:
            raise StartError(f"{program.override}={chosen} is not a program: give the path of a registry binary")
        return Path(path)
    for command in program.commands:
        # sbin is where Debian puts servers; it is not on an ordinary user's PATH.
        path = shutil.which(command, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
        if path is None:
            path = shutil.which(command, path=str(folder / "usr/bin"))
        if path is not None:
            return Path(path)
    return None


def _libraries(folder: Path) -> Path:
    """usr/lib/<architecture>, the only folder with libraries; a path that does not exist when nothing was unpacked."""
    return next((path.parent for path in folder.glob("usr/lib/*/*.so.*")), folder / "usr/lib/none")


def _private_lists(folder: Path) -> list[str]:
    """Options for apt-get with package lists of our own, where the system's are missing and we may not fetch them."""
    state = folder / "apt"
    (state / "lists/partial").mkdir(parents=True, exist_ok=True)
    (state / "cache/archives/partial").mkdir(parents=True, exist_ok=True)
    return ["-o", f"Dir::State::Lists={state}/lists", "-o", f"Dir::Cache={state}/cache"]


def _update(options: list[str]) -> None:
    command = ["apt-get", "-q", *([] if os.geteuid() == 0 else options), "update"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        raise StartError(f"apt-get update fails: {(done.stderr.strip().splitlines() or ['no reason given'])[-1]}")


def _download(packages: list[str], downloads: Path, options: list[str]) -> bool:
    """Whether all could be downloaded, libraries included. `options` choose the package lists."""
    # As root apt would drop to a user that may not write here, and warn about it.
    sandbox = ["-o", "APT::Sandbox::User=root"] if os.geteuid() == 0 else []
    wanted, newest = list(packages), list(packages)
    while newest:
        newest = [name for name in _libraries_of(newest, options) if name not in wanted]
        wanted += newest
    command = ["apt-get", "-q", *sandbox, *options, "download", *wanted]
    return subprocess.run(command, check=False, cwd=downloads, capture_output=True).returncode == 0


def _libraries_of(packages: list[str], options: list[str]) -> list[str]:
    """The libraries among the packages' direct dependencies that are not installed; of alternatives the first."""
    command = ["apt-cache", *options, "depends", *packages]
    answer = subprocess.run(command, check=False, capture_output=True, text=True)
    found, is_alternative = set(), False
    for bar, name in re.findall(r"^ ([ |])(?:Pre)?Depends: (\S+)$", answer.stdout, re.MULTILINE):
        if not is_alternative and name.startswith("lib") and not name.endswith("-tools"):
            found.add(name)
        is_alternative = bar == "|"
    command = ["dpkg-query", "-W", "-f", "${Package} ${db:Status-Status}\n", *found]
    states = subprocess.run(command, check=False, capture_output=True, text=True).stdout.splitlines()
    return sorted(found - {state.split()[0] for state in states if state.endswith(" installed")})
