"""The profile for addresses that customers typed: one guarded request, never a redirect, one deadline for everything.

Written on `http.client`, since what a bigger library adds is what has to be off here: proxies and credentials from the
environment, redirects, unpacking, retries, kept connections.
"""

import http.client
import io
import math
import re
import socket
import ssl
import threading
import time
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import ip_address
from queue import Empty, SimpleQueue
from typing import Any

import certifi
from django.utils.translation import gettext as _

from portal.kit.http.addresses import Address, Network, refusal
from portal.kit.http.targets import Refused, Target, parse_target

LONGEST_HEAD = 65536  # bytes of status line and headers; http.client alone would take 100 lines of 64 KB
MOST_ADDRESSES = 4  # tried one after another, of one name

_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e\xa0-\xff]*")


@dataclass(slots=True)
class Timing:
    """Milliseconds spent in each step, None for one that was not reached. `first_byte`: from request sent to status."""

    dns: int | None = None
    connect: int | None = None
    tls: int | None = None
    first_byte: int | None = None
    total: int = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. `truncated`: the body goes on after what is kept here, or broke off."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    truncated: bool
    address: str
    timing: Timing

    @property
    def location(self) -> str:
        """Where a redirect pointed to; nobody went there."""
        return next((value for name, value in self.headers if name.lower() == "location"), "")


class Failed(Exception):
    """No complete answer: no such host, refused, TLS, cut off, too late. Its text is for users.

    `answer` is what had arrived when the deadline passed while the body was coming.
    """

    def __init__(self, reason: str, *, timing: Timing, address: str = "", answer: Answer | None = None) -> None:
        super().__init__(reason)
        self.timing = timing
        self.address = address
        self.answer = answer


def send(
    method: str,
    url: str,
    *,
    body: bytes = b"",
    headers: Mapping[str, str] | None = None,
    deadline: float = 10.0,
    max_answer: int = 65536,
    allowed_networks: Iterable[Network] = (),
    ca_file: str | None = None,
) -> Answer:
    """One request to a customer's URL. Raises Refused or Failed; any HTTP status, 3xx included, is an answer.

    The name is resolved once, refused if any of its addresses is, and connected at those very addresses. `deadline` is
    in seconds and covers name, connection, TLS and answer together; memory is bounded by `max_answer` and LONGEST_HEAD.
    """
    exchange = _Exchange(parse_target(url), deadline=deadline, allowed=tuple(allowed_networks), ca_file=ca_file)
    try:
        return exchange.run(method, body, headers or {}, max_answer)
    except _Late as late:
        raise exchange.failed(exchange.late_words(deadline), answer=late.answer) from late
    except ssl.SSLError as error:
        raise exchange.failed(_tls_words(error)) from error
    except (OSError, http.client.HTTPException) as error:
        raise exchange.failed(_broken_words(error)) from error


class _Late(Exception):
    def __init__(self, answer: Answer | None = None) -> None:
        super().__init__()
        self.answer = answer


