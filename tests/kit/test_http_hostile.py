"""Receivers that try to hold, fill or fool the guarded client, as raw sockets on loopback."""

import socket
import ssl
import threading
import time
import tracemalloc
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from portal.kit.http import Answer, Failed, Refused, parse_networks, public, resolving, wire
from tests.kit.certificates import Authority
from tests.kit.loopback import Behaviour, Server, answer, served

LOOPBACK = parse_networks(["127.0.0.0/8"])
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def post(url: str, *, body: bytes = b'{"a":1}', **options: Any) -> Answer:
    options.setdefault("allowed_networks", LOOPBACK)
    return public.send("POST", url, body=body, **options)


def reason(behave: Behaviour, **options: Any) -> str:
    with served(behave) as server, pytest.raises(Failed) as caught:
        post(server.url(), **options)
    assert caught.value.answer is None
    return str(caught.value)


def endless(piece: bytes, *, before: bytes = b"") -> Behaviour:
    def behave(connection: socket.socket, server: Server) -> None:
        with suppress(OSError):
            connection.sendall(before)
            while not server.stopped.is_set():
                server.sent += connection.send(piece)

    return behave


def drip(data: bytes, *, every: float) -> Behaviour:
    def behave(connection: socket.socket, server: Server) -> None:
        with suppress(OSError):
            for number in range(len(data)):
                connection.sendall(data[number : number + 1])
                if server.stopped.wait(every):
                    return

    return behave


