"""Reads what may have any shape: configs and annotations are whatever somebody pushed. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

SHORT = 300
LONG = 20_000
"""Characters of one value that a page holds; the whole is in the config."""


@dataclass(frozen=True, slots=True)
class Value:
    """Text with a short form of it for what is folded; `url` where it is an address that a browser may follow."""

    text: str
    url: str = ""

    @property
    def is_long(self) -> bool:
        return len(self.text) > SHORT

    @property
    def short(self) -> str:
        return self.text[:SHORT] + "…" if self.is_long else self.text

    @property
    def shown(self) -> str:
        return self.text[:LONG] + "…" if len(self.text) > LONG else self.text


def linked(text: str) -> Value:
    """With its address, if it is one of the web."""
    return Value(text, text if is_web_address(text) else "")


def is_web_address(text: str) -> bool:
    """http and https only: `javascript:` and its like run in our page."""
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.netloc) and not any(c.isspace() for c in text)


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def mapped(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def told(value: Any) -> str:
    """A text or a number as text; empty for anything else."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    return str(value)
