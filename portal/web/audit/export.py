"""The audit log as a file, sent while it is read: of any length, in little memory."""

import csv
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.http import StreamingHttpResponse
from django.utils import timezone

from portal.accounts.actor import Actor
from portal.events.models import Event
from portal.events.reads import Filters, Search
from portal.web.audit.access import Log
from portal.web.audit.actions import record_export
from portal.web.audit.shapes import shape_of

BATCH = 1000
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for a formula when a cell begins with it (OWASP, CSV injection)."""
CSV, JSON_LINES = "csv", "jsonl"
COLUMNS = [
    "timestamp",
    "id",
    "account",
    "action",
    "action_description",
    "name",
    "actor",
    "actor_id",
    "credential",
    "address",
    "client",
    "old",
    "new",
]


def export(*, actor: Actor, log: Log, filters: Filters, kind: str) -> StreamingHttpResponse:
    """The whole log through the filters, newest first. `kind` is a key of `KINDS`.

    Notes itself in the log. One query for each `BATCH` events and no transaction; what happens meanwhile is not in it.
    """
    record_export(actor=actor, log=log, filters=filters, kind=kind)
    media_type, lines = KINDS[kind]
    response = StreamingHttpResponse(lines(Search(log.scope, filters).batches(BATCH)), content_type=media_type)
    response["Content-Disposition"] = f'attachment; filename="{_file_name(log)}.{kind}"'
    response["Cache-Control"] = "no-store"
    return response


def _file_name(log: Log) -> str:
    whose = re.sub(r"[^a-z0-9._-]+", "-", log.name) or "all"
    return f"{whose}-audit-{timezone.now():%Y%m%dT%H%M%SZ}"


def _whole(event: Event) -> dict[str, Any]:
    return shape_of(event) | {"old": event.old, "new": event.new}


def csv_lines(batches: Iterable[list[Event]]) -> Iterator[str]:
    """A heading, then each batch as one piece of text."""
    yield _csv([COLUMNS])
    for batch in batches:
        yield _csv([_cell(row[name]) for name in COLUMNS] for row in map(_whole, batch))


def _csv(rows: Iterable[Iterable[str]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()


def _cell(value: str | Mapping[str, Any]) -> str:
    """What a spreadsheet would run gets an apostrophe in front."""
    text = value if isinstance(value, str) else _json(value) if value else ""
    return f"'{text}" if text.startswith(FORMULA) else text


def json_lines(batches: Iterable[list[Event]]) -> Iterator[str]:
    """One object on each line."""
    for batch in batches:
        yield "".join(f"{_json(_whole(event))}\n" for event in batch)


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), cls=DjangoJSONEncoder)


KINDS: dict[str, tuple[str, Callable[[Iterable[list[Event]]], Iterator[str]]]] = {
    CSV: ("text/csv; charset=utf-8", csv_lines),
    JSON_LINES: ("application/x-ndjson", json_lines),
}
