"""What a benchmark of the portal runs on: a folder with keys, a database, Redis, and the product's web server."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.fernet import Fernet
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

ROOT = Path(__file__).resolve().parent.parent


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def environment(folder: Path, *, database: str, redis_port: int | None) -> dict[str, str]:
    """What `portal.settings` reads, and PATH. Makes the keys."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "moorage benchmarks")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, now + timedelta(days=2))
    ).sign(key, hashes.SHA256())
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "token.key").write_bytes(pem)
    (folder / "token.crt").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "DJANGO_SETTINGS_MODULE": "portal.settings",
        "MOORAGE_DATA": str(folder),
        "MOORAGE_SECRET_KEY": "benchmarks",
        "MOORAGE_NOTIFICATION_SECRET": "benchmarks",
        "MOORAGE_ENCRYPTION_KEYS": Fernet.generate_key().decode(),
        "MOORAGE_TOKEN_KEY_FILE": str(folder / "token.key"),
        "MOORAGE_TOKEN_CERT_FILE": str(folder / "token.crt"),
        "MOORAGE_EXTRA_HOSTS": "127.0.0.1",
        "MOORAGE_DATABASE_URL": database,
        "MOORAGE_REDIS_URL": f"redis://127.0.0.1:{redis_port or 1}/0",
        "MOORAGE_LOG_LEVEL": "ERROR",
    }


@contextmanager
def started(
    command: list[str], *, port: int, environ: dict[str, str] | None = None, quiet: bool = True
) -> Iterator[int]:
    """The program, once it listens on `port`; its process id. Ended, with all that it started, on leaving."""
    errors = subprocess.DEVNULL if quiet else None
    process = subprocess.Popen(
        command, env=environ, cwd=ROOT, start_new_session=True, stdout=subprocess.DEVNULL, stderr=errors
    )
    try:
        _wait_for(port, process)
        yield process.pid
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _wait_for(port: int, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise SystemExit(f"A program ended at its start with status {process.returncode}.")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise SystemExit("A program did not start within 30 seconds.")


@contextmanager
def redis(folder: Path) -> Iterator[int | None]:
    """The port of a Redis of our own; None when the machine has none."""
    program = shutil.which("redis-server", path=f"{os.environ['PATH']}:{ROOT / '.tools/usr/bin'}")
    if program is None:
        yield None
        return
    port = free_port()
    libraries = {"LD_LIBRARY_PATH": ":".join(str(path) for path in (ROOT / ".tools/usr/lib").glob("*-linux-gnu"))}
    command = [
        program,
        "--port",
        str(port),
        "--bind",
        "127.0.0.1",
        "--dir",
        str(folder),
        "--save",
        "",
        "--daemonize",
        "no",
    ]
    with started(command, port=port, environ={**os.environ, **libraries}):
        yield port


@contextmanager
def postgres(folder: Path) -> Iterator[str]:
    """The address of an empty database in a cluster of our own. Needs PostgreSQL's programs and the user `postgres`."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not programs:
        raise SystemExit("PostgreSQL is not installed: apt-get install postgresql")
    data, port = folder / "postgres", free_port()
    data.mkdir()
    shutil.chown(data, "postgres", "postgres")
    folder.chmod(0o755)
    as_postgres = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.getuid() == 0 else []
    initdb = [*as_postgres, str(programs[-1] / "initdb"), "-D", str(data), "-A", "trust", "-U", "moorage", "-E", "UTF8"]
    subprocess.run(initdb, check=True, stdout=subprocess.DEVNULL, cwd="/")
    options = ["-D", str(data), "-p", str(port), "-k", "", "-c", "listen_addresses=127.0.0.1"]
    with started([*as_postgres, str(programs[-1] / "postgres"), *options], port=port):
        yield f"postgres://moorage@127.0.0.1:{port}/postgres"


@contextmanager
def web_server(environ: dict[str, str]) -> Iterator[tuple[int, int]]:
    """Granian as `bin/run` starts it, on `benchmarks._wsgi`: port and process id."""
    port = free_port()
    size = ["--workers", "2", "--blocking-threads", "2"]
    options = ["--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port), "--no-ws", "--log-level", "error"]
    command = [sys.executable, "-m", "granian", *options, *size, "benchmarks._wsgi:application"]
    with started(command, port=port, environ=environ, quiet=False) as pid:
        yield port, pid