@dataclass
class _Exchange:
    """One request under way: the clock, and how far it got."""

    target: Target
    deadline: float
    allowed: tuple[Network, ...]
    ca_file: str | None
    timing: Timing = field(default_factory=Timing)
    address: str = ""

    def __post_init__(self) -> None:
        self.started = time.monotonic()
        self.ends = self.started + self.deadline

    def run(self, method: str, body: bytes, headers: Mapping[str, str], max_answer: int) -> Answer:
        connection = _Connection(self)
        try:
            try:
                connection.request(method, self.target.path, body=body, headers=self._headers(headers))
                asked = time.monotonic()
                reply = connection.getresponse()
            except TimeoutError as error:
                raise _Late from error
            self.timing.first_byte = _ms(asked)
            with closing(reply):
                return self._answer(reply, max_answer)
        finally:
            connection.close()

    def addresses(self) -> list[Address]:
        """All the name's addresses, every one of them allowed. Raises Refused, OSError, _Late."""
        begun = time.monotonic()
        found = resolve(self.target.host, self.target.port, timeout=self.left())
        self.timing.dns = _ms(begun)
        for address in found:
            if why := refusal(address, self.allowed):
                raise Refused(
                    _("%(host)s resolves to %(address)s, %(kind)s.")
                    % {"host": self.target.host, "address": address, "kind": why}
                )
        return found[:MOST_ADDRESSES]

    def left(self) -> float:
        """Seconds until the deadline. Raises _Late when there are none."""
        left = self.ends - time.monotonic()
        if left <= 0:
            raise _Late
        return left

    def failed(self, reason: str, *, answer: Answer | None = None) -> Failed:
        self.timing.total = _ms(self.started)
        return Failed(reason, timing=self.timing, address=self.address, answer=answer)

    def late_words(self, deadline: float) -> str:
        words = {"host": self.target.host, "seconds": f"{deadline:g}"}
        if self.timing.dns is None:
            return _("The name %(host)s was not resolved within %(seconds)s seconds.") % words
        if self.timing.connect is None or (self.target.scheme == "https" and self.timing.tls is None):
            return _("%(host)s did not accept the connection within %(seconds)s seconds.") % words
        return _("%(host)s had not answered completely after %(seconds)s seconds.") % words

    def _headers(self, given: Mapping[str, str]) -> dict[str, str]:
        headers = {"User-Agent": "Moorage", "Accept": "*/*", "Accept-Encoding": "identity", "Connection": "close"}
        if self.target.authorization:
            headers["Authorization"] = self.target.authorization
        for name, value in given.items():
            if not _HEADER_NAME.fullmatch(name) or not _HEADER_VALUE.fullmatch(value):
                raise Refused(_("The header %(name)s holds characters that may not be sent.") % {"name": repr(name)})
        replaced = {name.lower() for name in given}
        return {name: value for name, value in headers.items() if name.lower() not in replaced} | dict(given)

    def _answer(self, reply: http.client.HTTPResponse, most: int) -> Answer:
        kept, late, broken = io.BytesIO(), False, False
        try:
            while (room := most + 1 - kept.tell()) > 0 and (piece := reply.read1(min(room, 16384))):
                kept.write(piece)
        except (TimeoutError, _Late):
            late = True
        except (OSError, http.client.HTTPException):
            broken = True  # the status had arrived, and that is what the caller decides on
        body = kept.getvalue()
        cut = late or broken or len(body) > most or bool(reply.length)
        self.timing.total = _ms(self.started)
        answer = Answer(reply.status, tuple(reply.getheaders()), body[:most], cut, self.address, self.timing)
        if late:
            raise _Late(answer)
        return answer


class _Reply(http.client.HTTPResponse):
    """Counts the head's bytes, and notices when the head ends by a lost connection instead of an empty line.

    Without that, a receiver that is cut off in its headers reads as "200, empty body".
    """

    def begin(self) -> None:
        reader = self.fp
        head = _Head(reader)
        self.fp = head  # type: ignore[assignment] # it asks for lines, and closes
        try:
            super().begin()
        finally:
            if self.fp is not None:  # closed already when the head was bad
                self.fp = reader
        if head.ended:
            raise http.client.IncompleteRead(b"")


class _Head:
    def __init__(self, reader: io.BufferedIOBase) -> None:
        self._reader = reader
        self._size = 0
        self.ended = False

    def readline(self, limit: int = -1) -> bytes:
        line = self._reader.readline(limit)
        self._size += len(line)
        self.ended = not line
        if self._size > LONGEST_HEAD:
            raise http.client.LineTooLong("head")
        return line

    def flush(self) -> None:
        self._reader.flush()

    def close(self) -> None:
        self._reader.close()


class _Timed:
    """A socket whose every wait ends at one moment, however small the pieces in which the other side answers."""

    ends: float = math.inf

    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        self._wait()
        return super().recv_into(*args, **kwargs)  # type: ignore[misc,no-any-return]

    def sendall(self, *args: Any, **kwargs: Any) -> None:
        self._wait()
        super().sendall(*args, **kwargs)  # type: ignore[misc]

    def _wait(self) -> None:
        left = self.ends - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self.settimeout(left)  # type: ignore[attr-defined]


class _TimedSocket(_Timed, socket.socket):
    pass


class _TimedTLSSocket(_Timed, ssl.SSLSocket):
    pass


