"""From --port and --public-url to the door's names and its configuration."""

import subprocess
from pathlib import Path

import pytest

from deploy.embedded import config
from deploy.embedded.address import Address, read_address
from deploy.embedded.config import Ports
from deploy.embedded.data import Data
from deploy.embedded.packages import find_tools


@pytest.mark.parametrize(
    ("public_url", "port", "url", "docker_host", "ports"),
    [
        (None, None, "http://localhost:8000", "localhost:8000", [8000]),
        (None, 80, "http://localhost", "localhost", [80]),
        ("http://localhost:9000", None, "http://localhost:9000", "localhost:9000", [9000]),
        ("http://localhost", 9000, "http://localhost:9000", "localhost:9000", [9000]),
        ("http://127.0.0.1:9000/", None, "http://127.0.0.1:9000", "127.0.0.1:9000", [9000]),
        ("http://[::1]:9000", None, "http://[::1]:9000", "[::1]:9000", [9000]),
        ("https://hub.example.org", None, "https://hub.example.org", "hub.example.org", [443, 80]),
        ("https://HUB.example.org:443", None, "https://hub.example.org", "hub.example.org", [443, 80]),
        ("https://hub.example.org", 8443, "https://hub.example.org:8443", "hub.example.org:8443", [8443, 80]),
    ],
)
def test_address(public_url: str | None, port: int | None, url: str, docker_host: str, ports: list[int]) -> None:
    address = read_address(public_url, port, None, None)
    assert (address.url, address.docker_host, address.ports) == (url, docker_host, ports)
    assert docker_host in address.hosts


def test_own_certificate_on_another_port_leaves_port_80_alone(tmp_path: Path) -> None:
    for name in ("cert.pem", "key.pem"):
        (tmp_path / name).touch()
    files = str(tmp_path / "cert.pem"), str(tmp_path / "key.pem")
    assert read_address("https://hub.example.org:8443", None, *files).ports == [8443]
    assert read_address("https://hub.example.org", None, *files).ports == [443, 80]


@pytest.mark.parametrize(
    "address",
    [Address("http", "localhost", 8000), Address("http", "localhost", 80), Address("https", "hub.example.org", 443)],
)
def test_configuration_is_one_that_the_door_takes(tmp_path: Path, address: Address) -> None:
    """Without starting it: with a public name it would ask for a certificate."""
    environment = config.door_environment(Data(tmp_path), address, Ports(1, 2, 3, 4))
    command = [str(find_tools(config.ROOT / ".tools").caddy), "adapt", "--adapter", "caddyfile", "--config"]
    adapted = subprocess.run(
        [*command, str(config.HERE / "Caddyfile")], check=False, env=environment, capture_output=True, text=True
    )
    assert adapted.returncode == 0, adapted.stderr
    assert "127.0.0.1:1" in adapted.stdout
    assert ("hub.example.org" in adapted.stdout) == (address.scheme == "https")
    assert '"disabled":true' in adapted.stdout  # the admin endpoint
