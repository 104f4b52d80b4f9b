"""Why somebody has a role: the rows of `sources_sql`, in words. The same text of SQL that gives the role itself."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db import connection
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _, gettext_lazy

from portal.accounts.actor import Actor
from portal.kit.errors import Text
from repositories.access.roles import Role
from repositories.access.sources import Source, now_parameter, sources_sql
from repositories.models import Repository, Visibility

_WORDS: dict[Source, Text] = {
    Source.OWNER: gettext_lazy("owner of the namespace"),
    Source.ORGANIZATION_OWNER: gettext_lazy("owner of the organization"),
    Source.EDITOR: gettext_lazy("editor of the organization"),
    Source.ROBOT: gettext_lazy("access token of the organization"),
    Source.PUBLIC: gettext_lazy("public"),
}
_ROLE_WORDS: dict[int, Text | Promise] = {
    Role.NONE: gettext_lazy("none"),
    Role.READ: gettext_lazy("read"),
    Role.WRITE: gettext_lazy("write"),
    Role.ADMIN: gettext_lazy("admin"),
}

_STATEMENT = """
    WITH asked AS ({asked})
    SELECT s.id, s.user_id, s.robot_id, s.source, s.role, s.grant_id, g.pattern, g.expires_at, t.name
    FROM ({sources}) s
    LEFT JOIN repositories_grant g ON g.id = s.grant_id
    LEFT JOIN orgs_team t ON t.id = g.team_id
"""
_ASKED_ROWS = "SELECT id, namespace_id, name, visibility FROM repositories_repository WHERE id IN ({keys})"
_ASKED_NAME = """SELECT 0 AS id, CAST(%s AS bigint) AS namespace_id, CAST(%s AS text) AS name,
    CAST(NULL AS text) AS visibility"""


@dataclass(frozen=True, slots=True)
class Reason:
    """One rule that gives a role. `pattern`, `team` and `expires_at` are of the grant, where one does."""

    source: Source
    role: int
    grant_id: int | None = None
    pattern: str = ""
    team: str = ""
    expires_at: datetime | None = None

    @property
    def role_word(self) -> str:
        return role_word(self.role)

    @property
    def words(self) -> str:
        """Such as `team image-users by pattern payments/*`, `collaborator until 1 Dec 2026`."""
        if self.source == Source.BASE_PERMISSION:
            return _("base permission %(role)s") % {"role": role_word(self.role)}
        if self.source == Source.TEAM:
            words = _("team %(team)s") % {"team": self.team}
        elif self.source == Source.COLLABORATOR:
            words = _("collaborator")
        else:
            return str(_WORDS[self.source])
        if self.pattern.endswith("*"):
            words = _("%(words)s by pattern %(pattern)s") % {"words": words, "pattern": self.pattern}
        if self.expires_at is not None:
            until = date_format(self.expires_at, "j M Y")
            words = _("%(words)s until %(until)s") % {"words": words, "until": until}
        return words


def role_word(role: int) -> str:
    return str(_ROLE_WORDS[role])


@dataclass(frozen=True, slots=True)
class Given:
    """A reason, and to whom on which of the repositories that were asked about (0: the name that was)."""

    repository_id: int
    user_id: int | None
    robot_id: int | None
    reason: Reason


def reasons_of(actor: Actor, repository: Repository) -> list[Reason]:
    """What gives the actor a role on a repository, highest first; empty: nothing does. One query, none for nobody."""
    return of_repositories(actor, [repository])[repository.pk]


def of_repositories(actor: Actor, repositories: Sequence[Repository]) -> dict[int, list[Reason]]:
    """As `reasons_of` for several, by key. One query."""
    found: dict[int, list[Reason]] = {row.pk: [] for row in repositories}
    for given in _given_to(actor, _rows(row.pk for row in repositories), []):
        found[given.repository_id].append(given.reason)
    for row in repositories:
        if row.visibility == Visibility.PUBLIC:
            found[row.pk].append(Reason(Source.PUBLIC, Role.READ))
        found[row.pk].sort(key=rank)
    return found


def reasons_on_name(actor: Actor, namespace_id: int, name: str) -> list[Reason]:
    """What would give the actor a role on a repository of this name, if it existed. One query."""
    given = _given_to(actor, _ASKED_NAME, [namespace_id, name])
    return sorted((entry.reason for entry in given), key=rank)


def given_by_team(team_id: int, repositories: Sequence[Repository]) -> dict[int, list[Reason]]:
    """What a team's grants give on each repository, by key. One query."""
    return given_by_teams(repositories, [team_id])


