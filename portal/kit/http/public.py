"""The profile for addresses that customers typed: one guarded request, never a redirect, one deadline for everything.

Written on `http.client`, since what a bigger library adds is what has to be off here: proxies and credentials from the
environment, redirects, unpacking, retries, kept connections.
"""

import http.client
import io
import re
import socket
import time
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, field

from django.utils.translation import gettext as _

from portal.kit.http import words
from portal.kit.http.addresses import Address, Network, refusal
from portal.kit.http.own import NOTHING, Own, own_words
from portal.kit.http.resolving import Late, resolve
from portal.kit.http.targets import Refused, Target, parse_target
from portal.kit.http.wire import Reply, TimedSocket, tls_context

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
    own: Own = NOTHING,
    ca_file: str | None = None,
) -> Answer:
    """One request to a customer's URL. Raises Refused or Failed; any HTTP status, 3xx included, is an answer.

    The name is resolved once, refused if any of its addresses is, and connected at those very addresses. `deadline` is
    in seconds and covers name, connection, TLS and answer together; memory is bounded by `max_answer` and LONGEST_HEAD.
    `own`: what is refused whichever networks are allowed. `ca_file`: authorities that are trusted besides the system's.
    """
    exchange = _Exchange(
        parse_target(url), deadline=deadline, allowed=tuple(allowed_networks), own=own, ca_file=ca_file
    )
    try:
        return exchange.run(method, body, headers or {}, max_answer)
    except Late as late:
        raise exchange.failed(words.late(exchange.step, exchange.target.host, deadline), answer=late.answer) from late
    except (OSError, http.client.HTTPException) as error:
        raise exchange.failed(words.broken(exchange.step, exchange.target.host, error)) from error


@dataclass
class _Exchange:
    """One request under way: the clock, and how far it got."""

    target: Target
    deadline: float
    allowed: tuple[Network, ...]
    own: Own
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
                reply = self._reply(connection, method, body, headers)
            except TimeoutError as error:
                raise Late from error
            with closing(reply):
                return self._answer(reply, max_answer)
        finally:
            connection.close()

    def _reply(
        self, connection: "_Connection", method: str, body: bytes, headers: Mapping[str, str]
    ) -> http.client.HTTPResponse:
        """Also of a receiver that answers and hangs up before it has read everything, as with 413."""
        unsent: ConnectionError | None = None
        try:
            connection.request(method, self.target.path, body=body, headers=self._headers(headers))
        except (BrokenPipeError, ConnectionResetError) as error:
            if connection.sock is None:
                raise
            unsent = error
        asked = time.monotonic()
        try:
            reply = connection.getresponse()
        except (ConnectionError, http.client.HTTPException) as error:
            raise unsent or error from error
        self.timing.first_byte = _ms(asked)
        return reply

    def addresses(self) -> list[Address]:
        """All the name's addresses, every one of them allowed. Raises Refused, OSError, Late."""
        host, port = self.target.host, self.target.port
        if self.own.is_named(host, port):
            raise Refused(own_words(host, port))
        begun = time.monotonic()
        found = resolve(host, port, timeout=self.left())
        self.timing.dns = _ms(begun)
        for address in found:
            if why := refusal(address, self.allowed):
                raise Refused(
                    _("%(host)s resolves to %(address)s, %(kind)s.") % {"host": host, "address": address, "kind": why}
                )
            if self.own.is_at(address, port, timeout=self.left()):
                raise Refused(own_words(host, port))
        return found[:MOST_ADDRESSES]

    def left(self) -> float:
        """Seconds until the deadline. Raises Late when there are none."""
        left = self.ends - time.monotonic()
        if left <= 0:
            raise Late
        return left

    def failed(self, reason: str, *, answer: Answer | None = None) -> Failed:
        self.timing.total = _ms(self.started)
        return Failed(reason, timing=self.timing, address=self.address, answer=answer)

    @property
    def step(self) -> words.Step:
        if self.timing.dns is None:
            return "dns"
        if self.timing.connect is None:
            return "connect"
        return "tls" if self.target.scheme == "https" and self.timing.tls is None else "answer"

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
        except (TimeoutError, Late):
            late = True
        except (OSError, http.client.HTTPException):
            broken = True  # the status had arrived, and that is what the caller decides on
        body = kept.getvalue()
        cut = late or broken or len(body) > most or bool(reply.length)
        self.timing.total = _ms(self.started)
        answer = Answer(reply.status, tuple(reply.getheaders()), body[:most], cut, self.address, self.timing)
        if late:
            raise Late(answer)
        return answer


class _Connection(http.client.HTTPConnection):
    """Connects to an address that was checked, and speaks with the name: Host, SNI and certificate stay the URL's."""

    response_class = Reply

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
        sock = TimedSocket(socket.AF_INET if address.version == 4 else socket.AF_INET6, socket.SOCK_STREAM)
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
            secured = tls_context(self.exchange.ca_file).wrap_socket(sock, server_hostname=name)
        except BaseException:
            sock.close()
            raise
        secured.ends = self.exchange.ends  # type: ignore[attr-defined] # the context makes them of our class
        self.exchange.timing.tls = _ms(begun)
        return secured


def _ms(since: float) -> int:
    return round((time.monotonic() - since) * 1000)
