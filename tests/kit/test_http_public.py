"""The guarded client against a real server on loopback, and a made-up resolver where a name is needed."""

import os
import socket
import threading
import time
import tracemalloc
from collections.abc import Callable, Sequence
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from portal.kit.http import Answer, Failed, Refused, parse_networks, public, wire
from tests.kit.loopback import Behaviour, Server, answer, dead_port, hang, self_signed, served

LOOPBACK = parse_networks(["127.0.0.0/8", "::1/128"])
OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok"

Names = Callable[..., None]


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    """names("hooks.test", "10.0.0.5", …): the resolver's answer from then on."""
    table: dict[str, Sequence[str]] = {}

    def resolver(host: str, port: int, **_kwargs: Any) -> list[Any]:
        if host not in table:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [(0, 0, 0, "", (address, port)) for address in table[host]]

    def set_name(host: str, *found: str) -> None:
        table[host] = found

    monkeypatch.setattr(socket, "getaddrinfo", resolver)
    return set_name


def post(url: str, **options: Any) -> Answer:
    options.setdefault("allowed_networks", LOOPBACK)
    return public.send("POST", url, body=b'{"a":1}', **options)


def failure(behave: Behaviour, **options: Any) -> tuple[Failed, Server, float]:
    with served(behave) as server:
        begun = time.monotonic()
        with pytest.raises(Failed) as caught:
            post(server.url(), **options)
        return caught.value, server, time.monotonic() - begun


def test_an_answer_comes_back_with_its_timing() -> None:
    with served(answer(OK)) as server:
        result = post(server.url("/x?y=1"), headers={"Content-Type": "application/json"})
    assert (result.status, result.body, result.truncated, result.address) == (200, b"ok", False, "127.0.0.1")
    assert ("Content-Type", "text/plain") in result.headers
    timing = result.timing
    assert None not in (timing.dns, timing.connect, timing.first_byte)
    assert timing.tls is None
    assert timing.total < 2000
    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    assert body == b'{"a":1}'
    lines = head.decode().split("\r\n")
    assert lines[0] == "POST /x?y=1 HTTP/1.1"
    assert {f"Host: 127.0.0.1:{server.port}", "Content-Length: 7", "Accept-Encoding: identity"} <= set(lines)
    assert {"User-Agent: Moorage", "Content-Type: application/json", "Connection: close"} <= set(lines)


def test_user_and_password_of_the_url_become_a_basic_header_unless_one_is_given() -> None:
    with served(answer(OK)) as server:
        post(f"http://user:secret@127.0.0.1:{server.port}/")
        post(f"http://user:secret@127.0.0.1:{server.port}/", headers={"authorization": "Bearer x"})
    assert b"Authorization: Basic dXNlcjpzZWNyZXQ=" in server.requests[0]
    assert b"Basic" not in server.requests[1]
    assert b"authorization: Bearer x" in server.requests[1]


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (["10.0.0.5"], r"hooks\.test resolves to 10\.0\.0\.5, a private address\."),
        (["8.8.8.8", "10.0.0.5"], r"10\.0\.0\.5, a private address"),
        (["2606:4700::1", "::ffff:127.0.0.1"], r"::ffff:7f00:1, an address that hides an IPv4 address"),
        (["169.254.169.254"], "a link-local address"),
        (["fe80::1%eth0"], "a link-local address"),
    ],
)
def test_one_refused_address_refuses_the_name_and_nothing_is_connected(
    names: Names, monkeypatch: pytest.MonkeyPatch, found: list[str], reason: str
) -> None:
    monkeypatch.setattr(wire.TimedSocket, "connect", lambda *_args: pytest.fail("connected"))
    names("hooks.test", *found)
    with pytest.raises(Refused, match=reason):
        post("https://hooks.test/", allowed_networks=())


def test_a_refusal_is_no_os_error() -> None:
    assert not issubclass(Refused, OSError)
    assert not issubclass(Failed, OSError)


def test_the_name_is_resolved_once_and_that_address_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def changing(host: str, port: int, **_kwargs: Any) -> list[Any]:
        asked.append(host)
        return [(0, 0, 0, "", ("127.0.0.1" if len(asked) == 1 else "10.0.0.5", port))]

    monkeypatch.setattr(socket, "getaddrinfo", changing)
    with served(answer(OK)) as server:
        assert post(server.url(host="hooks.test")).status == 200
    assert asked == ["hooks.test"]
    assert f"Host: hooks.test:{server.port}".encode() in server.requests[0]


