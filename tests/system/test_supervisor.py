"""bin/run keeps the product running, and leaves nothing behind."""

import os
import signal
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.embedded.processes import PROC, members, read_process
from tests.system.product import ROOT, SERVICES, Product, free_port, wait_until


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Product]:
    """An installation that a test may stop and kill as it likes, in a folder whose name needs care everywhere."""
    installation = Product(tmp_path / "da ta #1 %41+'").start()
    pids = list(installation.pids().values())
    yield installation
    assert installation.stop() == 0
    for pid in pids:
        assert read_process(pid) is None


def run(*arguments: str, timeout: float = 60) -> subprocess.CompletedProcess[str]:
    command = [str(ROOT / "bin" / "run"), *arguments]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=timeout)


def assert_one_line(done: subprocess.CompletedProcess[str], *words: str) -> None:
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1, done.stderr
    assert done.stderr.startswith("moorage: ")
    for word in words:
        assert word in done.stderr


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_killed_process_comes_back(product: Product, name: str) -> None:
    killed = product.kill(name)
    product.wait_ready()
    assert product.pid_of(name) != killed
    assert members([killed]) == []


def test_killed_child_of_the_web_server_comes_back(product: Product) -> None:
    main = product.pid_of("web")
    [*children] = [process.pid for process in members([main]) if process.pid != main and _parent(process.pid) == main]
    os.kill(children[-1], signal.SIGKILL)
    wait_until(lambda: {p.pid for p in members([main])} - {main, *children}, what="a new worker of the web server")
    product.wait_ready()
    assert product.pid_of("web") == main


def test_every_other_process_survives_a_kill(product: Product) -> None:
    before = product.pids()
    product.kill("web")
    product.wait_ready()
    after = product.pids()
    assert {name for name in SERVICES if before[name] != after[name]} == {"web"}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_signal_stops_everything(tmp_path: Path, number: signal.Signals) -> None:
    installation = Product(tmp_path / "data").start()
    groups = list(installation.pids().values())
    assert installation.process is not None
    installation.process.send_signal(number)
    assert installation.process.wait(timeout=60) == 0
    assert members(groups) == []
    assert mentioning(tmp_path) == []
    assert not (installation.data / "run" / "processes.json").exists()


def test_signal_during_the_start_stops_everything(tmp_path: Path) -> None:
    installation = Product(tmp_path / "data").start(wait=False)
    noted = installation.data / "run" / "processes.json"
    wait_until(lambda: noted.exists() and "migrate" in installation.pids(), within=60, pause=0.01, what="the migration")
    assert installation.process is not None
    installation.process.send_signal(signal.SIGTERM)
    assert installation.process.wait(timeout=60) == 0
    assert mentioning(tmp_path) == []


def test_killed_supervisor_leaves_nothing_for_long(own: Product) -> None:
    before = own.pids()
    # A child that does not react to the end of its parent is what the notes are for.
    os.kill(before["registry"], signal.SIGSTOP)
    assert own.process is not None
    own.process.kill()
    own.process.wait()
    wait_until(lambda: members([before["web"]]) == [], what="the end of web by PR_SET_PDEATHSIG")
    assert read_process(before["registry"]) is not None
    own.start()
    assert members(list(before.values())) == []
    assert "ended registry, left behind by a start that was killed" in own.output()
    assert own.get("/readyz").status_code == 200


def test_second_start_is_quick_and_keeps_everything(own: Product) -> None:
    account = own.signup("alice-restart")
    assert (own.data / "db.sqlite3").exists()
    passwords = own.output().count("first superuser")
    keys = {path.name: path.read_bytes() for path in (own.data / "keys").iterdir()}
    own.stop()
    own.start(wait=False)
    own.wait_ready(within=30)
    assert {path.name: path.read_bytes() for path in (own.data / "keys").iterdir()} == keys
    assert own.output().count("first superuser") == passwords == 1
    names = own.shell(
        "from portal.accounts.models import User; print(*User.objects.values_list('username', flat=True))"
    )
    assert account.username in names.split()


def test_secrets_are_for_the_owner_only(product: Product) -> None:
    for path in [*(product.data / "keys").iterdir(), *(product.data / "run").iterdir(), product.data / "db.sqlite3"]:
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


def test_no_secret_is_an_argument(product: Product) -> None:
    secrets = [path.read_text().strip().encode() for path in (product.data / "keys").iterdir()]
    for name, pid in product.pids().items():
        arguments = (PROC / str(pid) / "cmdline").read_bytes()
        assert not any(secret in arguments for secret in secrets), name