@pytest.fixture
def named(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every name is loopback; the names that were asked for."""
    asked: list[str] = []

    def resolver(host: str, port: int, **_kwargs: Any) -> list[Any]:
        asked.append(host)
        return [(0, 0, 0, "", ("127.0.0.1", port))]

    monkeypatch.setattr(socket, "getaddrinfo", resolver)
    return asked


# -- time -------------------------------------------------------------------------------------------------------------


def test_ten_seconds_are_ten_seconds_however_the_answer_drips() -> None:
    begun = time.monotonic()
    assert reason(drip(b"HTTP/1.1 200 OK\r\nX: " + b"a" * 500, every=0.1)).endswith("after 10 seconds.")
    assert 9.9 < time.monotonic() - begun < 12


def test_a_handshake_that_drips_ends_at_the_deadline(named: list[str]) -> None:
    hello = b"\x16\x03\x03\x40\x00\x02\x00\x3f\xfc\x03\x03" + b"\x00" * 2000
    with served(drip(hello, every=0.05)) as server:
        begun = time.monotonic()
        with pytest.raises(Failed, match=r"ci\.test did not complete the TLS handshake within 0\.8 seconds"):
            post(server.url(scheme="https", host="ci.test"), deadline=0.8)
    assert time.monotonic() - begun < 2


@pytest.mark.parametrize("tls", [False, True])
def test_a_receiver_that_does_not_read_ends_at_the_deadline(tls: bool, tmp_path: Path, named: list[str]) -> None:
    """It reads a little now and then, so that no single wait is long."""
    authority = Authority(tmp_path)
    context = authority.server("ci.test") if tls else None
    with socket.create_server(("127.0.0.1", 0)) as listener:
        stopped = threading.Event()

        def talk() -> None:
            with suppress(OSError):
                connection = listener.accept()[0]
                with context.wrap_socket(connection, server_side=True) if context else connection as reader:
                    while not stopped.wait(0.1):
                        reader.recv(4096)

        thread = threading.Thread(target=talk)
        thread.start()
        url = f"{'https' if tls else 'http'}://ci.test:{listener.getsockname()[1]}/"
        begun = time.monotonic()
        try:
            with pytest.raises(Failed, match="had not answered completely"):
                post(url, body=b"x" * 20_000_000, deadline=1, ca_file=authority.file)
            assert time.monotonic() - begun < 2
        finally:
            stopped.set()
            thread.join(timeout=10)


def test_a_name_server_that_hangs_costs_a_thread_for_each_name(monkeypatch: pytest.MonkeyPatch) -> None:
    release, asked = threading.Event(), []

    def hanging(host: str, _port: int, **_kwargs: Any) -> list[Any]:
        asked.append(host)
        release.wait(10)
        return [(0, 0, 0, "", ("10.0.0.1", 80))]

    monkeypatch.setattr(socket, "getaddrinfo", hanging)
    reasons: list[str] = []

    def call(host: str) -> None:
        with pytest.raises(Failed) as caught:
            post(f"http://{host}/", deadline=0.4)
        reasons.append(str(caught.value))

    threads = [threading.Thread(target=call, args=(f"{number % 2}.test",)) for number in range(20)]
    begun = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=5)
    assert time.monotonic() - begun < 3
    assert sorted(asked) == ["0.test", "1.test"]
    assert len(reasons) == 20
    assert set(reasons) == {f"The name {n}.test was not resolved within 0.4 seconds." for n in (0, 1)}
    assert len(resolving._under_way) == 2
    release.set()
    deadline = time.monotonic() + 5
    while resolving._under_way and time.monotonic() < deadline:
        time.sleep(0.01)
    assert resolving._under_way == {}  # and the next one asks anew
    with pytest.raises(Refused, match=r"0\.test resolves to 10\.0\.0\.1"):
        post("http://0.test/")
    assert len(asked) == 3


def test_a_system_without_threads_is_a_failure_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_thread(*_args: Any) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", no_thread)
    with pytest.raises(Failed, match="no thread to resolve it"):
        post("http://ci.test/")
    assert resolving._under_way == {}


@pytest.mark.parametrize(
    ("code", "words"),
    [(socket.EAI_AGAIN, "its name server does not answer"), (socket.EAI_NONAME, "there is no such name")],
)
def test_why_a_name_was_not_found_is_said(monkeypatch: pytest.MonkeyPatch, code: int, words: str) -> None:
    def failing(*_args: Any, **_kwargs: Any) -> list[Any]:
        raise socket.gaierror(code, "told")

    monkeypatch.setattr(socket, "getaddrinfo", failing)
    with pytest.raises(Failed, match=rf"ci\.test could not be resolved: {words}"):
        post("http://ci.test/")


# -- size -------------------------------------------------------------------------------------------------------------


def peak_of(call: Callable[[], Any]) -> tuple[Any, int]:
    """What it returned, and the most memory that it held, the server's own included."""
    tracemalloc.start()
    try:
        result = call()
        return result, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_a_gigabyte_is_cut_at_the_limit_in_bounded_memory() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n"
    with served(endless(b"x" * 65536, before=head)) as server:
        result, peak = peak_of(lambda: post(server.url()))
    assert (result.status, len(result.body), result.truncated) == (200, 65536, True)
    assert peak < 2_000_000
    assert server.sent < 16_000_000  # what fits into sockets; the rest was never asked for


@pytest.mark.parametrize(
    "piece",
    [
        pytest.param(b"HTTP/1.1 100 Continue\r\n\r\n", id="100"),
        pytest.param(b"HTTP/1.1 102 Processing\r\n\r\n", id="102"),
        pytest.param(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", id="103"),
        pytest.param(b"HTTP/1.1 102 Processing\r\nX: " + b"a" * 60_000 + b"\r\n\r\n", id="long 102"),
        pytest.param(b"a" * 65536, id="one line"),
        pytest.param(b"X: " + b"a" * 5000 + b"\r\n", id="headers"),
        pytest.param(b"\r\n", id="empty lines"),
    ],
)
def test_a_head_without_an_end_is_no_answer(piece: bytes) -> None:
    before = b"" if piece.startswith((b"HTTP", b"\r\n")) else b"HTTP/1.1 200 OK\r\n"
    begun = time.monotonic()
    with served(endless(piece, before=before)) as server, pytest.raises(Failed, match=r"headers are too long|not HTTP"):
        post(server.url())
    assert time.monotonic() - begun < 3


def test_too_many_headers_are_no_answer() -> None:
    head = b"HTTP/1.1 200 OK\r\n" + b"".join(b"X-%d: y\r\n" % number for number in range(200)) + b"\r\n"
    assert reason(answer(head)) == "The answer has too many headers."


@pytest.mark.parametrize(
    "piece",
    [
        pytest.param(b"1;" + b"a" * 60_000 + b"\r\nx\r\n", id="extensions"),
        pytest.param(b"0\r\nX: y\r\n", id="trailers"),
    ],
)
def test_chunks_of_little_in_much_are_cut_early(piece: bytes) -> None:
    before = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    data = piece if piece.startswith(b"1") else b"X: " + b"y" * 1000 + b"\r\n"
    start = before if piece.startswith(b"1") else before + b"0\r\n"
    begun = time.monotonic()
    with served(endless(data, before=start)) as server:
        result, peak = peak_of(lambda: post(server.url()))
    assert (result.status, result.truncated) == (200, True)
    assert peak < 4_000_000
    assert time.monotonic() - begun < 5


# -- nonsense ---------------------------------------------------------------------------------------------------------


def test_interim_answers_come_before_the_answer() -> None:
    hints = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n"
    with served(answer(hints + b"HTTP/1.1 201 Created\r\nContent-Length: 3\r\nX: y\r\n\r\nyes")) as server:
        result = post(server.url())
    assert (result.status, result.body, result.truncated) == (201, b"yes", False)
    assert result.headers == (("Content-Length", "3"), ("X", "y"))


def test_interim_answers_alone_are_no_answer() -> None:
    assert reason(answer(b"HTTP/1.1 103 Early Hints\r\n\r\n")) == "The connection was closed without an answer."


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"HTTP/1.0 200 OK\r\n\r\nhi", 200),
        (b"HTTP/1.1 299 Sure\r\n\r\n", 299),
        (b"HTTP/1.1 200\r\n\r\n", 200),
        (b"HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\n\r\n", 101),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhi", 200),
        (b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\nhi", 200),
        (b"HTTP/1.1 999 Odd\r\n\r\n", 999),
    ],
)
def test_odd_answers_are_still_answers(data: bytes, status: int) -> None:
    with served(answer(data)) as server:
        assert post(server.url()).status == status


