"""Template tags of the design system. docs/design.md shows each with an example.

Nothing here reads the database.
"""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from django import template
from django.forms import BoundField, CheckboxInput, HiddenInput, PasswordInput, RadioSelect
from django.template import Context
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.formats import date_format, number_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.timesince import timesince, timeuntil
from django.utils.translation import gettext as _

register = template.Library()

THEMES = ("light", "dark", "system")
THEME_COOKIE = "theme"
AVATAR_CELLS = 5
AVATAR_TONES = 8
SIZE_UNITS = ("B", "kB", "MB", "GB", "TB")
SHORT_DIGEST_LENGTH = 12


@register.simple_tag(takes_context=True)
def theme(context: Context) -> str:
    """The theme the visitor chose; "system" when none was. Read on the server, so that no page flashes."""
    request = context.get("request")
    chosen = request.COOKIES.get(THEME_COOKIE) if request is not None else None
    return chosen if chosen in THEMES else "system"


@register.simple_tag
@lru_cache(maxsize=1024)
def avatar(name: str, size: int = 24, *, round: bool = False) -> SafeString:  # noqa: A002 - reads well in a template
    """A mirrored 5x5 picture drawn from a hash of the name: always the same for a name, and no file is kept."""
    digest = hashlib.sha256(name.lower().encode()).digest()
    half = AVATAR_CELLS // 2 + 1
    cells = [
        (2 + x, 2 + y)
        for y in range(AVATAR_CELLS)
        for x in range(AVATAR_CELLS)
        if digest[1 + y * half + min(x, AVATAR_CELLS - 1 - x)] % 2
    ]
    squares = format_html_join("", '<rect x="{}" y="{}" width="1" height="1"/>', cells)
    return format_html(
        '<svg class="avatar tone-{}{}" width="{}" height="{}" viewBox="0 0 9 9" fill="currentColor"'
        ' shape-rendering="crispEdges" aria-hidden="true">{}</svg>',
        digest[0] % AVATAR_TONES,
        " avatar-round" if round else "",
        size,
        size,
        squares,
    )


@register.simple_tag
def when(moment: datetime.datetime | None, *, never: str = "") -> SafeString | str:
    """A time as people say it ("3 minutes ago"), exact in `datetime` and `title`. `never` stands in for None."""
    if moment is None:
        return never or _("never")
    local = timezone.localtime(moment)
    return format_html(
        '<time datetime="{}" title="{}" data-relative>{}</time>',
        moment.isoformat(timespec="seconds"),
        date_format(local, "DATETIME_FORMAT"),
        _relative(moment),
    )


def _relative(moment: datetime.datetime) -> str:
    now = timezone.now()
    if abs(now - moment) < datetime.timedelta(minutes=1):
        return _("just now")
    if moment > now:
        return _("in %(time)s") % {"time": timeuntil(moment, now, depth=1)}
    return _("%(time)s ago") % {"time": timesince(moment, now, depth=1)}


@register.simple_tag
def day(moment: datetime.datetime | datetime.date | None, *, never: str = "") -> SafeString | str:
    """A date without its time, for things such as an end date."""
    if moment is None:
        return never or _("never")
    local = timezone.localtime(moment) if isinstance(moment, datetime.datetime) else moment
    return format_html('<time datetime="{}">{}</time>', local.isoformat(), date_format(local, "DATE_FORMAT"))


@register.filter
def size(count: int | None) -> str:
    """Bytes in decimal units, as docker prints them: 2811969 is "2.81 MB"."""
    if count is None:
        return "–"
    value = float(count)
    for unit in SIZE_UNITS:
        if value < 1000 or unit == SIZE_UNITS[-1]:
            break
        value /= 1000
    digits = 0 if unit == "B" or value >= 100 else 1 if value >= 10 else 2
    return f"{number_format(value, decimal_pos=digits)} {unit}"


@register.filter
def compact(count: int | None) -> str:
    """A count in few characters: 950, 1.2k, 15k, 3.4M."""
    value = float(count or 0)
    for least, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= least:
            value /= least
            return f"{number_format(value, decimal_pos=1 if value < 10 else 0)}{unit}"
    return number_format(value, decimal_pos=0)


@register.filter
def short_digest(digest: str) -> str:
    """ "sha256:" and the first twelve characters; the whole digest belongs in a copy button beside it."""
    algorithm, colon, value = digest.partition(":")
    return f"{algorithm}{colon}{value[:SHORT_DIGEST_LENGTH]}"


@register.filter
def control_kind(field: BoundField) -> str:
    """Which shape components/field.html gives a field: hidden, check, choices, password or plain."""
    widget = field.field.widget
    for kind, classes in _CONTROL_KINDS:
        if isinstance(widget, classes):
            return kind
    return "plain"


_CONTROL_KINDS: tuple[tuple[str, type[Any]], ...] = (
    ("hidden", HiddenInput),
    ("check", CheckboxInput),
    ("choices", RadioSelect),
    ("password", PasswordInput),
)


@register.filter
def first_line(text: object) -> str:
    """The title of a choice: everything before the first line break of its label."""
    return str(text).partition("\n")[0]


@register.filter
def rest(text: object) -> str:
    """The explanation of a choice: everything after the first line break of its label."""
    return str(text).partition("\n")[2]


@register.filter
def lookup(mapping: Mapping[Any, Any], key: Any) -> Any:
    return mapping.get(key)


def _block(name: str, content: SafeString, values: dict[str, Any]) -> SafeString:
    return mark_safe(render_to_string(f"components/{name}.html", {**values, "body": content}))  # noqa: S308 - a template's output


@register.simple_block_tag
def pageheader(content: SafeString, title: str, note: str = "", **values: Any) -> SafeString:
    """Title of a page; what stands between the tags are its actions."""
    return _block("page_header", content, {"title": title, "note": note, **values})


@register.simple_block_tag
def panel(content: SafeString, title: str = "", **values: Any) -> SafeString:
    """A bordered box. `flush=True` leaves the padding out (tables and lists), `tone="danger"` colours it."""
    return _block("panel", content, {"title": title, **values})


@register.simple_block_tag
def dialog(content: SafeString, id: str, title: str) -> SafeString:  # noqa: A002 - the HTML attribute's name
    """A dialog that `<button popovertarget="ID">` opens, with and without script."""
    return _block("dialog", content, {"id": id, "title": title})


@register.simple_block_tag
def emptystate(content: SafeString, title: str, icon: str = "inbox", text: str = "") -> SafeString:
    """What a list shows when it is empty; between the tags: what to do about it."""
    return _block("empty_state", content, {"title": title, "icon": icon, "text": text})


@register.simple_block_tag
def message(content: SafeString, tone: str = "info", **values: Any) -> SafeString:
    """A notice inside the page: info, success, warning or error. `dismiss=True` gives it a close button."""
    return _block("message", content, {"tone": tone, **values})
