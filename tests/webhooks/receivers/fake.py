"""A receiver for tests.system.receiver, around a reader."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.system.receiver import Handler, Received

Understood = dict[str, Any]
Reader = Callable[[Received], Understood]


class Refused(Exception):
    """The receiver answers with `status`, and does nothing."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


@dataclass
class Fake:
    """Behaves so on a path; keeps what it understood."""

    read: Reader
    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    understood: list[Understood] = field(default_factory=list)

    def __call__(self, handler: Handler) -> None:
        received = handler.receiver.got(handler.path)[-1]
        try:
            understood = self.read(received)
        except Refused as refused:
            handler.answer(refused.status, str(refused).encode())
            return
        self.understood.append(understood)
        handler.answer(self.status, self.body, dict(self.headers))


def header(received: Received, name: str) -> str:
    return next((value for key, value in received.headers.items() if key.lower() == name.lower()), "")


def query(received: Received) -> dict[str, list[str]]:
    return parse_qs(urlsplit(received.path).query, strict_parsing=True) if "?" in received.path else {}


def require(condition: object, status: int, why: str) -> None:
    if not condition:
        raise Refused(status, why)
