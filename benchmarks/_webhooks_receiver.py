"""Many receivers in one process: `python -m benchmarks._webhooks_receiver PORT`. It listens on every loopback address.

What it does is in the path: `/ok` answers at once, `/hang` never, `/turn` at once until it was told to turn. GET `/-/…`
are for the benchmark: `/-/count`, `/-/drain` (what came, and forget it), `/-/turn`.
"""

import asyncio
import contextlib
import json
import sys
import time
from dataclasses import dataclass, field
from typing import Any

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"
Arrival = tuple[str, str, float]
"""The path, the payload's tag, and when its first byte was here by the machine's monotonic clock."""


@dataclass
class Seen:
    arrivals: list[Arrival] = field(default_factory=list)
    turned: bool = False


class Connection(asyncio.Protocol):
    def __init__(self, seen: Seen) -> None:
        self._seen, self._received, self._at = seen, b"", 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._at = self._at or time.monotonic()
        self._received += data
        head, found, body = self._received.partition(b"\r\n\r\n")
        if not found:
            return
        length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
        if len(body) >= int(length or b"0"):
            self._asked(head.split(b" ", 2)[1].decode(), body)

    def _asked(self, path: str, body: bytes) -> None:
        if path.startswith("/-/"):
            self._tell(path[3:])
            return
        self._seen.arrivals.append((path, _tag(body), self._at))
        if path.startswith("/hang") or (path.startswith("/turn") and self._seen.turned):
            return
        self._transport.write(ANSWER)
        self._transport.close()

    def _tell(self, wanted: str) -> None:
        told: Any = len(self._seen.arrivals)
        if wanted == "drain":
            told, self._seen.arrivals = self._seen.arrivals, []
        elif wanted == "turn":
            self._seen.turned = True
        content = json.dumps(told).encode()
        self._transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(content), content))
        self._transport.close()


def _tag(body: bytes) -> str:
    return str(json.loads(body)["push_data"]["tag"])


async def main(port: int) -> None:
    seen = Seen()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(seen), "0.0.0.0", port, backlog=4096)
    await server.serve_forever()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(main(int(sys.argv[1])))
