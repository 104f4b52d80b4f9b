"""What the page of a repository shows of its teams and collaborators. Reads only what `access` handed out."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import Count, QuerySet

from orgs.access import visible_teams
from orgs.models import Organization, Team
from portal.kit.errors import Text
from repositories.access.reasons import given_by_teams
from repositories.grants.access import collaborators, team_grants
from repositories.models import Grant, Repository

Errors = Mapping[int, Mapping[str, Sequence[Text]]]
"""Grant -> field -> sentences: what a row that was edited in place came back with."""


@dataclass(frozen=True)
class ShownGrant:
    """One grant to edit in place. `role` is the word that the form knows."""

    row: Grant
    role: str
    day: str = ""
    """The end date as the date field has it."""
    ended: bool = False
    errors: Mapping[str, Sequence[Text]] = field(default_factory=dict)


@dataclass(frozen=True)
class ShownTeam:
    """What one team has on a repository: by its own name, and by patterns, of which the roles are words."""

    team: Team
    member_count: int
    own: ShownGrant | None
    patterns: Sequence[tuple[str, str]]


def role_name(role: int) -> str:
    return Grant.Role(role).name.lower()


def shown_grant(
    grant: Grant, now: datetime, errors: Errors | None = None, typed: Mapping[str, str] | None = None
) -> ShownGrant:
    """`typed`: what stood in the fields of a row that came back with errors."""
    found = (errors or {}).get(grant.pk, {})
    values = (typed or {}) if found else {}
    day = grant.expires_at.date().isoformat() if grant.expires_at else ""
    return ShownGrant(
        row=grant,
        role=values.get("role", role_name(grant.role)),
        day=values.get("expires_at", day),
        ended=grant.expires_at is not None and grant.expires_at <= now,
        errors=found,
    )


def shown_teams(repository: Repository, now: datetime, errors: Errors | None = None) -> list[ShownTeam]:
    """Every team that is given something, by name. Three queries."""
    reasons = given_by_teams([repository])[repository.pk]
    own = {grant.team_id: grant for grant in team_grants(repository)}
    by_pattern: dict[str, list[tuple[str, str]]] = {}
    for reason in reasons:
        if reason.pattern.endswith("*"):
            by_pattern.setdefault(reason.team, []).append((reason.pattern, role_name(reason.role)))
    return [
        ShownTeam(
            team=team,
            member_count=count,
            own=shown_grant(own[team.pk], now, errors) if team.pk in own else None,
            patterns=sorted(by_pattern.get(team.name, [])),
        )
        for team, count in _teams(repository, {reason.team for reason in reasons})
    ]


def _teams(repository: Repository, names: Collection[str]) -> list[tuple[Team, int]]:
    """Each with how many belong to it. A guest who is admin sees the teams that have access, and no others."""
    teams = Team.objects.filter(organization__namespace=repository.namespace_id, name__in=names)
    rows = teams.select_related("organization__namespace").annotate(count=Count("team_members"))
    return [(row, row.count) for row in rows.order_by("name")]


def teams_to_add(organization: Organization | None, shown: Sequence[ShownTeam]) -> list[str]:
    """Those without a grant on exactly this repository. One query, none without an organization."""
    if organization is None:
        return []
    taken = {entry.team.name for entry in shown if entry.own}
    names = visible_teams(organization).order_by("name").values_list("name", flat=True)
    return [name for name in names if name not in taken]


def find_collaborators(repository: Repository, query: str) -> QuerySet[Grant]:
    rows = collaborators(repository)
    return rows.filter(user__username__icontains=query) if query else rows