class _Connection(http.client.HTTPConnection):
    """Connects to an address that was checked, and speaks with the name: Host, SNI and certificate stay the URL's."""

    response_class = _Reply

    def __init__(self, exchange: _Exchange) -> None:
        self.exchange = exchange
        # http.client leaves the port out of the Host header when it is the default one of this class.
        self.default_port = 443 if exchange.target.scheme == "https" else 80
        super().__init__(exchange.target.host, exchange.target.port)

    def connect(self) -> None:
        exchange = self.exchange
        sock = self._first_that_answers(exchange.addresses())
        if exchange.target.scheme == "https":
            sock = self._secured(sock)
        self.sock = sock

    def _first_that_answers(self, addresses: list[Address]) -> socket.socket:
        """The next address gets its chance while the first one's share of the time is running out on nothing."""
        begun, last = time.monotonic(), OSError()
        for left_over, address in zip(range(len(addresses), 0, -1), addresses, strict=True):
            self.exchange.address = str(address)
            try:
                sock = self._connected(address, timeout=self.exchange.left() / left_over)
            except OSError as error:
                last = error
                continue
            self.exchange.timing.connect = _ms(begun)
            return sock
        raise last

    def _connected(self, address: Address, *, timeout: float) -> socket.socket:
        sock = _TimedSocket(socket.AF_INET if address.version == 4 else socket.AF_INET6, socket.SOCK_STREAM)
        try:
            sock.settimeout(timeout)
            sock.connect((str(address), self.exchange.target.port))
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except BaseException:
            sock.close()
            raise
        sock.ends = self.exchange.ends
        return sock

    def _secured(self, sock: socket.socket) -> socket.socket:
        begun = time.monotonic()
        try:
            sock.settimeout(self.exchange.left())
            name = self.exchange.target.host.rstrip(".")
            secured = _tls_context(self.exchange.ca_file).wrap_socket(sock, server_hostname=name)
        except BaseException:
            sock.close()
            raise
        secured.ends = self.exchange.ends  # type: ignore[attr-defined] # the context makes them of our class
        self.exchange.timing.tls = _ms(begun)
        return secured


@lru_cache(maxsize=8)
def _tls_context(ca_file: str | None) -> ssl.SSLContext:
    """Kept: building one reads some 140 certificates. The system's authorities, certifi's and the operator's own."""
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    if ca_file:
        context.load_verify_locations(ca_file)
    context.sslsocket_class = _TimedTLSSocket
    return context


def resolve(host: str, port: int, *, timeout: float) -> list[Address]:
    """The host's addresses in the system's order, without repeats. Raises OSError, or _Late after the timeout.

    In a thread of its own, since getaddrinfo cannot be interrupted; the resolver's own timeouts end that thread.
    """
    results: SimpleQueue[list[Any] | OSError] = SimpleQueue()

    def ask() -> None:
        try:
            results.put(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            results.put(error if isinstance(error, OSError) else OSError(str(error)))

    threading.Thread(target=ask, name="resolve", daemon=True).start()
    try:
        found = results.get(timeout=timeout)
    except Empty:
        raise _Late from None
    if isinstance(found, OSError):
        raise found
    return list(dict.fromkeys(ip_address(entry[4][0]) for entry in found))


def _ms(since: float) -> int:
    return round((time.monotonic() - since) * 1000)


def _tls_words(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return _("The certificate was not accepted: %(why)s.") % {"why": error.verify_message.rstrip(".")}
    return _("The TLS connection failed: %(why)s.") % {"why": (error.reason or "unknown").replace("_", " ").lower()}


def _broken_words(error: OSError | http.client.HTTPException) -> str:
    match error:
        case socket.gaierror():
            return _("The host name could not be resolved.")
        case ConnectionRefusedError():
            return _("The connection was refused: nothing listens at that address and port.")
        case TimeoutError():
            return _("The connection was not accepted in time.")
        case http.client.RemoteDisconnected():
            return _("The connection was closed without an answer.")
        case http.client.LineTooLong():
            return _("The answer's headers are too long.")
        case http.client.IncompleteRead() | ConnectionError():
            return _("The connection broke off before the answer was complete.")
        case http.client.HTTPException():
            return _("The answer is not HTTP.")
        case _:
            return _("The connection failed: %(why)s.") % {"why": error.strerror or type(error).__name__}
