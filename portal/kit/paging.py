"""Keyset paging for pages, and Docker Hub's numbered pages for the API."""

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

from django.core.exceptions import ValidationError
from django.db.models import BooleanField, DateTimeField, F, Field, Func, Model, Q, QuerySet, Value
from django.utils.translation import gettext_lazy as _

from portal.kit.errors import Invalid

Row = TypeVar("Row", bound=Model)
BIGGEST_ID = 2**63 - 1
BROKEN = _("This page's address is broken. Go back to the first page.")


@dataclass(frozen=True)
class Page(Generic[Row]):
    """One page: its rows, and opaque cursors of its neighbours, empty where there is none."""

    rows: Sequence[Row]
    next: str = ""
    previous: str = ""


def keyset(
    rows: QuerySet[Row], *, by: str = "id", cursor: str = "", size: int = 50, keys_first: bool = False
) -> Page[Row]:
    """The page of `rows` that begins at `cursor`, sorted by the column `by` ("-" in front: descending) and then by id.

    One query at the same cost on any page; no count. `keys_first` where the columns of a row are dear, as a role is: a
    database that sorts computes them for every row before. Raises Invalid for a cursor that we did not make.
    """
    column, descending = _split(by)
    backward, position = _decode(cursor) if cursor else (False, None)
    down = descending != backward
    if position is not None:
        rows = _from(rows, column, position, descending=down)
    order = _order(column, descending=down)
    if keys_first:
        rows = rows.filter(pk__in=rows.order_by(*order).values("pk")[: size + 1])
    found = list(rows.order_by(*order)[: size + 1])
    more, found = len(found) > size, found[:size]
    if backward:
        found.reverse()
    after, before = (bool(cursor), more) if backward else (more, bool(cursor))
    return Page(
        rows=found,
        next=_encode(found[-1], column, backward=False) if found and after else "",
        previous=_encode(found[0], column, backward=True) if found and before else "",
    )


def numbered(rows: QuerySet[Row], *, by: str, number: int, size: int) -> Page[Row]:
    """The page of that number (from 1), for who jumps; its neighbours' cursors are `keyset`'s, of the same `by`.

    Two queries. The first skips keys alone: with an index of the order that reads nothing but the index.
    """
    column, descending = _split(by)
    order = _order(column, descending=descending)
    start = (number - 1) * size
    keys = (
        list(rows.order_by(*order).values_list("pk", flat=True)[start : start + size + 1]) if start < BIGGEST_ID else []
    )
    found = []
    if keys:
        # Sorted here: asked for the order, SQLite reads the whole index of it rather than these few rows.
        held = {row.pk: row for row in rows.filter(pk__in=keys[:size]).order_by()}
        found = [held[key] for key in keys[:size] if key in held]
    return Page(
        rows=found,
        next=_encode(found[-1], column, backward=False) if len(keys) > size else "",
        previous=_encode(found[0], column, backward=True) if found and number > 1 else "",
    )


def _split(by: str) -> tuple[str, bool]:
    return by.lstrip("-"), by.startswith("-")


def _order(column: str, *, descending: bool) -> list[str]:
    return [f"{'-' if descending else ''}{name}" for name in dict.fromkeys([column, "id"])]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page of rows by descending id begins, for who reads rows in another way than `keyset` does."""

    beyond: int | None = None
    """The page holds ids below it, or above it when it is read `backward`. None: the very first page."""
    backward: bool = False

    @classmethod
    def of(cls, cursor: str) -> "Place":
        """Raises Invalid for a cursor that we did not make."""
        if not cursor:
            return cls()
        backward, (_value, pk) = _decode(cursor)
        if not 0 <= pk <= BIGGEST_ID:
            raise Invalid(BROKEN)
        return cls(pk, backward)

    @property
    def cursor(self) -> str:
        return "" if self.beyond is None else _encode_value(self.beyond, self.beyond, backward=self.backward)


def _from(rows: QuerySet[Row], column: str, position: tuple[Any, int], *, descending: bool) -> QuerySet[Row]:
    """A cursor of another sort order holds a value of another type, which only the field can tell."""
    if "\0" in str(position[0]):  # PostgreSQL would refuse it later
        raise Invalid(BROKEN)
    try:
        return rows.filter(_beyond(rows, column, position, descending=descending))
    except (ValidationError, ValueError, TypeError) as error:
        raise Invalid(BROKEN) from error


def _beyond(rows: QuerySet[Row], column: str, position: tuple[Any, int], *, descending: bool) -> Q | Func:
    value, pk = position
    way = "lt" if descending else "gt"
    if column == "id":
        return Q(**{f"id__{way}": pk})
    field = next((field for field in rows.model._meta.concrete_fields if field.name == column), None)  # noqa: SLF001
    if field is None:  # an annotation has no index that would be of use
        return Q(**{f"{column}__{way}": value}) | Q(**{column: value, f"id__{way}": pk})
    return _Row(
        _Row(F(column), F("id")),
        _Row(Value(_checked(field, value), output_field=field), Value(_checked_key(pk))),
        arg_joiner=" < " if descending else " > ",
        output_field=BooleanField(),
    )


class _Row(Func):
    """`(a, b)`, and with a joiner a comparison of two of them. Unlike `a < x OR (a = x AND b < y)` every database goes
    straight to it in an index of both columns, also where thousands of rows are alike in the first."""

    template = "(%(expressions)s)"


def _checked(field: "Field[Any, Any]", value: Any) -> Any:
    """Raises ValidationError, ValueError."""
    if isinstance(value, datetime) != isinstance(field, DateTimeField):
        raise ValueError(value)
    told = field.to_python(value)
    return _checked_key(told) if isinstance(told, int) else told


def _checked_key(number: int) -> int:
    """SQLite knows no larger ones. Raises ValueError."""
    if abs(number) > BIGGEST_ID:
        raise ValueError(number)
    return number


def _encode(row: Model, column: str, *, backward: bool) -> str:
    value = getattr(row, column)
    text = {"t": value.isoformat()} if isinstance(value, datetime) else value
    return _encode_value(text, row.pk, backward=backward)


def _encode_value(value: Any, pk: int, *, backward: bool) -> str:
    raw = json.dumps([int(backward), value, pk], separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _decode(cursor: str) -> tuple[bool, tuple[Any, int]]:
    try:
        backward, value, pk = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if isinstance(value, dict):
            value = _moment(value["t"])
        if isinstance(value, str):
            value.encode()  # a lone surrogate, which JSON can hold and no database
        return bool(backward), (value, int(pk))
    except (binascii.Error, ValueError, TypeError, KeyError, OverflowError) as error:
        raise Invalid(BROKEN) from error


def _moment(text: str) -> datetime:
    """In UTC, as databases compare it. Raises ValueError without a zone, OverflowError beyond the years 1 to 9999."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("The cursor's time has no zone.")
    return moment.astimezone(UTC)
