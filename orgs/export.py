"""The members of an organization as CSV, with Docker Hub's columns."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

from django.db.models import QuerySet
from django.http import StreamingHttpResponse
from django.utils import timezone

from orgs.access import visible_members
from orgs.models import Invitation, InvitationState, MemberRole, Membership, Organization
from orgs.shown import team_names_of
from portal.kit import csv_rows

HEADER = ["Name", "Username", "Email", "Type", "Role", "Teams", "Date Joined"]
"""Docker Hub's names, for programs that read them: not translated."""
CHUNK = 500
Item = TypeVar("Item")


def members_response(organization: Organization) -> StreamingHttpResponse:
    """For owners: it holds e-mail addresses. One query for each 500 members, and one for their teams."""
    name = f"{organization.name}-members-{timezone.now():%Y%m%dT%H%M%SZ}.csv"
    return csv_rows.response(name, HEADER, _rows(organization))


def _rows(organization: Organization) -> Iterator[list[object]]:
    members = visible_members(organization).order_by("user__username").iterator(chunk_size=CHUNK)
    for chunk in _chunks(members):
        teams = team_names_of(chunk)
        for member in chunk:
            yield _member(member, teams.get(member.pk, []))
    yield from _invitees(organization)


def _member(member: Membership, teams: list[str]) -> list[object]:
    user = member.user
    role = MemberRole(member.role).name.title()
    joined = member.created_at.strftime("%Y-%m-%dT%H:%M:%SZ")
    return [user.full_name, user.username, user.email, "User", role, ", ".join(teams), joined]


def _invitees(organization: Organization) -> Iterator[list[object]]:
    for invitation in pending_invitations(organization).order_by("id").iterator(chunk_size=CHUNK):
        person = invitation.invitee
        name, username = (person.full_name, person.username) if person else ("", "")
        team = invitation.team.name if invitation.team else ""
        yield [name, username, invitation.email, "Invitee", MemberRole(invitation.role).name.title(), team, ""]


def pending_invitations(organization: Organization) -> QuerySet[Invitation]:
    """Those not answered yet, with `invitee` and `team`. For who manages members: they hold e-mail addresses."""
    return organization.invitations.filter(state=InvitationState.PENDING).select_related("invitee", "team")


def _chunks(rows: Iterable[Item]) -> Iterator[list[Item]]:
    source = iter(rows)
    while chunk := list(islice(source, CHUNK)):
        yield chunk
