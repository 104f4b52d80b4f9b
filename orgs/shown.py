"""Members and organizations as pages, API and export show them."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, QuerySet

from orgs.models import MemberRole, Membership, Organization, Team, TeamMember
from portal.accounts.models import User

TEAMS_SHOWN = 3
"""In a row of the list of members; the others are a number."""


@dataclass(frozen=True)
class ShownMember:
    """`email` is empty for everybody but owners."""

    row: Membership
    user: User
    role: MemberRole
    teams: Sequence[Team] = ()
    email: str = ""
    is_self: bool = False

    @property
    def last_seen(self) -> datetime | None:
        return last_seen(self.user)

    @property
    def some_teams(self) -> Sequence[Team]:
        return self.teams[:TEAMS_SHOWN]

    @property
    def more_teams(self) -> int:
        return max(len(self.teams) - TEAMS_SHOWN, 0)


def last_seen(user: User) -> datetime | None:
    """Signing in counts as well as using a page, the API or docker."""
    moments = [moment for moment in (user.last_seen_at, user.last_login) if moment]
    return max(moments, default=None)


def teams_of(members: Iterable[Membership]) -> dict[int, list[Team]]:
    """The teams of each membership, by its key, in order of name. One query."""
    found: dict[int, list[Team]] = defaultdict(list)
    places = TeamMember.objects.filter(membership__in=[member.pk for member in members]).select_related("team")
    for place in places.order_by("team__name"):
        found[place.membership_id].append(place.team)
    return found


def team_names_of(members: Iterable[Membership]) -> dict[int, list[str]]:
    """As `teams_of`, for lists so long that a row for each place in a team would take seconds. One query."""
    found: dict[int, list[str]] = defaultdict(list)
    places = TeamMember.objects.filter(membership__in=[member.pk for member in members]).order_by("team__name")
    for membership, name in places.values_list("membership_id", "team__name"):
        found[membership].append(name)
    return found


def shown_members(members: Sequence[Membership], *, with_email: bool, self_id: int | None = None) -> list[ShownMember]:
    """Rows of `access.visible_members`. One query."""
    teams = teams_of(members)
    return [
        ShownMember(
            row=member,
            user=member.user,
            role=MemberRole(member.role),
            teams=teams.get(member.pk, []),
            email=member.user.email if with_email else "",
            is_self=member.user_id == self_id,
        )
        for member in members
    ]


@dataclass(frozen=True)
class ShownOrganization:
    row: Organization
    role: MemberRole
    members: int = 0
    teams: int = 0


def shown_organizations(rows: Iterable[Organization]) -> list[ShownOrganization]:
    """Rows of `access.visible_organizations`, with how many belong to each. Two queries besides theirs."""
    found = list(rows)
    keys = [row.pk for row in found]
    members = _counts(Membership.objects.filter(organization__in=keys), "organization")
    teams = _counts(Team.objects.filter(organization__in=keys), "organization")
    return [
        ShownOrganization(row, MemberRole(row.member_role), members.get(row.pk, 0), teams.get(row.pk, 0))
        for row in found
    ]


def _counts(rows: QuerySet[Any], by: str) -> dict[int, int]:
    return dict(rows.values_list(by).annotate(Count("id")))
