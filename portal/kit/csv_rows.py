"""CSV that a spreadsheet may open: streamed, and with cells that cannot be formulas."""

import csv
from collections.abc import Iterable, Iterator, Sequence

from django.http import StreamingHttpResponse

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
"""A spreadsheet would run what begins so (OWASP, CSV injection): a quote in front makes it text."""


class _Echo:
    """The writer writes into it and gets its line back."""

    def write(self, line: str) -> str:
        return line


def safe_cell(value: object) -> str:
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def lines(header: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    """One line at a time; the rows are read while they are sent."""
    writer = csv.writer(_Echo())
    yield writer.writerow(header)
    for row in rows:
        yield writer.writerow([safe_cell(value) for value in row])


def response(name: str, header: Sequence[str], rows: Iterable[Sequence[object]]) -> StreamingHttpResponse:
    """A file of this name to keep. `name` is ours: letters, digits, . _ and -."""
    answer = StreamingHttpResponse(lines(header, rows), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment;filename="{name}"'
    answer["Cache-Control"] = "no-store"
    return answer