@pytest.mark.parametrize(
    "data",
    [
        b"<html>HTTP/0.9 sends no head</html>",
        b"\x00\x01\x02\x03\r\n\r\n",
        b"HTTP/2.0 200 OK\r\n\r\n",
        b"HTTP/1.1 OK\r\n\r\n",
        b"HTTP/1.1 -1 Bad\r\n\r\n",
        b"HTTP/1.1 2000 Bad\r\n\r\n",
        b"\x15\x03\x01\x00\x02\x02\x16\r\n",
    ],
)
def test_what_is_not_http_is_said_to_be_none(data: bytes) -> None:
    assert reason(answer(data)) == "The answer is not HTTP."


@pytest.mark.parametrize("data", [b"zz\r\nhello\r\n", b"-5\r\nhello", b"FFFFFFFFFFFFFFFFFF\r\nhello"])
def test_chunks_of_garbage_are_an_answer_that_was_cut(data: bytes) -> None:
    with served(answer(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + data)) as server:
        result = post(server.url())
    assert result.status == 200
    assert result.truncated


def reset(connection: socket.socket, _server: Server) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
    connection.close()


def test_a_reset_is_said_in_words() -> None:
    assert reason(reset) == "The connection broke off before the answer was complete."


def test_a_reset_within_the_body_keeps_what_had_come() -> None:
    def behave(connection: socket.socket, server: Server) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\nabc")
        server.stopped.wait(0.3)
        reset(connection, server)

    with served(behave) as server:
        result = post(server.url())
    assert (result.status, result.body, result.truncated) == (200, b"abc", True)


def test_a_receiver_that_answers_before_it_has_read_everything_is_heard() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def talk() -> None:
            connection = listener.accept()[0]
            with connection:
                connection.recv(1000)
                connection.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")

        thread = threading.Thread(target=talk)
        thread.start()
        result = post(f"http://127.0.0.1:{listener.getsockname()[1]}/", body=b"x" * 20_000_000)
        thread.join(timeout=5)
    assert result.status == 413


# -- TLS --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("made", "why"),
    [
        ({"name": "other.test"}, "it is not for the name ci.test."),
        ({"age": timedelta(days=-40)}, "it has expired."),
        ({"age": timedelta(days=40)}, "it is not valid yet."),
        ({"leave_out_chain": True}, "its issuer is not known here; either the server leaves out an intermediate"),
    ],
)
def test_what_is_wrong_with_a_certificate_is_said(
    named: list[str], tmp_path: Path, made: dict[str, Any], why: str
) -> None:
    authority = Authority(tmp_path)
    with served(answer(OK), tls=authority.server(**({"name": "ci.test"} | made))) as server:
        url = server.url(scheme="https", host="ci.test")
        with pytest.raises(Failed) as caught:
            post(url, ca_file=authority.file)
        assert server.requests == []
    assert str(caught.value).startswith(f"The certificate was not accepted: {why}")
    assert (caught.value.timing.tls, caught.value.answer) == (None, None)


def test_a_private_authority_is_accepted_where_it_is_named(named: list[str], tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    with served(answer(OK), tls=authority.server("ci.test")) as server:
        url = server.url(scheme="https", host="ci.test")
        assert post(url, ca_file=authority.file).status == 200
        with pytest.raises(Failed, match=r"its issuer is not known here|the authority that issued it is a private one"):
            post(url)


def test_a_handshake_that_is_cut_is_said_in_words(named: list[str]) -> None:
    for behave in (reset, answer(b"")):
        with served(behave) as server, pytest.raises(Failed, match="was closed during the TLS handshake"):
            post(server.url(scheme="https", host="ci.test"))


def test_tls_that_is_too_old_is_said_in_words(named: list[str]) -> None:
    alert = b"\x15\x03\x01\x00\x02\x02\x46"  # fatal, protocol_version
    with served(answer(alert)) as server, pytest.raises(Failed, match="versions of TLS that are too old"):
        post(server.url(scheme="https", host="ci.test"))


def test_a_plain_server_behind_https_is_said_in_words() -> None:
    with served(answer(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as server, pytest.raises(Failed, match="http://"):
        post(server.url(scheme="https"))


def test_authorities_are_read_once_by_however_many_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    built, create = [], ssl.create_default_context

    def building() -> ssl.SSLContext:
        built.append(1)
        time.sleep(0.05)
        return create()

    monkeypatch.setattr(ssl, "create_default_context", building)
    wire._kept_context.cache_clear()
    threads = [threading.Thread(target=wire.tls_context, args=(None,)) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=10)
    assert built == [1]
