"""“Who has access” of a repository: the part of its page, and the export."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _, gettext_lazy, ngettext

from portal.accounts.http import PortalRequest
from portal.accounts.pages import words
from portal.kit.errors import Text
from repositories.access import Role, role_word
from repositories.access.people import Entry, who_has_access
from repositories.models import Repository, Visibility

PAGE_SIZE = 50
FILTERS: list[tuple[str, Text]] = [
    ("admin", gettext_lazy("Admin")),
    ("write", gettext_lazy("Write")),
    ("read", gettext_lazy("Read")),
    ("none", gettext_lazy("No access")),
    ("robots", gettext_lazy("Access tokens")),
]
HEADER = ["Name", "Full name", "Kind", "Role", "Reasons", "Limited by"]
"""For programs that read it: not translated."""


@dataclass(frozen=True, slots=True)
class Count:
    """How many have a role: what the page says first."""

    name: str
    label: Text
    count: int


@dataclass(frozen=True, slots=True)
class PeoplePage:
    """One page of the entries that the filter lets through. Page numbers are 0 where there is no such page."""

    entries: Sequence[Entry]
    found: str
    counts: Sequence[Count]
    query: str
    role: str
    previous: int
    next: int
    is_public: bool


def people_of(request: PortalRequest, repository: Repository) -> dict[str, Any]:
    """The context of grants/effective_people.html. Three queries.

    The repository came with the permission to manage access. In the query string: `who`, `role`, `people`.
    """
    entries = who_has_access(repository)
    query, role = words(request, "who"), request.GET.get("role", "")
    found = [entry for entry in entries if fits(entry, query.lower(), role)]
    number = _number(request.GET.get("people", ""), len(found))
    start = (number - 1) * PAGE_SIZE
    page = PeoplePage(
        entries=found[start : start + PAGE_SIZE],
        found=ngettext("%(count)d person or access token", "%(count)d people and access tokens", len(found))
        % {"count": len(found)},
        counts=[Count(name, label, sum(_is(entry, name) for entry in entries)) for name, label in FILTERS],
        query=query,
        role=role,
        previous=number - 1,
        next=number + 1 if start + PAGE_SIZE < len(found) else 0,
        is_public=repository.visibility == Visibility.PUBLIC,
    )
    return {"repository": repository, "people": page, "people_filters": FILTERS}


def _number(text: str, count: int) -> int:
    """The number of a page that there is."""
    last = max(1, -(-count // PAGE_SIZE))
    return min(max(int(text), 1), last) if text.isascii() and text.isdigit() and len(text) < 9 else 1


def fits(entry: Entry, query: str, role: str) -> bool:
    """`query` in lower case, in the name or the full name; `role` one of `FILTERS`, else every one."""
    subject = entry.subject
    if query and query not in subject.name.lower() and query not in subject.full_name.lower():
        return False
    return role not in dict(FILTERS) or _is(entry, role)


def _is(entry: Entry, name: str) -> bool:
    if name == "robots":
        return entry.subject.is_robot
    return not entry.subject.is_robot and entry.role == Role[name.upper()]


def export_rows(repository: Repository) -> Iterator[Sequence[object]]:
    """Everybody of “Who has access”, for a CSV file. Three queries."""
    if repository.visibility == Visibility.PUBLIC:
        yield [_("Everybody"), "", "everybody", role_word(Role.READ), _("public"), ""]
    for entry in who_has_access(repository):
        subject = entry.subject
        kind = "access token" if subject.is_robot else "person"
        reasons = "; ".join(reason.words for reason in entry.reasons)
        yield [subject.name, subject.full_name, kind, entry.role_word, reasons, "; ".join(entry.caps)]