def given_by_teams(repositories: Sequence[Repository], teams: Iterable[int] | None = None) -> dict[int, list[Reason]]:
    """What the grants of these teams, or of every team, give on each repository, by key. One query."""
    found: dict[int, list[Reason]] = {row.pk: [] for row in repositories}
    keys = "SELECT id FROM orgs_team" if teams is None else ", ".join(str(int(key)) for key in teams) or "NULL"
    if repositories:
        for given in _read(_rows(found), [], sources_sql(team=keys), now=False):
            found[given.repository_id].append(given.reason)
    return found


def given_by_teams_on_name(namespace_id: int, name: str) -> list[Reason]:
    """What the grants of every team give on a name that needn't exist yet. One query."""
    given = _read(_ASKED_NAME, [namespace_id, name], sources_sql(team="SELECT id FROM orgs_team"), now=False)
    return sorted((entry.reason for entry in given), key=lambda reason: (rank(reason), reason.team))


def given_to_all(
    repositories: Iterable[int], *, users: Collection[int] | None = None, robots: Collection[int] | None = None
) -> list[Given]:
    """Whatever anybody is given on these repositories, visibility aside: people, and robots. One query.

    `users`, `robots`: of these alone, where either is given.
    """
    keys = list(repositories)
    only = None if users is None and robots is None else _only(users or (), robots or ())
    return _read(_rows(keys), [], sources_sql(), now=True, only=only) if keys else []


def _only(users: Collection[int], robots: Collection[int]) -> str:
    """Keys are whole numbers of ours, as in `_rows`."""
    parts = [
        f"s.{column} IN ({', '.join(str(int(key)) for key in keys)})"
        for column, keys in (("user_id", users), ("robot_id", robots))
        if keys
    ]
    return " OR ".join(parts) or "1 = 0"


def given_to_all_on_name(namespace_id: int, name: str) -> list[Given]:
    """As `given_to_all` for a name that needn't exist yet. One query."""
    return _read(_ASKED_NAME, [namespace_id, name], sources_sql(), now=True)


def _given_to(actor: Actor, asked: str, parameters: list[Any]) -> list[Given]:
    if actor.user_id is not None:
        return _read(asked, parameters, sources_sql(user=str(int(actor.user_id))), now=True)
    if actor.robot_id is not None:
        return _read(asked, parameters, sources_sql(robot=str(int(actor.robot_id))), now=False)
    return []


def _rows(keys: Iterable[int]) -> str:
    """Keys are whole numbers of ours, so that the text may hold them: SQLite takes few parameters."""
    return _ASKED_ROWS.format(keys=", ".join(str(int(key)) for key in keys) or "NULL")


def _read(asked: str, parameters: list[Any], sources: str, *, now: bool, only: str | None = None) -> list[Given]:
    statement = _STATEMENT.format(asked=asked, sources=sources)
    if only is not None:
        statement += f" WHERE {only}"
    with connection.cursor() as cursor:
        cursor.execute(statement, [*parameters, *([now_parameter()] if now else [])])
        rows = cursor.fetchall()
    # Of thousands of members most have the same reason: it is made once.
    reasons: dict[tuple[Any, ...], Reason] = {}
    found = []
    for row in rows:
        terms = row[3:]
        reason = reasons.get(terms)
        if reason is None:
            reason = reasons[terms] = _reason_of(terms)
        found.append(Given(row[0], row[1], row[2], reason))
    return found


def _reason_of(terms: tuple[Any, ...]) -> Reason:
    source, role, grant, pattern, expires_at, team = terms
    if isinstance(expires_at, str):
        expires_at = datetime.fromisoformat(expires_at)
    if expires_at is not None and expires_at.tzinfo is None:
        expires_at = expires_at.replace(tzinfo=UTC)  # SQLite keeps UTC without saying so
    return Reason(Source(source), role, grant, pattern or "", team or "", expires_at)


def rank(reason: Reason) -> tuple[int, str]:
    return -reason.role, reason.source
