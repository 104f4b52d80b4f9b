"""Lists of people to invite, pasted or as a CSV file: from text to entries that know their line. Asks no database."""

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _

from portal.kit.errors import Invalid, Text

MOST_ENTRIES = 1_000
MOST_CHARACTERS = 300_000
"""Of pasted text: a thousand addresses of the greatest length, with what parts them."""
MOST_BYTES = 1_000_000
"""Of a file, whose other columns may hold anything."""
FIELD = "people"
"""What the form calls a list, and what an error of a list is an error of."""
FILE_FIELD = "file"
HEADER = "email"
DELIMITERS = ",;\t"
_SPACES = re.compile(r"\s+")
_CHUNKS = re.compile(r"[,;\t]")


@dataclass(frozen=True, slots=True)
class Entry:
    """One person as they were written, and the line that was in. `problem`: why nothing can be made of it."""

    text: str
    line: int
    problem: Text = ""


def parse_text(text: str, *, field: str = FIELD) -> list[Entry]:
    """Names and addresses, parted by commas, semicolons or white space. `Carol <carol@example.org>` counts as one.

    Raises Invalid for an empty list, and for one that is too long, naming the line.
    """
    if len(text) > MOST_CHARACTERS:
        raise Invalid.field(field, _("The list is too long: %(most)d people may be in it.") % {"most": MOST_ENTRIES})
    return _counted(_words(text), field)


def from_names(names: Sequence[str], *, field: str = FIELD) -> list[Entry]:
    """One entry for each; the line is its place in the list. Raises Invalid as `parse_text`."""
    return _counted((Entry(name.strip(), place) for place, name in enumerate(names, 1)), field)


def _words(text: str) -> Iterator[Entry]:
    for number, line in enumerate(text.splitlines(), 1):
        for chunk in _CHUNKS.split(line):
            yield from (Entry(word, number) for word in _addresses(_SPACES.split(chunk.strip())) if word)


def _addresses(words: list[str]) -> list[str]:
    """Of `Carol Smith <carol@example.org>` the address alone; what is not written so stays whole."""
    last = words[-1]
    if last.startswith("<") and last.endswith(">") and [word for word in words if "@" in word] == [last]:
        return [last[1:-1]]
    return words


def parse_csv(raw: bytes) -> list[Entry]:
    """The column `email` of a file with a header, parted by commas, semicolons or tabs. Other columns are ignored.

    A line that cannot be read becomes an entry with a problem, and the others count. Raises Invalid, naming the line,
    for what leaves no list to speak of: not UTF-8, no such column, a quotation mark that never closes, too many rows.
    """
    if len(raw) > MOST_BYTES:
        raise Invalid.field(FILE_FIELD, _("The file is too large: it may have 1 MB, and 1,000 rows."))
    return _counted(_rows(_decoded(raw)), FILE_FIELD)


def _decoded(raw: bytes) -> str:
    """With or without a byte order mark."""
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise Invalid.field(
            FILE_FIELD, _("Line %(line)d is not in UTF-8. Save the file as “CSV UTF-8” and try again.") % {"line": line}
        ) from error


def _rows(text: str) -> Iterator[Entry]:
    lines = text.splitlines(keepends=True)
    head = next((number for number, line in enumerate(lines) if line.strip()), None)
    if head is None:
        raise Invalid.field(FILE_FIELD, _("The file is empty."))
    delimiter, column = _header(lines[head], head + 1)
    reader = csv.reader(lines[head + 1 :], delimiter=delimiter, strict=True)
    while True:
        number = head + 2 + reader.line_num
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            if "unexpected end" in str(error):
                raise Invalid.field(
                    FILE_FIELD, _("In line %(line)d a quotation mark opens that never closes.") % {"line": number}
                ) from error
            yield Entry(lines[number - 1].strip()[:80], number, _("This line is no valid CSV."))
            continue
        if any(cell.strip() for cell in row):
            yield _cell(row, column, number)


def _header(line: str, number: int) -> tuple[str, int]:
    """What parts the columns, and which of them is the one we want."""
    for delimiter in DELIMITERS:
        cells = [cell.strip().strip('"').strip().lower() for cell in line.split(delimiter)]
        if HEADER in cells:
            return delimiter, cells.index(HEADER)
    raise Invalid.field(
        FILE_FIELD,
        _("Line %(line)d must name the columns, and one of them must be called “email”.") % {"line": number},
    )


def _cell(row: Sequence[str], column: int, number: int) -> Entry:
    if len(row) <= column:
        return Entry(row[0].strip()[:80], number, _("This line has no column “email”."))
    text = row[column].strip()
    if not text:
        return Entry("", number, _("There is no address in this line."))
    if "@" not in text:
        return Entry(text, number, _("This is not an e-mail address."))
    return Entry(text, number)


def _counted(found: Iterator[Entry], field: str) -> list[Entry]:
    """All of them, unless there are none or too many. Stops reading where the limit is passed."""
    entries: list[Entry] = []
    for entry in found:
        if len(entries) == MOST_ENTRIES:
            raise Invalid.field(
                field,
                _("%(most)d people can be invited at once; line %(line)d holds one more.")
                % {"most": MOST_ENTRIES, "line": entry.line},
            )
        entries.append(entry)
    if not entries:
        raise Invalid.field(field, _("Name at least one person."))
    return entries
