"""The address that people and clients use, from --port and --public-url."""

import re
import socket
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from deploy.embedded.errors import StartError

LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")
HOST = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")


@dataclass(frozen=True)
class Address:
    """Where the door listens and which names it answers to."""

    scheme: str
    host: str
    port: int
    certificate: Path | None = None
    key: Path | None = None

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.docker_host}"

    @property
    def docker_host(self) -> str:
        """What stands in front of an image's name: no port where docker would add none."""
        standard = {"http": 80, "https": 443}[self.scheme]
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == standard else f"{host}:{self.port}"

    @property
    def is_local(self) -> bool:
        return self.scheme == "http"

    @property
    def by_acme(self) -> bool:
        """Whether the door gets its certificate itself, which may take a while."""
        return not self.is_local and self.certificate is None

    @property
    def ports(self) -> list[int]:
        """What the door listens on: port 80 redirects to a standard 443, and is where ACME asks."""
        redirects = self.by_acme or (not self.is_local and self.port == 443)
        return [self.port, 80] if redirects else [self.port]

    @property
    def hosts(self) -> list[str]:
        """Every Host header that is answered; the registry's challenge sends clients back to the one they used."""
        if not self.is_local:
            return [self.docker_host, f"{self.host}:{self.port}"]
        names = ["localhost", "127.0.0.1", "[::1]"]
        return [*(f"{name}:{self.port}" for name in names), *(names if self.port == 80 else [])]


def read_address(public_url: str | None, port: int | None, certificate: str | None, key: str | None) -> Address:
    """Raises StartError on anything that would give a door nobody can use."""
    if public_url is None:
        if certificate or key:
            raise StartError("--cert and --key need --public-url https://your.host")
        return Address("http", "localhost", 8000 if port is None else port)
    parts = urlsplit(public_url)
    try:
        host, given = (parts.hostname or "").lower(), parts.port
    except ValueError as error:
        raise StartError(_bad(public_url, "its port is not a number up to 65535")) from error
    if parts.scheme not in ("http", "https") or not host:
        raise StartError(_bad(public_url, "it has to start with https:// and a host name"))
    if parts.path not in ("", "/") or parts.query or parts.fragment or "@" in parts.netloc:
        raise StartError(_bad(public_url, "docker knows no path in front of /v2/, so give scheme, host and port only"))
    if port is not None and given is not None and port != given:
        raise StartError(f"--port {port} and --public-url {public_url} name two ports: leave --port out")
    if parts.scheme == "http":
        return _local(public_url, host, given if given is not None else port or 80, certificate or key)
    if not HOST.fullmatch(host) or host in LOOPBACK_NAMES:
        raise StartError(
            _bad(public_url, "a certificate needs a host name; without --public-url localhost works as is")
        )
    files = _certificate_files(certificate, key)
    return Address("https", host, given if given is not None else port or 443, *files)


def check_free(address: Address) -> None:
    """Raises StartError if the door could not listen, and says why."""
    for port in address.ports:
        for family, host in listening_on(address):
            _check_free(family, host, port)


def _check_free(family: socket.AddressFamily, host: str, port: int) -> None:
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        try:
            probe.bind((host, port))
            probe.listen()
        except PermissionError as error:
            remedy = f"sysctl net.ipv4.ip_unprivileged_port_start={port}, or choose another with --port"
            raise StartError(f"port {port} needs a right that you lack: {remedy}") from error
        except OSError as error:
            raise StartError(f"port {port} is taken: stop what uses it, or choose another with --port") from error


def listening_on(address: Address) -> list[tuple[socket.AddressFamily, str]]:
    """The interfaces of the door: loopback only, unless there is TLS."""
    local = address.is_local
    found = [(socket.AF_INET, "127.0.0.1" if local else "0.0.0.0")]  # noqa: S104 (a public address is asked for)
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return found
    return [*found, (socket.AF_INET6, "::1" if local else "::")]


def _local(public_url: str, host: str, port: int, certificate: str | None) -> Address:
    if host not in LOOPBACK_NAMES:
        raise StartError(_bad(public_url, "docker speaks plain HTTP to loopback only, so use https://"))
    if certificate:
        raise StartError(_bad(public_url, "--cert and --key need https://"))
    return Address("http", host, port)


def _certificate_files(certificate: str | None, key: str | None) -> tuple[Path | None, Path | None]:
    if bool(certificate) != bool(key):
        raise StartError("--cert and --key belong together: give both, or neither for a certificate by ACME")
    if not certificate or not key:
        return None, None
    for name in (certificate, key):
        try:
            Path(name).open("rb").close()
        except OSError as error:
            raise StartError(f"cannot read {name} ({error.strerror}): give PEM files with --cert and --key") from error
    return Path(certificate).resolve(), Path(key).resolve()


def _bad(public_url: str, reason: str) -> str:
    return f"--public-url {public_url} cannot be used: {reason}"
