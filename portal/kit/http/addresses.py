"""Which addresses a customer's URL may lead to.

The ranges are listed, not asked of `ipaddress.is_global`: Python 3.11 calls 192.0.0.8, 64:ff9b::/96, 2002::/16,
3fff::/20 and 5f00::/16 global. They follow IANA's special-purpose registries (RFC 6890 and its updates).
"""

import socket
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_LOOPBACK = _("a loopback address")
_PRIVATE = _("a private address")
_LINK_LOCAL = _("a link-local address")
_RESERVED = _("an address reserved for special use")
_MULTICAST = _("a multicast address")
_EMBEDDED = _("an address that hides an IPv4 address")

_REFUSED_V4: tuple[tuple[IPv4Network, Promise | str], ...] = (
    (IPv4Network("127.0.0.0/8"), _LOOPBACK),
    (IPv4Network("10.0.0.0/8"), _PRIVATE),
    (IPv4Network("172.16.0.0/12"), _PRIVATE),
    (IPv4Network("192.168.0.0/16"), _PRIVATE),
    (IPv4Network("100.64.0.0/10"), _PRIVATE),  # carrier-grade NAT, and some clouds' metadata
    (IPv4Network("169.254.0.0/16"), _LINK_LOCAL),  # among them most clouds' metadata service
    (IPv4Network("0.0.0.0/8"), _RESERVED),  # "this host": Linux connects it to loopback
    (IPv4Network("192.0.0.0/24"), _RESERVED),
    (IPv4Network("192.0.2.0/24"), _RESERVED),
    (IPv4Network("192.88.99.0/24"), _RESERVED),
    (IPv4Network("198.18.0.0/15"), _RESERVED),
    (IPv4Network("198.51.100.0/24"), _RESERVED),
    (IPv4Network("203.0.113.0/24"), _RESERVED),
    (IPv4Network("224.0.0.0/4"), _MULTICAST),
    (IPv4Network("240.0.0.0/4"), _RESERVED),
)

# All public IPv6 lies in here; whatever does not, ::ffff:0:0/96 and 64:ff9b::/96 included, is refused without a list.
_PUBLIC_V6 = IPv6Network("2000::/3")
_REFUSED_V6: tuple[tuple[IPv6Network, Promise | str], ...] = (
    (IPv6Network("2001::/23"), _RESERVED),  # Teredo, ORCHID, benchmarking
    (IPv6Network("2001:db8::/32"), _RESERVED),
    (IPv6Network("2002::/16"), _EMBEDDED),  # 6to4
    (IPv6Network("3fff::/20"), _RESERVED),
)
_NAMED_V6: tuple[tuple[IPv6Network, Promise | str], ...] = (
    (IPv6Network("::1/128"), _LOOPBACK),
    (IPv6Network("::/128"), _RESERVED),
    (IPv6Network("::/96"), _EMBEDDED),  # IPv4-compatible
    (IPv6Network("::ffff:0:0/96"), _EMBEDDED),  # IPv4-mapped
    (IPv6Network("::ffff:0:0:0/96"), _EMBEDDED),  # IPv4-translated
    (IPv6Network("64:ff9b::/32"), _EMBEDDED),  # NAT64
    (IPv6Network("fc00::/7"), _PRIVATE),
    (IPv6Network("fe80::/10"), _LINK_LOCAL),
    (IPv6Network("fec0::/10"), _PRIVATE),
    (IPv6Network("ff00::/8"), _MULTICAST),
)


def refusal(address: Address, allowed: Iterable[Network] = ()) -> str:
    """Why the address may not be connected to, in words, or "" if it may.

    An allowed IPv4 network does not open its IPv4-mapped IPv6 twin: that has to be listed itself.
    """
    if any(address in network for network in allowed if network.version == address.version):
        return ""
    if isinstance(address, IPv4Address):
        return _first(address, _REFUSED_V4)
    if address.scope_id:
        return str(_LINK_LOCAL)
    if address in _PUBLIC_V6:
        return _first(address, _REFUSED_V6)
    return _first(address, _NAMED_V6) or str(_RESERVED)


def literal_address(host: str) -> Address | None:
    """The address a host already is, in any form the system's resolver takes: 127.1, 0x7f000001, 2130706433, 0177.1."""
    try:
        return ip_address(host)
    except ValueError:
        pass
    try:
        return IPv4Address(socket.inet_aton(host.rstrip(".")))
    except (OSError, ValueError):
        return None


def parse_networks(listed: Iterable[str]) -> tuple[Network, ...]:
    """Networks from the operator's list. A ValueError names the entry that is none."""
    return tuple(ip_network(entry.strip()) for entry in listed if entry.strip())


def _first(address: Address, table: Iterable[tuple[Network, Promise | str]]) -> str:
    return next((str(words) for network, words in table if address in network), "")
