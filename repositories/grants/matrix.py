"""The access matrix of an organization: teams x patterns and repositories. Reading it, and what a form says of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from orgs.access import visible_teams
from orgs.models import Organization, Team
from portal.accounts.actor import Actor
from portal.kit import patterns
from portal.kit.errors import Invalid
from repositories.access.reasons import given_by_teams
from repositories.grants.access import patterns_of_teams, team_grants_in
from repositories.grants.actions import Cell, role_named
from repositories.grants.sharing import role_name
from repositories.grants.sharing_matches import repositories_in
from repositories.models import Grant, Repository
from repositories.names import validate_repository_name

ROWS_PER_PAGE = 25
TEAMS_PER_PAGE = 8


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the page was asked for. `new`: a pattern or name that gets a row although nothing is granted on it yet."""

    query: str = ""
    team_query: str = ""
    page: int = 1
    team_page: int = 1
    new: str = ""


@dataclass(frozen=True, slots=True)
class ShownCell:
    """`role`: what the select shows; `seen`: what holds; `given`: what a wider pattern gives, and which. In words."""

    team: Team
    role: str
    seen: str
    given: str = ""
    by: str = ""
    stale: bool = False
    """Somebody else has changed it since it was shown."""

    @property
    def is_changed(self) -> bool:
        return self.role != self.seen


@dataclass(frozen=True, slots=True)
class ShownRow:
    """`repository` is None for a pattern, and for the name of a repository that does not exist (yet)."""

    name: str
    repository: Repository | None
    cells: Sequence[ShownCell]

    @property
    def is_pattern(self) -> bool:
        return self.name.endswith("*")


