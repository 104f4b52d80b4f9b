"""How much one rendering may do."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from django.utils.translation import gettext as _

from repositories.webhooks.formats.errors import NotRendered

TEXT_MAX = 16_384
"""Characters of a template: previews show what nobody has checked yet."""
OUTPUT_MAX = 256 * 1024
"""Characters of a payload, and bytes."""
WORK_MAX = 4 * 1024 * 1024
"""Characters that filters may read and write: about 20 ms."""
ITEMS_MAX = 100
"""Turns of a loop."""


class Running:
    """One rendering: what it is about, and what it may still do."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.document = document
        self._left = WORK_MAX

    def spend(self, characters: int) -> None:
        """Raises NotRendered when it is too much."""
        self._left -= characters + 1
        if self._left < 0:
            raise NotRendered(_("The template does too much: shorten its texts or use fewer filters."))


_running: ContextVar[Running] = ContextVar("_running")


@contextmanager
def running(document: Mapping[str, Any]) -> Iterator[None]:
    token = _running.set(Running(document))
    try:
        yield
    finally:
        _running.reset(token)


def spend(characters: int) -> None:
    _running.get().spend(characters)


def path_of(wanted: object) -> str:
    """Where in the document a dictionary or list is, such as `tag.platforms[0]`; empty for the document itself."""
    return _find(_running.get().document, wanted, "")


def _find(value: Any, wanted: object, path: str) -> str:
    """By identity: two empty lists are not the same. Documents are five levels deep at most."""
    if value is wanted:
        return path
    found = ""
    if isinstance(value, Mapping):
        found = next(filter(None, (_find(each, wanted, f"{path}.{key}") for key, each in value.items())), "")
    elif isinstance(value, list):
        found = next(filter(None, (_find(each, wanted, f"{path}[{n}]") for n, each in enumerate(value))), "")
    return found.removeprefix(".")
