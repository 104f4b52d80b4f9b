"""The filters that templates have. Each counts what it handles before it does it."""

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _
from jinja2 import Undefined

from repositories.webhooks.formats.errors import NotRendered
from repositories.webhooks.formats.sandbox.limits import ITEMS_MAX, spend

EACH = "-each"
"""What loops go through is passed to this filter; no template can write such a name."""
SEARCHED = "-searched"
"""Likewise what stands to the right of `in`."""


class Json(str):
    """JSON already: it is written as it is."""

    __slots__ = ()


def written(value: Any) -> str:
    """A value as text; true, false and null as in JSON. Raises NotRendered for what has no text."""
    if isinstance(value, str):
        return value
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, Undefined):
        return str(value)  # raises, and names it
    raise NotRendered(_("This is a list or an object. Choose a field of it, or write: … | tojson"))


def finalize(value: Any) -> str:
    """What `{{ … }}` writes: safe inside the quotes of a JSON string."""
    if type(value) is Json:
        return value
    text = written(value)
    spend(len(text))
    return json.dumps(text)[1:-1]


def _text(value: Any) -> str:
    text = written(value)
    spend(len(text))
    return text


def _items(value: Any) -> list[Any]:
    if isinstance(value, Undefined):
        str(value)  # raises, and names it
    if not isinstance(value, list | tuple):
        raise NotRendered(_("This is no list."))
    spend(len(value))
    return list(value[:ITEMS_MAX])


def _searched(value: Any) -> Any:
    if isinstance(value, str | list | tuple):
        spend(len(value))
        return value
    if isinstance(value, Undefined):
        str(value)  # raises, and names it
    raise NotRendered(_("After “in” stands a list or a text."))


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise NotRendered(_("Give a whole number here."))
    return value


def tojson(value: Any) -> Json:
    if isinstance(value, Undefined):
        str(value)  # raises, and names it
    if isinstance(value, str):
        spend(len(value))
    text = json.dumps(value, allow_nan=False)
    spend(len(text))
    return Json(text)


def default(value: Any, other: Any = "", boolean: bool = False) -> Any:  # noqa: FBT001, FBT002  as Jinja has it
    """`boolean`: also instead of what is empty, 0, false or null."""
    return other if isinstance(value, Undefined) or (boolean and not value) else value


def truncate(value: Any, length: int = 255, end: str = "…") -> str:
    text, most, mark = _text(value), _whole(length), _text(end)
    return text if len(text) <= most else text[: max(most - len(mark), 0)] + mark


def replace(value: Any, old: str, new: str) -> str:
    text, before, after = _text(value), _text(old), _text(new)
    if not before:
        raise NotRendered(_("Say what is to be replaced."))
    spend(text.count(before) * len(after))
    return text.replace(before, after)


def join(value: Any, separator: str = "", attribute: str = "") -> str:
    """Of a list's texts, or of one field of each of its objects."""
    items = _items(value)
    if attribute:
        items = [_field(item, attribute) for item in items]
    mark, texts = _text(separator), [_text(item) for item in items]
    spend(len(mark) * len(texts))
    return mark.join(texts)


def _field(item: Any, name: str) -> Any:
    if not isinstance(item, dict) or name not in item:
        raise NotRendered(_("The list has no “%(name)s”.") % {"name": name})
    return item[name]


def length(value: Any) -> int:
    return len(_text(value)) if isinstance(value, str) else len(_items(value))


def first(value: Any) -> Any:
    return _one(_items(value), 0)


def last(value: Any) -> Any:
    return _one(_items(value), -1)


def _one(items: list[Any], position: int) -> Any:
    if not items:
        raise NotRendered(_("The list is empty: it has no first and no last."))
    return items[position]


def short(value: Any) -> str:
    """Of a digest the first 12 digits, as docker shows them."""
    text = _text(value)
    return text.partition(":")[2][:12] or text


def unix(value: Any) -> int:
    """Whole seconds since 1970 of one of the document's times; 0 for none."""
    if value is None:
        return 0
    try:
        return int(datetime.fromisoformat(_text(value)).timestamp())
    except ValueError as error:
        raise NotRendered(_("This is no time.")) from error


def slack(value: Any) -> str:
    """Without Slack's control characters, so that no comment calls a whole channel."""
    return replace(replace(replace(value, "&", "&amp;"), "<", "&lt;"), ">", "&gt;")


FILTERS: dict[str, Callable[..., Any]] = {
    "default": default,
    "first": first,
    "join": join,
    "last": last,
    "length": length,
    "lower": lambda value: _text(value).lower(),
    "replace": replace,
    "short": short,
    "slack": slack,
    "tojson": tojson,
    "trim": lambda value: _text(value).strip(),
    "truncate": truncate,
    "unix": unix,
    "upper": lambda value: _text(value).upper(),
}
HIDDEN: dict[str, Callable[..., Any]] = {EACH: _items, SEARCHED: _searched}
