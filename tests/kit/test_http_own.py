"""What is refused whichever networks are open. Nothing is connected to, and no name server is asked."""

import socket
import threading
import time
from ipaddress import ip_address
from typing import Any

import pytest

from portal.kit.http import Own, own

OURS = Own(
    doors=[("Hub.example.org", 443), ("localhost", 8000), ("192.0.2.7", 443)],
    inner=[("127.0.0.1", 5000), ("registry", 5001), ("[::1]", 6379)],
)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    names: list[str] = []

    def resolver(host: str, port: int, **_kwargs: Any) -> list[Any]:
        names.append(host)
        return [(0, 0, 0, "", ("10.0.0.9", port))]

    monkeypatch.setattr(socket, "getaddrinfo", resolver)
    return names


@pytest.mark.parametrize(
    ("host", "port", "ours"),
    [
        ("hub.example.org", 443, True),
        ("HUB.EXAMPLE.ORG.", 443, True),
        ("hub.example.org", 8443, False),
        ("ci.hub.example.org", 443, False),
        ("registry", 5001, True),
        ("127.0.0.1", 8000, True),
        ("127.9.9.9", 8000, True),
        ("2130706433", 8000, True),
        ("0.0.0.0", 8000, True),
        ("::1", 8000, True),
        ("a.localhost", 5000, True),
        ("::ffff:127.0.0.1", 5000, True),
        ("127.0.0.1", 6379, True),
        ("127.0.0.1", 9000, False),
        ("192.0.2.7", 443, True),
        ("3221225991", 443, True),
        ("192.0.2.8", 443, False),
    ],
)
def test_our_names_and_addresses_are_known_in_any_spelling(
    asked: list[str], host: str, port: int, *, ours: bool
) -> None:
    assert OURS.is_named(host, port) is ours
    assert asked == []


def test_a_door_is_known_by_its_name_since_its_address_may_serve_others(asked: list[str]) -> None:
    assert not OURS.is_at(ip_address("10.0.0.9"), 443)
    assert OURS.is_at(ip_address("127.0.0.2"), 8000)
    assert asked == []


def test_an_inner_name_is_known_by_its_addresses_and_asked_for_once_in_a_while(asked: list[str]) -> None:
    ours = Own(inner=[("registry", 5001)])
    for _ in range(3):
        assert ours.is_at(ip_address("10.0.0.9"), 5001)
    assert not ours.is_at(ip_address("10.0.0.8"), 5001)
    assert not ours.is_at(ip_address("10.0.0.9"), 5002)
    assert asked == ["registry"]


def test_what_was_known_counts_while_the_name_server_is_away(asked: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own, "KEPT", 0.0)
    ours = Own(inner=[("registry", 5001)])
    assert ours.is_at(ip_address("10.0.0.9"), 5001)
    assert ours.is_at(ip_address("10.0.0.9"), 5001)
    assert asked == ["registry"] * 2

    def failing(*_args: Any, **_kwargs: Any) -> list[Any]:
        raise socket.gaierror(socket.EAI_AGAIN, "away")

    monkeypatch.setattr(socket, "getaddrinfo", failing)
    assert ours.is_at(ip_address("10.0.0.9"), 5001)


def test_looking_for_an_inner_name_takes_no_longer_than_there_is_time(monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_kwargs: release.wait(5) and [])
    begun = time.monotonic()
    assert not Own(inner=[("registry", 5001)]).is_at(ip_address("10.0.0.9"), 5001, timeout=0.2)
    assert time.monotonic() - begun < 1.5
    release.set()