def test_the_next_address_is_tried_when_the_first_is_dead(names: Names) -> None:
    names("hooks.test", "::1", "127.0.0.1")  # the server listens on the second alone
    with served(answer(OK)) as server:
        assert post(server.url(host="hooks.test")).address == "127.0.0.1"


def test_the_next_address_is_tried_when_the_first_swallows_packets(
    names: Names, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect = public._Connection._connected

    def swallow(self: Any, address: Any, *, timeout: float) -> Any:
        if address == ip_address("127.0.0.2"):
            time.sleep(timeout)
            raise TimeoutError
        return connect(self, address, timeout=timeout)

    monkeypatch.setattr(public._Connection, "_connected", swallow)
    names("hooks.test", "127.0.0.2", "127.0.0.1")
    with served(answer(OK)) as server:
        result = post(server.url(host="hooks.test"), deadline=2)
    assert result.status == 200
    assert 900 < (result.timing.connect or 0) < 1900


def test_a_redirect_is_an_answer_and_not_followed() -> None:
    with served(answer(OK)) as inner:
        redirect = f"HTTP/1.1 302 Found\r\nLocation: {inner.url('/secret')}\r\nContent-Length: 0\r\n\r\n".encode()
        with served(answer(redirect)) as server:
            result = post(server.url())
        assert (result.status, result.location) == (302, inner.url("/secret"))
        assert inner.requests == []


def test_proxy_and_netrc_of_the_environment_are_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    with served(answer(OK)) as proxy, served(answer(OK)) as server:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "HTTPS_PROXY"):
            monkeypatch.setitem(os.environ, name, proxy.url())
        post(server.url())
        assert proxy.requests == []
    assert b"uthorization" not in server.requests[0]


def test_a_receiver_that_hangs_is_left_at_the_deadline() -> None:
    error, _, took = failure(hang, deadline=0.5)
    assert str(error) == "127.0.0.1 had not answered completely after 0.5 seconds."
    assert 0.45 < took < 1.5
    assert error.timing.total >= 450
    assert error.timing.first_byte is None
    assert error.answer is None


def drip(data: bytes) -> Behaviour:
    def behave(connection: socket.socket, server: Server) -> None:
        for number in range(len(data)):
            connection.sendall(data[number : number + 1])
            if server.stopped.wait(0.05):
                return

    return behave


def test_headers_that_drip_are_no_answer() -> None:
    error, _, took = failure(drip(b"HTTP/1.1 200 OK\r\nX-Slow: " + b"a" * 500), deadline=1.5)
    assert 1.4 < took < 2.5
    assert error.answer is None


def test_a_body_that_drips_fails_and_keeps_what_had_come() -> None:
    def behave(connection: socket.socket, server: Server) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n")
        drip(b"b" * 500)(connection, server)

    error, _, took = failure(behave, deadline=0.7)
    assert 0.6 < took < 1.7
    assert error.answer is not None
    assert error.answer.status == 200
    assert 1 < len(error.answer.body) < 40
    assert error.answer.truncated


def test_a_receiver_that_begins_late_and_then_hangs_gets_no_second_deadline() -> None:
    def behave(connection: socket.socket, server: Server) -> None:
        server.stopped.wait(0.7)
        connection.sendall(b"HTTP/1.1 200 OK\r\n")
        server.stopped.wait(10)

    _error, _, took = failure(behave, deadline=1)
    assert 0.95 < took < 1.5


@pytest.mark.parametrize("head", [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nContent-Le", b"HTTP/1.1 200 OK"])
def test_a_connection_cut_in_the_headers_is_no_answer(head: bytes) -> None:
    error, _, _ = failure(answer(head))
    assert "answer" in str(error)
    assert error.address == "127.0.0.1"


def test_ten_megabytes_are_cut_at_the_limit_in_bounded_memory() -> None:
    def behave(connection: socket.socket, server: Server) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10485760\r\n\r\n")
        piece = b"x" * 65536
        for _ in range(160):
            connection.sendall(piece)
            server.sent += len(piece)

    with served(behave) as server:
        tracemalloc.start()
        try:
            result = post(server.url())
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert (result.status, len(result.body), result.truncated) == (200, 65536, True)
    assert peak < 2_000_000


def test_an_endless_chunked_answer_is_cut_at_the_limit() -> None:
    def behave(connection: socket.socket, server: Server) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while not server.stopped.is_set():
            connection.sendall(b"1\r\nx\r\n" * 1000)

    with served(behave) as server:
        result = post(server.url())
    assert (result.status, result.body, result.truncated) == (200, b"x" * 65536, True)


def test_a_compressed_answer_is_not_unpacked() -> None:
    data = b"\x1f\x8b\x08\x00packed"
    with served(answer(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 10\r\n\r\n" + data)) as server:
        assert post(server.url()).body == data


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
    ],
)
def test_a_body_that_breaks_off_is_an_answer_marked_as_cut(data: bytes) -> None:
    with served(answer(data)) as server:
        result = post(server.url())
    assert (result.status, result.body, result.truncated) == (200, b"ab", True)


def test_http_1_0_without_a_length_is_read_to_its_end() -> None:
    with served(answer(b"HTTP/1.0 204 No Content\r\n\r\n")) as server:
        assert post(server.url()).status == 204
    with served(answer(b"HTTP/1.0 200 OK\r\n\r\nhello")) as server:
        result = post(server.url())
    assert (result.body, result.truncated) == (b"hello", False)


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\nX: " + b"a" * 100_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"".join(b"X-%d: y\r\n" % number for number in range(200)) + b"\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"".join(b"X-%d: " % n + b"a" * 30_000 + b"\r\n" for n in range(5)) + b"\r\n",
    ],
)
def test_a_header_bomb_is_no_answer(head: bytes) -> None:
    error, _, _ = failure(answer(head))
    assert "answer" in str(error)


