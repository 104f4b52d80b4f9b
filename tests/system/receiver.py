"""A webhook receiver on loopback: records what it gets, and misbehaves on request."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Received:
    path: str
    headers: dict[str, str]
    body: bytes
    at: float

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def tag(self) -> str:
        return str(self.json["push_data"]["tag"])

    @property
    def webhook_id(self) -> str:
        return {name.lower(): value for name, value in self.headers.items()}["webhook-id"]


Behaviour = Callable[["Handler"], None]


@dataclass
class Receiver:
    """Answers 200 on every path, unless `on` set something else for it."""

    port: int = 0
    _behaviours: dict[str, Behaviour] = field(default_factory=dict)
    _received: list[Received] = field(default_factory=list)
    _changed: threading.Condition = field(default_factory=threading.Condition)
    stopped: threading.Event = field(default_factory=threading.Event)

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def on(self, path: str, behaviour: Behaviour) -> str:
        """Behave so on that path from now on; its URL."""
        self._behaviours[path] = behaviour
        return self.url(path)

    def behaviour(self, path: str) -> Behaviour:
        return self._behaviours.get(path, status(200))

    def got(self, path: str) -> list[Received]:
        with self._changed:
            return [one for one in self._received if one.path == path]

    def wait(self, path: str, count: int = 1, *, timeout: float = 10) -> list[Received]:
        """What came to the path, once it is `count` requests. Fails after `timeout` seconds."""
        with self._changed:
            found = self._changed.wait_for(
                lambda: sum(one.path == path for one in self._received) >= count, timeout=timeout
            )
        assert found, f"{path} got {len(self.got(path))} requests in {timeout} s, not {count}"
        return self.got(path)

    def record(self, received: Received) -> None:
        with self._changed:
            self._received.append(received)
            self._changed.notify_all()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    receiver: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.receiver.record(Received(self.path, dict(self.headers.items()), body, time.monotonic()))
        self.close_connection = True
        with suppress(OSError):
            self.receiver.behaviour(self.path)(self)

    def do_GET(self) -> None:
        self.do_POST()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the base class names it so
        """Silent."""

    def answer(self, code: int, body: bytes = b"", headers: dict[str, str] | None = None) -> None:
        self.send_response(code)
        for name, value in ({"Content-Length": str(len(body))} | (headers or {})).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


def status(code: int, body: bytes = b"", headers: dict[str, str] | None = None) -> Behaviour:
    return lambda handler: handler.answer(code, body, headers)


def hang(seconds: float = 60) -> Behaviour:
    """Say nothing, until the receiver stops."""

    def behave(handler: Handler) -> None:
        handler.receiver.stopped.wait(seconds)

    return behave


class Gate:
    """Requests wait before it until it is opened, and are answered with 200 then, as all that come later."""

    def __init__(self) -> None:
        self._entered = threading.Semaphore(0)
        self._opened = threading.Event()

    def wait(self, *, timeout: float = 20) -> None:
        """Until one more request stands before it."""
        assert self._entered.acquire(timeout=timeout), f"nobody came to the gate in {timeout:g} s"

    def open(self) -> None:
        self._opened.set()

    def __call__(self, handler: "Handler") -> None:
        self._entered.release()
        while not self._opened.wait(0.05) and not handler.receiver.stopped.is_set():
            pass
        handler.answer(200)


class Away:
    """Answers 503 until it is back."""

    def __init__(self) -> None:
        self.is_back = threading.Event()

    def __call__(self, handler: "Handler") -> None:
        handler.answer(200 if self.is_back.is_set() else 503)


@dataclass
class Slow:
    """Answers after so many seconds, and notes how many requests were there at the same time at most."""

    seconds: float
    at_once: int = 0
    most_at_once: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, handler: "Handler") -> None:
        with self._lock:
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        handler.receiver.stopped.wait(self.seconds)
        with self._lock:
            self.at_once -= 1
        handler.answer(200)


def hang_once(entered: threading.Event, seconds: float = 60) -> Behaviour:
    """The first request hangs, having set `entered`; the others are answered with 200."""
    lock, first = threading.Lock(), [True]

    def behave(handler: Handler) -> None:
        with lock:
            is_first, first[0] = first[0], False
        if is_first:
            entered.set()
            handler.receiver.stopped.wait(seconds)
        else:
            handler.answer(200)

    return behave


def drip(*, every: float = 0.2) -> Behaviour:
    """A good status at once, then a byte now and then."""

    def behave(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "100000")
        handler.end_headers()
        while not handler.receiver.stopped.wait(every):
            handler.wfile.write(b"x")
            handler.wfile.flush()

    return behave


def redirect(to: str) -> Behaviour:
    return status(302, headers={"Location": to})


def huge(size: int = 10 * 1024 * 1024) -> Behaviour:
    def behave(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(size))
        handler.end_headers()
        piece = b"x" * 65536
        for _ in range(size // len(piece)):
            handler.wfile.write(piece)

    return behave


def bomb(lines: int = 100_000) -> Behaviour:
    """Headers without end."""

    def behave(handler: Handler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
        for number in range(lines):
            handler.wfile.write(b"X-Bomb-%d: %s\r\n" % (number, b"x" * 1000))

    return behave


def old(code: int = 200, body: bytes = b"ok") -> Behaviour:
    """HTTP/1.0, without a length: the answer ends where the connection does."""

    def behave(handler: Handler) -> None:
        handler.wfile.write(b"HTTP/1.0 %d Fine\r\n\r\n%s" % (code, body))

    return behave


def fail(times: int, code: int = 500) -> Behaviour:
    """The first `times` requests are answered with `code`, the others with 200."""
    lock, left = threading.Lock(), [times]

    def behave(handler: Handler) -> None:
        with lock:
            left[0] -= 1
            failing = left[0] >= 0
        handler.answer(code if failing else 200, b"no" if failing else b"yes")

    return behave


@contextmanager
def receiving() -> Iterator[Receiver]:
    receiver = Receiver()
    handler = type("BoundHandler", (Handler,), {"receiver": receiver})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    receiver.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield receiver
    finally:
        receiver.stopped.set()
        server.shutdown()
        server.server_close()
        thread.join(timeout=5)
