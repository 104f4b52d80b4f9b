"""What no customer's URL may lead to, whichever networks are open: our own door, and what stands behind it."""

import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from ipaddress import IPv6Address

from django.utils.translation import gettext as _

from portal.kit.http.addresses import Address, literal_address
from portal.kit.http.resolving import Late, resolve

KEPT = 60.0
"""Seconds for which an inner name's addresses are kept."""
PATIENCE = 2.0
"""Seconds that looking for them may take: a name that cannot be resolved is compared as a name only."""

Endpoint = tuple[str, int]


@dataclass
class Own:
    """`doors`: host and port where people reach us. `inner`: our parts behind it, which nobody shall reach.

    A door is known by its name, since it looks at that itself, and its address may serve other sites, too. What stands
    behind it answers to whatever it is called, and is known by its addresses. Another port of the same host is
    somebody else.
    """

    doors: Iterable[Endpoint] = ()
    inner: Iterable[Endpoint] = ()
    _found: dict[Endpoint, tuple[float, list[Address]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.doors = frozenset((_name(host), port) for host, port in self.doors)
        self.inner = frozenset((_name(host), port) for host, port in self.inner)

    def is_named(self, host: str, port: int) -> bool:
        """Asks no DNS."""
        endpoint = (_name(host), port)
        if endpoint in self.doors or endpoint in self.inner:
            return True
        address = _literal(endpoint[0])
        return address is not None and any(
            each_port == port and _is_same(address, known)
            for each, each_port in (*self.doors, *self.inner)
            if (known := _literal(each)) is not None
        )

    def is_at(self, address: Address, port: int, *, timeout: float = PATIENCE) -> bool:
        """Whether an address that some name led to is ours. Resolves those of our names that have this port, now and
        then, for so many seconds at most.
        """
        if any(_is_same(address, known) for host, each in self.doors if each == port and (known := _literal(host))):
            return True
        return any(
            _is_same(address, known)
            for host, each in self.inner
            if each == port
            for known in self._addresses(host, each, timeout)
        )

    def _addresses(self, host: str, port: int, timeout: float) -> list[Address]:
        literal = _literal(host)
        if literal is not None:
            return [literal]
        until, found = self._found.get((host, port), (0.0, []))
        if time.monotonic() >= until:
            with suppress(OSError, Late):  # then what was known goes on to count
                found = resolve(host, port, timeout=min(timeout, PATIENCE))
            self._found[host, port] = (time.monotonic() + KEPT, found)
        return found


NOTHING = Own()


def own_words(host: str, port: int) -> str:
    return _("%(host)s, port %(port)d, belongs to this portal itself.") % {"host": host, "port": port}


def _name(host: str) -> str:
    return host.lower().strip("[]").rstrip(".")


def _literal(host: str) -> Address | None:
    if host == "localhost" or host.endswith(".localhost"):
        host = "127.0.0.1"
    return literal_address(host)


def _is_same(left: Address, right: Address) -> bool:
    """All of loopback is one: who listens at 0.0.0.0 is found at each of its addresses. 0.0.0.0 leads there, too."""
    left, right = _plain(left), _plain(right)
    return left == right or (_is_loopback(left) and _is_loopback(right))


def _plain(address: Address) -> Address:
    return (address.ipv4_mapped if isinstance(address, IPv6Address) else None) or address


def _is_loopback(address: Address) -> bool:
    return address.is_loopback or address.is_unspecified
