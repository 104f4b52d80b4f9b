"""Asking for a name's addresses, without waiting longer than the caller can."""

import socket
import threading
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any

from portal.kit.http.addresses import Address, literal_address


class Late(Exception):
    """The deadline passed. `answer` is what had arrived of it."""

    def __init__(self, answer: Any = None) -> None:
        super().__init__()
        self.answer = answer


@dataclass
class _Lookup:
    over: threading.Event = field(default_factory=threading.Event)
    found: list[Any] = field(default_factory=list)
    error: OSError | None = None


_lock = threading.Lock()  # held for the table alone, never while anybody waits
_under_way: dict[tuple[str, int], _Lookup] = {}


def resolve(host: str, port: int, *, timeout: float) -> list[Address]:
    """The host's addresses in the system's order, without repeats. Raises OSError, or Late after the timeout.

    In a thread, since getaddrinfo cannot be interrupted; the resolver's own timeouts end that thread. Who asks for a
    name that is being asked for shares the answer, so that a dead name server costs a thread for each name, and not for
    each request. Nothing is kept once it is known. A host that is an address already needs no thread.
    """
    address = literal_address(host)
    if address is not None:
        return [address]
    lookup = _shared(host, port)
    if not lookup.over.wait(timeout):
        raise Late
    if lookup.error is not None:
        raise type(lookup.error)(*lookup.error.args)  # each waiter its own, with its own traceback
    return list(dict.fromkeys(ip_address(entry[4][0]) for entry in lookup.found))


def _shared(host: str, port: int) -> _Lookup:
    key = (host, port)
    with _lock:
        lookup = _under_way.get(key)
        if lookup is not None:
            return lookup
        lookup = _under_way[key] = _Lookup()
    try:
        threading.Thread(target=_ask, args=(key, lookup), name="resolve", daemon=True).start()
    except RuntimeError:  # the system gives no more threads
        _end(key, lookup, error=OSError("no thread to resolve it"))
    return lookup


def _ask(key: tuple[str, int], lookup: _Lookup) -> None:
    host, port = key
    error: OSError | None = None
    try:
        lookup.found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as failed:
        error = failed
    except Exception as failed:  # noqa: BLE001  whatever it is, nobody shall wait for it until the deadline
        error = OSError(str(failed))
    _end(key, lookup, error=error)


def _end(key: tuple[str, int], lookup: _Lookup, *, error: OSError | None) -> None:
    lookup.error = error
    with _lock:
        del _under_way[key]
    lookup.over.set()
