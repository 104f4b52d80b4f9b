"""What effective access puts on the organization's pages: a person's reach, and what a change there would do."""

from collections.abc import Callable

from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe

from orgs import actions
from orgs.models import MemberRole, Membership, Team
from portal.accounts.http import PortalRequest
from portal.kit.errors import MoorageError
from repositories.access.people import Who, find_subjects
from repositories.access.reach import explain, reached
from repositories.grants.access import require_to_see_member, require_to_see_team
from repositories.grants.preview import Touched, preview

SHOWN = 8


def part_of_member(request: PortalRequest, member: Membership) -> SafeString:
    """The first repositories that the member reaches, and the way to all. Four queries; nothing for others."""
    organization = member.organization
    try:
        require_to_see_member(request.actor, organization, member)
    except MoorageError:
        return SafeString("")
    subject = find_subjects(users=[member.user_id])[member.user_id, 0]
    rows = list(reached(subject, namespace=organization.namespace).order_by("full_name")[: SHOWN + 1])
    context = {
        "reached": explain(subject, rows[:SHOWN]),
        "more": len(rows) > SHOWN,
        "url": reverse("organization_member_reach", args=[organization.name, subject.name]),
    }
    return _render("grants/reach_part.html", context)


def part_of_team(request: PortalRequest, team: Team) -> SafeString:
    """The way to what the team reaches. One query at most; nothing for who may not know."""
    try:
        require_to_see_team(request.actor, team)
    except MoorageError:
        return SafeString("")
    url = reverse("organization_team_reach", args=[team.organization.name, team.name])
    return _render("grants/reach_link.html", {"url": url})


def before_role(request: PortalRequest, member: Membership, *, role: MemberRole) -> SafeString:
    def change() -> object:
        return actions.change_member_role(
            actor=request.actor, organization=member.organization, username=member.user.username, role=role
        )

    return _previewed(request, change, _touched(member))


def before_removal(request: PortalRequest, member: Membership) -> SafeString:
    def change() -> None:
        actions.remove_member(actor=request.actor, organization=member.organization, username=member.user.username)

    return _previewed(request, change, _touched(member))


def before_team_deletion(request: PortalRequest, team: Team) -> SafeString:
    users = list(team.team_members.values_list("membership__user", flat=True))
    robots = list(team.robots.values_list("token", flat=True))
    touched = Touched(team.organization.namespace, who=Who(users, robots))
    return _previewed(request, lambda: actions.delete_team(actor=request.actor, team=team), touched)


def _touched(member: Membership) -> Touched:
    return Touched(member.organization.namespace, who=Who(users=[member.user_id]))


def _previewed(request: PortalRequest, change: Callable[[], object], touched: Touched) -> SafeString:
    """A change that cannot be made is answered by the page itself, when it is tried."""
    try:
        found = preview(request.actor, change, touched)
    except MoorageError:
        return SafeString("")
    return _render("grants/preview.html", {"preview": found})


def _render(template: str, context: dict[str, object]) -> SafeString:
    return mark_safe(render_to_string(template, context))  # noqa: S308  a template's output
