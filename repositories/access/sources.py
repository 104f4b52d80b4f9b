"""Where a role on a repository comes from: the one text of SQL that every decision, list and explanation is made of.

The role is the highest of what the branches below give. `role_sql` asks for that number, for one actor and one row;
`sources_sql` lists every branch that gave something, for one actor or for everybody. The same text runs on SQLite and
PostgreSQL, but for two turns that leave PostgreSQL's planner no choice. Nothing else in the house compares a grant with
a name.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from django.db import connection
from django.utils import timezone

from portal.kit.patterns import MATCHING_SQL

_NULL = "CAST(NULL AS bigint)"


class Source(StrEnum):
    """What gave a role."""

    OWNER = "owner"
    ORGANIZATION_OWNER = "organization owner"
    EDITOR = "editor"
    BASE_PERMISSION = "base permission"
    TEAM = "team"
    COLLABORATOR = "collaborator"
    ROBOT = "robot"
    PUBLIC = "public"


@dataclass(frozen=True)
class _Branch:
    """One rule. It holds where `namespace` is the repository's, for a grant also where the pattern matches the name;
    `where` adds to that, and may use {now} and {team}. SQLite takes what stands before CROSS JOIN in `tables` first.
    """

    source: str
    role: str
    tables: str
    namespace: str
    where: str = ""
    user: str = _NULL
    robot: str = _NULL
    grant: str = _NULL
    narrow: str = ""
    """What follows for one {user}, said so that each grant costs one look into its team, however large."""


_OF_PEOPLE = [
    _Branch("'owner'", "3", "accounts_user p", "p.namespace_id", user="p.id"),
    _Branch(
        "CASE m.role WHEN 3 THEN 'organization owner' WHEN 2 THEN 'editor' ELSE 'base permission' END",
        "CASE WHEN m.role >= 2 THEN 3 ELSE o.base_permission END",
        "orgs_organization o JOIN orgs_membership m ON m.organization_id = o.id",
        "o.namespace_id",
        user="m.user_id",
    ),
    _Branch(
        "'team'",
        "g.role",
        "repositories_grant g CROSS JOIN orgs_teammember tm JOIN orgs_membership m ON m.id = tm.membership_id",
        "g.namespace_id",
        "tm.team_id = g.team_id",
        user="m.user_id",
        narrow="tm.membership_id IN (SELECT w.id FROM orgs_membership w WHERE w.user_id = {user})",
        grant="g.id",
    ),
    _Branch(
        "'collaborator'",
        "g.role",
        "repositories_grant g",
        "g.namespace_id",
        "g.user_id IS NOT NULL AND (g.expires_at IS NULL OR g.expires_at > {now})",
        user="g.user_id",
        grant="g.id",
    ),
]
_OF_ROBOTS = [
    _Branch(
        "'robot'",
        "3",
        "accounts_organizationaccesstoken k",
        "k.namespace_id",
        "NOT k.for_team",
        robot="k.id",
    ),
    _Branch(
        "'team'",
        "g.role",
        "repositories_grant g CROSS JOIN orgs_teamrobot tr",
        "g.namespace_id",
        "tr.team_id = g.team_id",
        robot="tr.token_id",
        grant="g.id",
    ),
]
_OF_TEAMS = [
    _Branch("'team'", "g.role", "repositories_grant g", "g.namespace_id", "g.team_id IN ({team})", grant="g.id")
]
# PostgreSQL would compare with all grants of the namespace; an array it looks up in the index.
_MATCHING = {
    "sqlite": f"g.pattern IN ({MATCHING_SQL})",
    "postgresql": f"g.pattern = ANY (ARRAY({MATCHING_SQL}))",
}
_FENCE = {"sqlite": "NOT MATERIALIZED", "postgresql": "MATERIALIZED"}
NOW_PARAMETER = "%s"


@dataclass(frozen=True)
class Place:
    """The SQL for the columns of the repository that is asked about. It need not exist: then `visibility` is NULL."""

    namespace: str
    name: str
    visibility: str

    @classmethod
    def row(cls, alias: str) -> "Place":
        return cls(f"{alias}.namespace_id", f"{alias}.name", f"{alias}.visibility")


def role_sql(place: Place, *, user: str = "", robot: str = "", granted_only: bool = False) -> str:
    """An expression: the role of one actor before what caps them. `user` or `robot`: SQL of a key; neither: nobody.

    With a user it holds one parameter, the time now (`now_parameter()`); else none. `granted_only` leaves out what is
    not a team's or a collaborator's grant, public visibility too.
    """
    branches = [b for b in _branches(user, robot) if not granted_only or b.grant != _NULL]
    selects = [_select(b, "", place, _is(b, user, robot), only_role=True) for b in branches]
    if not granted_only:
        selects.append(f"SELECT 1 AS role WHERE {place.visibility} = 'public'")
    union = " UNION ALL ".join(selects) or "SELECT 0 AS role"
    # On PostgreSQL the few grants that match come first, whatever its planner thinks: never all that the actor's teams
    # have. SQLite does so by itself.
    matched = f"SELECT g.* FROM repositories_grant g WHERE {_matching()}"  # noqa: S608  our own texts
    grants = f"WITH matched AS {_FENCE[connection.vendor]} ({_place(matched, place)})" if branches else ""
    return f"COALESCE(({grants} SELECT MAX(source.role) FROM ({union}) source), 0)"  # noqa: S608  likewise


def sources_sql(*, user: str = "", robot: str = "", team: str = "") -> str:
    """A SELECT over the table expression `asked(id, namespace_id, name, visibility)`, which the caller puts before it.

    Columns: asked id, user, robot, source, role, grant. For one user or robot, for `team` (SQL of keys, or a SELECT of
    them), or without any for everybody; what visibility gives to the whole world is not among them. Parameters: the
    time now, once for people.
    """
    place = Place.row("asked")
    if team:
        branches = [(b, "") for b in _OF_TEAMS]
    elif user or robot:
        branches = [(b, _is(b, user, robot)) for b in _branches(user, robot)]
    else:
        branches = [(b, "") for b in [*_OF_PEOPLE, *_OF_ROBOTS]]
    selects = [_select(b, "asked CROSS JOIN ", place, who, only_role=False) for b, who in branches]
    return " UNION ALL ".join(selects).replace("{team}", team)


def everywhere_sql(*, user: str = "", robot: str = "") -> str:
    """A SELECT of the namespaces where one actor has a role on every repository, whatever its name. No parameters."""
    branches = [b for b in _branches(user, robot) if b.grant == _NULL]
    return " UNION ALL ".join(
        f"SELECT {b.namespace} FROM {b.tables} WHERE {_and(_is(b, user, robot), b.where, f'{b.role} > 0')}"  # noqa: S608
        for b in branches
    )


def patterns_sql(*, user: str = "", robot: str = "") -> str:
    """A SELECT of namespace_id and pattern of whatever one actor is granted. With a user one parameter: the time."""
    selects = [
        f"SELECT {b.namespace} AS namespace_id, g.pattern FROM {b.tables} WHERE {_and(_is(b, user, robot), b.where)}"  # noqa: S608
        for b in _branches(user, robot)
        if b.grant != _NULL
    ]
    # From the actor to the grants, the other way round than for one repository.
    return " UNION ".join(selects).replace("CROSS JOIN", ",").replace("{now}", NOW_PARAMETER)


def now_parameter() -> Any:
    """The time, as the statement's parameter."""
    return connection.ops.adapt_datetimefield_value(timezone.now())