def test_only_the_door_is_reachable_from_outside(product: Product) -> None:
    listening = subprocess.run(["ss", "-Hltnp"], check=True, capture_output=True, text=True).stdout.splitlines()
    ours = {pid for group in product.pids().values() for pid in [group, *(p.pid for p in members([group]))]}
    addresses = [line.split()[3] for line in listening if any(f"pid={pid}," in line for pid in ours)]
    assert len(addresses) >= 5
    assert {address.rpartition(":")[0] for address in addresses} <= {"127.0.0.1", "[::1]"}


# -- What the operator has to put right: one line, exit 1 ------------------------------------------------------------


def test_taken_port(product: Product, tmp_path: Path) -> None:
    done = run("--port", str(product.port), "--data", str(tmp_path / "data"))
    assert_one_line(done, f"port {product.port} is taken", "--port")


def test_data_folder_in_use(product: Product) -> None:
    done = run("--port", str(free_port()), "--data", str(product.data))
    assert_one_line(done, "in use by another bin/run", "--data")
    assert product.get("/readyz").status_code == 200


def test_data_folder_of_a_newer_version(tmp_path: Path) -> None:
    (tmp_path / "version").write_text("99\n")
    assert_one_line(run("--data", str(tmp_path)), "newer Moorage", "99")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["lock", "version"]


def test_foreign_data_folder(tmp_path: Path) -> None:
    (tmp_path / "version").write_text("hello\n")
    assert_one_line(run("--data", str(tmp_path)), "not a data folder")


def test_data_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert_one_line(run("--data", str(tmp_path / "file" / "data")), "--data")


@pytest.mark.parametrize(
    ("url", "word"),
    [
        ("hub.example.org", "https://"),
        ("ftp://hub.example.org", "https://"),
        ("https://", "host name"),
        ("https://hub.example.org/registry", "path"),
        ("https://hub.example.org?x=1", "path"),
        ("https://me@hub.example.org", "path"),
        ("https://hub.example.org:99999", "port"),
        ("https://hub.example.org:port", "port"),
        ("https://hub_example.org", "host name"),
        ("https://localhost", "host name"),
        ("http://hub.example.org", "loopback"),
    ],
)
def test_bad_public_url(tmp_path: Path, url: str, word: str) -> None:
    assert_one_line(run("--data", str(tmp_path / "data"), "--public-url", url), url, word)
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ("--cert", "a.pem", "--key", "a.key"),
        ("--public-url", "https://hub.example.org", "--cert", "a.pem"),
        ("--public-url", "https://hub.example.org", "--cert", "/nonexistent.pem", "--key", "/nonexistent.key"),
        ("--public-url", "http://localhost:8000", "--cert", "a.pem", "--key", "a.key"),
        ("--public-url", "https://hub.example.org:8443", "--port", "443"),
    ],
)
def test_options_that_contradict_each_other(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    assert_one_line(run("--data", str(tmp_path / "data"), *arguments))


@pytest.mark.parametrize("port", ["0", "65536", "-1", "http"])
def test_bad_port(port: str) -> None:
    done = run("--port", port)
    assert done.returncode == 2
    assert "no port" in done.stderr or "expected one argument" in done.stderr


def test_missing_registry_binary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOORAGE_REGISTRY_BINARY", "/nonexistent/registry")
    done = run("--port", str(free_port()), "--data", str(tmp_path / "data"))
    assert_one_line(done, "MOORAGE_REGISTRY_BINARY", "/nonexistent/registry")


def test_program_that_is_no_registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOORAGE_REGISTRY_BINARY", "/bin/true")
    done = run("--port", str(free_port()), "--data", str(tmp_path / "data"))
    assert_one_line(done, "/bin/true", "2.8 and 3")


def test_process_that_cannot_start_ends_the_start(tmp_path: Path) -> None:
    registry = tmp_path / "registry"
    registry.write_text(
        '#!/bin/sh\n[ "$1" = --version ] && echo "registry v2.8.2" && exit\necho "no disk" >&2\nexit 7\n'
    )
    registry.chmod(0o755)
    installation = Product(tmp_path / "data", MOORAGE_REGISTRY_BINARY=str(registry)).start(wait=False)
    assert installation.process is not None
    assert installation.process.wait(timeout=120) == 1
    assert "registry | no disk" in installation.output()
    assert installation.output().rstrip().splitlines()[-1].startswith("moorage: registry ends again and again")
    assert mentioning(tmp_path) == []


def mentioning(folder: Path) -> list[str]:
    """Command lines of the processes that work in the folder: by an argument, an open file or their environment."""
    found = []
    for path in PROC.iterdir():
        if not path.name.isdecimal() or int(path.name) == os.getpid() or read_process(int(path.name)) is None:
            continue
        try:
            text = (path / "cmdline").read_bytes() + b"\0" + (path / "environ").read_bytes()
        except OSError:
            continue
        if str(folder).encode() in text:
            found.append(text[:200].decode(errors="replace"))
    return found


def _parent(pid: int) -> int:
    return int((PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()[1])
