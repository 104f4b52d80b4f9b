"""How a document writes times, addresses, and what an event says."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from django.conf import settings

Document = dict[str, Any]


def time_of(moment: datetime) -> str:
    """RFC 3339, UTC, milliseconds."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def text(values: Mapping[str, Any], name: str) -> str:
    """Empty for what an event does not say, or says otherwise than it does today."""
    value = values.get(name, "")
    return value if isinstance(value, str) else ""


def number(values: Mapping[str, Any], name: str) -> int:
    value = values.get(name, 0)
    return value if isinstance(value, int) else 0


def texts(values: Mapping[str, Any], name: str) -> list[str]:
    value = values.get(name, [])
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


def registry() -> str:
    """The host that images are pulled from, with its port."""
    return str(settings.PUBLIC_URL).partition("://")[2]


def page(path: str) -> str:
    """The whole URL of a page. `path` begins with a slash."""
    return f"{settings.PUBLIC_URL}{path}"


def short_digest(digest: str) -> str:
    """The first 12 digits, as docker shows them."""
    return digest.partition(":")[2][:12] or digest
