"""Reading a customer's URL: its shape, its scheme and port, and what can be refused without asking DNS."""

import base64
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address
from urllib.parse import SplitResult, quote, unquote, urlsplit

from django.utils.translation import gettext as _

from portal.kit.http.addresses import Address, Network, literal_address, refusal
from portal.kit.http.own import NOTHING, Own, own_words

LONGEST_URL = 8000
"""What a server must understand at least (RFC 9110, 4.1)."""

_DEFAULT_PORTS = {"http": 80, "https": 443}
_NOT_IN_A_URL = re.compile(r"[\x00-\x20\x7f\\]")
_HOST_NAME = re.compile(
    r"(?=.{1,253}\Z)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*\.?"
)
_LOOPBACKS: tuple[Address, Address] = (IPv4Address("127.0.0.1"), IPv6Address("::1"))


class Refused(Exception):
    """The URL may not be called at all: trying again cannot help. Its text is for users and holds no password.

    Deliberately no OSError, which every HTTP library would report as a lost connection.
    """


@dataclass(frozen=True, slots=True)
class Target:
    """A URL taken apart. `host` is in ASCII and without brackets, `path` includes the query."""

    scheme: str
    host: str
    port: int
    path: str
    authorization: str = field(default="", repr=False)


def parse_target(url: str) -> Target:
    """Scheme, host, port, path; user and password of the URL as a Basic header. Raises Refused.

    Ports: 80, 443, and 1024 upwards. The others below 1024 belong to mail, shells and name servers, which nobody
    calls as a webhook and which an HTTP request can be made to talk to.
    """
    if not url or len(url) > LONGEST_URL or _NOT_IN_A_URL.search(url):
        raise Refused(
            _("The URL must have 1 to %(most)d characters, without spaces and backslashes.") % {"most": LONGEST_URL}
        )
    parts, port = _split(url)
    scheme = parts.scheme.lower()
    if scheme not in _DEFAULT_PORTS:
        raise Refused(_("The URL must begin with https:// or http://."))
    host = _ascii_host(parts.hostname or "")
    if port is None:
        port = _DEFAULT_PORTS[scheme]
    if port < 1024 and port not in _DEFAULT_PORTS.values():
        raise Refused(_("Port %(port)d is not allowed: use 80, 443 or one from 1024 upwards.") % {"port": port})
    return Target(scheme, host, port, _path(parts), _basic(parts))


def check_url(url: str, *, allowed_networks: Iterable[Network] = (), own: Own = NOTHING) -> Target:
    """What can be said of a URL when it is saved: raises Refused for a wrong shape, a refused literal address, or one
    of our own names.

    Asks no DNS: a name is judged when it is called, each time anew.
    """
    target = parse_target(url)
    if own.is_named(target.host, target.port):
        raise Refused(own_words(target.host, target.port))
    allowed = tuple(allowed_networks)
    if target.host.rstrip(".") == "localhost" or target.host.rstrip(".").endswith(".localhost"):
        if all(refusal(address, allowed) for address in _LOOPBACKS):
            raise Refused(_("%(host)s is this server itself.") % {"host": target.host})
        return target
    address = literal_address(target.host)
    if address is not None and (why := refusal(address, allowed)):
        raise Refused(_("%(host)s is %(kind)s.") % {"host": target.host, "kind": why})
    return target


def _split(url: str) -> tuple[SplitResult, int | None]:
    try:
        parts = urlsplit(url)
        return parts, parts.port
    except ValueError as error:
        raise Refused(_("The URL's host or port cannot be read.")) from error


def _ascii_host(host: str) -> str:
    """The name that DNS, the certificate check and the Host header all use, so that they cannot disagree."""
    if ":" in host:
        try:
            return str(IPv6Address(host))
        except ValueError as error:
            raise Refused(_("The URL's host is not an IPv6 address.")) from error
    try:
        name = host.encode("idna").decode("ascii").lower()
    except UnicodeError:
        name = ""
    if not _HOST_NAME.fullmatch(name):
        raise Refused(_("The URL needs a host name, such as ci.example.org."))
    return name


def _path(parts: SplitResult) -> str:
    path = quote(parts.path or "/", safe="%/:=&?~#+!$,;'@()*[]")
    query = quote(parts.query, safe="%/:=&?~#+!$,;'@()*[]")
    return f"{path}?{query}" if query else path


def _basic(parts: SplitResult) -> str:
    if parts.username is None and parts.password is None:
        return ""
    pair = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}"
    return "Basic " + base64.b64encode(pair.encode()).decode("ascii")
