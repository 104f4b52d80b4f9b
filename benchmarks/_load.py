"""A bounded load generator for loopback: a fixed number of kept connections, an end in requests and in seconds.

One thread and raw sockets, so that it takes little of the machine that the server under test runs on.
"""

import selectors
import socket
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Request:
    """The bytes of one request, made once, and the status that its answer must have."""

    name: str
    data: bytes
    status: int = 200


@dataclass(frozen=True)
class Result:
    """`cpu` is what the server's processes used, in milliseconds per request."""

    name: str
    requests: int
    seconds: float
    latencies: Sequence[float]
    cpu: float

    @property
    def rate(self) -> float:
        return self.requests / self.seconds

    def percentile(self, share: float) -> float:
        """In milliseconds."""
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1000


class Wrong(Exception):
    """An answer that is not the one to be measured: then the figure would be about something else."""


class _Connection:
    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.received = b""
        self.started = 0.0

    def send(self, data: bytes) -> None:
        self.received = b""
        self.started = time.perf_counter()
        self.socket.sendall(data)

    def read(self) -> int | None:
        """The status once the answer is complete."""
        piece = self.socket.recv(65536)
        if not piece:
            raise Wrong("The server closed the connection.")
        self.received += piece
        head, separator, body = self.received.partition(b"\r\n\r\n")
        if not separator:
            return None
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
        return int(head[9:12]) if len(body) >= length else None


def measure(
    request: Request, *, port: int, connections: int, seconds: float, most: int, cpu: Callable[[], float]
) -> Result:
    """Keep `connections` requests on their way for `seconds`, or until `most` were answered. Raises Wrong."""
    selector = selectors.DefaultSelector()
    opened = [_Connection(port) for _number in range(connections)]
    latencies: list[float] = []
    used, started = cpu(), time.perf_counter()
    end = started + seconds
    try:
        for connection in opened:
            selector.register(connection.socket, selectors.EVENT_READ, connection)
            connection.send(request.data)
        on_their_way = connections
        while on_their_way:
            for key, _events in selector.select(timeout=10):
                connection = key.data
                status = connection.read()
                if status is None:
                    continue
                now = time.perf_counter()
                latencies.append(now - connection.started)
                if status != request.status:
                    raise Wrong(f"{request.name}: {connection.received[:300]!r}")
                if now < end and len(latencies) + on_their_way <= most:
                    connection.send(request.data)
                else:
                    on_their_way -= 1
    finally:
        for connection in opened:
            connection.socket.close()
        selector.close()
    elapsed = time.perf_counter() - started
    return Result(request.name, len(latencies), elapsed, latencies, (cpu() - used) * 1000 / len(latencies))


def cpu_seconds(pid: int) -> float:
    """User and system time of a process and its descendants so far. Linux only."""
    ticks, waiting = 0, [pid]
    while waiting:
        parent = waiting.pop()
        fields = Path(f"/proc/{parent}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
        for children in Path(f"/proc/{parent}/task").glob("*/children"):
            waiting.extend(int(child) for child in children.read_text().split())
    return ticks / 100


def median(values: Sequence[float]) -> float:
    return statistics.median(values)