def test_what_is_not_http_is_no_answer() -> None:
    error, _, _ = failure(answer(b"SSH-2.0-OpenSSH_9.2\r\n"))
    assert str(error) == "The answer is not HTTP."


def test_nothing_listening_is_said_in_words() -> None:
    with pytest.raises(Failed, match="The connection was refused") as caught:
        post(f"http://127.0.0.1:{dead_port()}/")
    assert caught.value.timing.dns is not None
    assert caught.value.timing.connect is None


def test_an_unknown_name_is_said_in_words(names: Names) -> None:
    with pytest.raises(Failed, match="could not be resolved"):
        post("http://nowhere.test/")


def test_a_resolver_that_hangs_is_left_at_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_kwargs: release.wait(5) and [])
    begun = time.monotonic()
    with pytest.raises(Failed, match=r"was not resolved within 0\.3 seconds"):
        post("http://hooks.test/", deadline=0.3)
    assert time.monotonic() - begun < 1.3
    release.set()


@pytest.mark.parametrize(("name", "value"), [("X-A", "b\r\nX-C: d"), ("X A", "b"), ("X-A", "b\x00"), ("X-A", "\u20ac")])
def test_a_header_that_would_break_out_is_refused(name: str, value: str) -> None:
    with served(answer(OK)) as server, pytest.raises(Refused, match="holds characters"):
        post(server.url(), headers={name: value})
    assert server.requests in ([], [b""])


def test_tls_keeps_name_and_certificate_check(names: Names, tmp_path: Path) -> None:
    names("hooks.test", "127.0.0.1")
    names("other.test", "127.0.0.1")
    context, ca_file = self_signed(tmp_path, "hooks.test")
    with served(answer(OK), tls=context) as server:
        result = post(server.url(scheme="https", host="hooks.test"), ca_file=ca_file)
        assert result.status == 200
        assert result.timing.tls is not None
        assert server.server_names == ["hooks.test"]
        assert f"Host: hooks.test:{server.port}".encode() in server.requests[0]
        with pytest.raises(Failed, match=r"The certificate was not accepted: .*other\.test"):
            post(server.url(scheme="https", host="other.test"), ca_file=ca_file)
        with pytest.raises(Failed, match="The certificate was not accepted: it is self-signed"):
            post(server.url(scheme="https", host="hooks.test"))


def test_tls_that_drips_or_hangs_ends_at_the_deadline(names: Names, tmp_path: Path) -> None:
    names("hooks.test", "127.0.0.1")
    context, ca_file = self_signed(tmp_path, "hooks.test")
    with served(drip(b"HTTP/1.1 200 OK\r\nX: " + b"a" * 500), tls=context) as server:
        begun = time.monotonic()
        with pytest.raises(Failed, match=r"had not answered completely after 0\.7 seconds"):
            post(server.url(scheme="https", host="hooks.test"), ca_file=ca_file, deadline=0.7)
        assert time.monotonic() - begun < 1.7
    handshake = "did not complete the TLS handshake"
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(Failed, match=handshake):
        post(f"https://hooks.test:{silent.getsockname()[1]}/", ca_file=ca_file, deadline=0.4)


def test_plain_http_behind_an_https_url_is_a_tls_failure() -> None:
    with served(answer(OK)) as server, pytest.raises(Failed, match="The TLS connection failed"):
        post(server.url(scheme="https"))