@dataclass(frozen=True, slots=True)
class Pages:
    """Of rows or of teams, counted from 1."""

    number: int
    count: int

    @property
    def previous(self) -> int | None:
        return self.number - 1 if self.number > 1 else None

    @property
    def next(self) -> int | None:
        return self.number + 1 if self.number < self.count else None

    @classmethod
    def of(cls, number: int, found: int, size: int) -> "Pages":
        """The last one, for a number beyond it."""
        count = max(1, -(-found // size))
        return cls(min(max(number, 1), count), count)


@dataclass(frozen=True, slots=True)
class Matrix:
    rows: Sequence[ShownRow]
    teams: Sequence[Team]
    row_pages: Pages
    team_pages: Pages
    found: int
    """Rows in all."""
    teams_found: int


def read_matrix(actor: Actor, organization: Organization, wanted: Wanted) -> Matrix:
    """One page of rows, patterns first, and one of teams. Nine queries at most, however many there are of either.

    `organization` came with the permission to grant.
    """
    found = visible_teams(organization).order_by("name")
    if wanted.team_query:
        found = found.filter(name__icontains=wanted.team_query)
    teams_found = found.count()
    team_pages = Pages.of(wanted.team_page, teams_found, TEAMS_PER_PAGE)
    teams = list(_slice(found, team_pages.number, TEAMS_PER_PAGE))
    names = patterns_of_teams(organization, wanted.query)
    repositories = repositories_in(actor, organization).filter(name__icontains=wanted.query).order_by("name")
    pattern_count = names.count()
    count = pattern_count + repositories.count()
    row_pages = Pages.of(wanted.page, count, ROWS_PER_PAGE)
    start = (row_pages.number - 1) * ROWS_PER_PAGE
    on_page = list(names[start : start + ROWS_PER_PAGE]) if start < pattern_count else []
    first = max(0, start - pattern_count)
    rows = list(repositories[first : first + ROWS_PER_PAGE - len(on_page)])
    new = [wanted.new] if wanted.new and wanted.new not in {*on_page, *(row.name for row in rows)} else []
    shown = _rows(organization, teams, [*new, *on_page], rows)
    return Matrix(shown, teams, row_pages, team_pages, count, teams_found)


def _slice(rows: QuerySet[Team], page: int, size: int) -> QuerySet[Team]:
    return rows[(page - 1) * size : page * size]


def _rows(
    organization: Organization, teams: Sequence[Team], names: Sequence[str], repositories: Sequence[Repository]
) -> list[ShownRow]:
    """Three queries."""
    granted = team_grants_in(organization, teams)
    wanted = [*names, *(row.name for row in repositories)]
    direct = {(grant.team_id, grant.pattern): role_name(grant.role) for grant in granted.filter(pattern__in=wanted)}
    wider = _wider(granted, names) | _given(teams, repositories)

    def cell(team: Team, name: str) -> ShownCell:
        role = direct.get((team.pk, name), "")
        given, by = wider.get((team.pk, name), ("", ""))
        return ShownCell(team, role, role, given, by)

    places = [*((name, None) for name in names), *((row.name, row) for row in repositories)]
    return [ShownRow(name, row, [cell(team, name) for team in teams]) for name, row in places]


Wider = dict[tuple[int | None, str], tuple[str, str]]
"""Team and row -> role and pattern, in words."""


def _wider(granted: QuerySet[Grant], names: Sequence[str]) -> Wider:
    """What wider patterns give on a pattern: on each name that it could match. One query."""
    if not names:
        return {}
    found: dict[tuple[int | None, str], Grant] = {}
    for grant in granted.filter(pattern__endswith="*").order_by("role"):
        for name in names:
            if grant.pattern != name and patterns.matches(grant.pattern, name.removesuffix("*")):
                found[grant.team_id, name] = grant
    return {place: (role_name(grant.role), grant.pattern) for place, grant in found.items()}


def _given(teams: Sequence[Team], repositories: Sequence[Repository]) -> Wider:
    """The highest role that a pattern gives on each repository. One query."""
    keys = {team.name: team.pk for team in teams}
    found: Wider = {}
    given = given_by_teams(repositories, keys.values())
    for row in repositories:
        by_pattern = [reason for reason in given[row.pk] if reason.pattern.endswith("*")]
        for reason in sorted(by_pattern, key=lambda reason: reason.role):
            found[keys[reason.team], row.name] = (role_name(reason.role), reason.pattern)
    return found


def validated_row(text: str) -> str:
    """A pattern or name that gets a row of its own. Raises Invalid."""
    text = text.strip()
    try:
        patterns.validate_pattern(text)
        if "*" not in text:
            validate_repository_name(text)
    except ValidationError as error:
        raise Invalid(error.messages[0], fields={"new": error.messages}) from error
    return text


def read_cells(organization: Organization, data: Mapping[str, str]) -> list[Cell]:
    """The cells of the form that were changed: `row-3` names a row, `cell-3-17` the role of team 17 there, `seen-3-17`
    the one that was shown. One query. Raises Invalid for what the form cannot have sent.
    """
    changed = [name for name, value in data.items() if name.startswith("cell-") and value != data.get(_seen(name), "")]
    places = [_place(name) for name in changed]
    teams = visible_teams(organization).in_bulk([team for _row, team in places])
    cells = []
    for name, (row, team) in zip(changed, places, strict=True):
        pattern = data.get(f"row-{row}", "")
        if team not in teams or not pattern:
            raise Invalid(_("The page does not fit what is there any more. Load it again."))
        cells.append(Cell(teams[team], pattern, _role(data[name]), _role(data.get(_seen(name), ""))))
    return cells


def _seen(name: str) -> str:
    return name.replace("cell-", "seen-", 1)


def _place(name: str) -> tuple[int, int]:
    _cell, _dash, place = name.partition("-")
    row, _dash, team = place.partition("-")
    if not (row.isascii() and row.isdigit() and team.isascii() and team.isdigit()) or len(team) > len(str(2**62)) - 1:
        raise Invalid(_("The page does not fit what is there any more. Load it again."))
    return int(row), int(team)


def _role(text: str) -> Grant.Role | None:
    return role_named(text) if text else None


def with_choices(matrix: Matrix, cells: Sequence[Cell], stale: Sequence[Cell]) -> Matrix:
    """The page as it came back: what was chosen stays chosen, and what somebody else changed meanwhile is marked."""
    chosen = {(cell.team.pk, cell.pattern): cell for cell in cells}
    beaten = {(cell.team.pk, cell.pattern) for cell in stale}

    def again(row: ShownRow, cell: ShownCell) -> ShownCell:
        mine = chosen.get((cell.team.pk, row.name))
        if mine is None:
            return cell
        role = "" if mine.role is None else role_name(mine.role)
        return replace(cell, role=role, stale=(cell.team.pk, row.name) in beaten)

    rows = [replace(row, cells=[again(row, cell) for cell in row.cells]) for row in matrix.rows]
    return replace(matrix, rows=rows)
