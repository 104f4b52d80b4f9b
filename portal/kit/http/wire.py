"""Sockets whose waits all end at one moment, and answers' heads that cannot grow without end."""

import http.client
import io
import math
import socket
import ssl
import threading
import time
from functools import lru_cache
from typing import Any

import certifi

LONGEST_HEAD = 65536  # bytes of status lines and headers; http.client alone would take 100 lines of 64 KB
MOST_READ = 1 << 20
"""Bytes taken from a connection, whatever they are: a chunk of one byte can carry 64 KB of extensions."""


class TooMuch(OSError):
    """More came than MOST_READ."""


class Reply(http.client.HTTPResponse):
    """Counts the head's bytes, and notices when the head ends by a lost connection instead of an empty line.

    Without that, a receiver that is cut off in its headers reads as "200, empty body".
    """

    def begin(self) -> None:
        reader = self.fp
        head = _Head(reader)
        self.fp = head  # type: ignore[assignment] # it asks for lines, and closes
        try:
            super().begin()
            while self._is_interim():
                self.headers = self.msg = None  # type: ignore[assignment] # as before it began
                super().begin()
        finally:
            if self.fp is not None:  # closed already when the head was bad
                self.fp = reader
        if head.ended:
            raise http.client.IncompleteRead(b"")

    def _is_interim(self) -> bool:
        """One of those before the answer (RFC 9110, 15.2). http.client itself passes over 100 only; nobody asked for
        101. They all count as one head, so that an endless row of them ends.
        """
        return 100 <= self.status < 200 and self.status != 101


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
    left_to_read: int = MOST_READ

    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        self._wait()
        got: int = super().recv_into(*args, **kwargs)  # type: ignore[misc]
        self.left_to_read -= got
        if self.left_to_read < 0:
            raise TooMuch
        return got

    def sendall(self, *args: Any, **kwargs: Any) -> None:
        self._wait()
        super().sendall(*args, **kwargs)  # type: ignore[misc]

    def _wait(self) -> None:
        left = self.ends - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self.settimeout(left)  # type: ignore[attr-defined]


class TimedSocket(_Timed, socket.socket):
    pass


class TimedTLSSocket(_Timed, ssl.SSLSocket):
    def send(self, data: Any, flags: int = 0) -> int:
        """What `sendall` calls for each record, and each could wait for the whole time-out."""
        self._wait()
        return super().send(data, flags)


def tls_context(ca_file: str | None) -> ssl.SSLContext:
    """The system's authorities, certifi's and the operator's own; the file is read once. Raises OSError for it.

    Kept: building one reads some 140 certificates, and takes some 10 ms. One thread does it, the others wait for that.
    """
    with _building:
        return _kept_context(ca_file)


_building = threading.Lock()


@lru_cache(maxsize=8)
def _kept_context(ca_file: str | None) -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    if ca_file:
        context.load_verify_locations(ca_file)
    context.sslsocket_class = TimedTLSSocket
    return context