def _branches(user: str, robot: str) -> Iterable[_Branch]:
    return _OF_PEOPLE if user else _OF_ROBOTS if robot else []


def _is(branch: _Branch, user: str, robot: str) -> str:
    if user:
        return _and(f"{branch.user} = {user}", branch.narrow.replace("{user}", user))
    return f"{branch.robot} = {robot}"


def _select(branch: _Branch, rows: str, place: Place, who: str, *, only_role: bool) -> str:
    columns = f"{branch.role} AS role"
    if not only_role:
        named = f"{branch.user} AS user_id, {branch.robot} AS robot_id, {branch.source} AS source"
        columns = f"asked.id, {named}, {columns}, {branch.grant} AS grant_id"
    tables, matching = branch.tables, _matching() if branch.grant != _NULL else ""
    if only_role:
        tables, matching = tables.replace("repositories_grant g", "matched g"), ""
    where = _and(who, f"{branch.namespace} = {{namespace}}", matching, branch.where)
    text = f"SELECT {columns} FROM {rows}{tables} WHERE {where}"  # noqa: S608  our own texts
    return _place(text, place).replace("{now}", NOW_PARAMETER)


def _matching() -> str:
    return f"g.namespace_id = {{namespace}} AND {_MATCHING[connection.vendor]}"


def _place(text: str, place: Place) -> str:
    for word, sql in (("namespace", place.namespace), ("name", place.name), ("visibility", place.visibility)):
        text = text.replace(f"{{{word}}}", sql)
    return text


def _and(*conditions: str) -> str:
    return " AND ".join(condition for condition in conditions if condition)
