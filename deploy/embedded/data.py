"""The data folder: everything that has to outlive a restart, and nothing that can be made again but `run/`."""

import base64
import fcntl
import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from deploy.embedded.errors import StartError

# Raised when an older Moorage could no longer read the folder.
FORMAT = 1

FOLDERS = ("keys", "registry", "redis", "mail", "caddy", "run")


@dataclass(frozen=True)
class Data:
    """Paths inside the data folder, and its secrets."""

    folder: Path

    @property
    def database(self) -> Path:
        return self.folder / "db.sqlite3"

    @property
    def mail(self) -> Path:
        return self.folder / "mail"

    @property
    def run(self) -> Path:
        return self.folder / "run"

    def path(self, *parts: str) -> Path:
        return self.folder.joinpath(*parts)

    def key(self, name: str) -> Path:
        return self.folder / "keys" / name

    def secret(self, name: str) -> str:
        return self.key(name).read_text().strip()


def open_data(folder: Path) -> tuple[Data, int]:
    """Makes or opens the folder and locks it; the lock lasts as long as the returned file descriptor is open.

    Raises StartError when the folder is in use, belongs to a newer Moorage, or can't be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise StartError(
            f"cannot use the data folder {folder} ({error.strerror}): choose another with --data"
        ) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(lock)
        raise StartError(
            f"the data folder {folder} is in use by another bin/run: stop it, or choose another with --data"
        ) from error
    _check_format(folder)
    data = Data(folder)
    for name in FOLDERS:
        data.path(name).mkdir(mode=0o700, exist_ok=True)
    _make_keys(data)
    return data, lock


def _check_format(folder: Path) -> None:
    version = folder / "version"
    if not version.exists():
        _write(version, f"{FORMAT}\n".encode())
    found = version.read_text().strip()
    if not found.isdecimal():
        raise StartError(f"{version} holds {found!r} and not a number: this is not a data folder of Moorage")
    if int(found) > FORMAT:
        raise StartError(
            f"the data folder {folder} was written by a newer Moorage (format {found}, this one reads {FORMAT}): "
            "update the checkout, or choose another with --data"
        )


def _make_keys(data: Data) -> None:
    """One file a secret, written whole or not at all, never overwritten."""
    makers: dict[str, Callable[[], bytes]] = {
        "secret_key": _random_text,
        "encryption_keys": lambda: base64.urlsafe_b64encode(secrets.token_bytes(32)),
        "notification_secret": _random_text,
        "redis_password": _random_text,
        "registry_http_secret": _random_text,
        "token.key": _private_key,
        "token.crt": lambda: _certificate(data.key("token.key").read_bytes()),
    }
    for name, make in makers.items():
        if not data.key(name).exists():
            _write(data.key(name), make())


def _random_text() -> bytes:
    # Only letters, digits, "-" and "_", so that it stands in URLs and configuration files without quoting.
    return secrets.token_urlsafe(48).encode()


def _private_key() -> bytes:
    return ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _certificate(key: bytes) -> bytes:
    """Self-signed, for ten years: the registry trusts exactly this certificate, nobody asks who signed it."""
    private = serialization.load_pem_private_key(key, password=None)
    if not isinstance(private, ec.EllipticCurvePrivateKey):
        raise StartError("keys/token.key is not an EC key: restore it from a backup, or remove it and token.crt")
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "moorage registry tokens")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=3650))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(private, hashes.SHA256())
    )
    return certificate.public_bytes(serialization.Encoding.PEM)


def _write(path: Path, content: bytes) -> None:
    """Whole or not at all, readable by the owner only."""
    draft = path.with_name(f"{path.name}.new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.rename(path)
