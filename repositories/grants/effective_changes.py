"""Changes that other rooms write and that are shown first: who is in a team, and whether a repository is public."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from orgs import actions as organizations
from orgs.access import OrgPermission, fetch_member, fetch_team
from orgs.models import Membership, Team
from orgs.pages import frame as organization_frame
from portal.accounts.http import PortalRequest
from portal.accounts.pages import sign_in_first
from repositories import actions
from repositories.access import Permission, fetch_repository
from repositories.access.people import Who
from repositories.grants.confirm import Question, ask, confirm
from repositories.grants.preview import Touched, preview
from repositories.models import Repository, Visibility
from repositories.pages import frame


@require_POST
def change_visibility(request: PortalRequest, namespace: str, name: str) -> HttpResponse:
    """Asks first when the repository becomes public."""
    repository = fetch_repository(request.actor, namespace, name, Permission.CHANGE_VISIBILITY)
    wanted = request.POST.get("visibility", "")

    def change() -> Repository:
        return actions.change_visibility(actor=request.actor, repository=repository, visibility=wanted)

    if wanted == Visibility.PUBLIC:
        question = Question(
            template="repositories/frame.html",
            frame=frame(request, repository, "repository_settings"),
            title=_("Make %(name)s public?") % {"name": repository.full_name},
            back=reverse("repository_settings", args=[namespace, name]),
            button=_("Make it public"),
        )
        asked = confirm(request, change, Touched(repository.namespace, repository.name), question)
        if asked is not None:
            return asked
    public = change().visibility == Visibility.PUBLIC
    said = _("%(name)s is public: everybody can see and pull it.") if public else _("%(name)s is private now.")
    messages.success(request, said % {"name": repository.full_name})
    return redirect("repository_settings", namespace, name)


@require_POST
@sign_in_first
def preview_joining(request: PortalRequest, namespace: str, team: str) -> HttpResponse:
    """What somebody would gain by joining a team. Confirmed, the form goes to the team's own page."""
    row = fetch_team(request.actor, namespace, team, OrgPermission.MANAGE_TEAMS)
    member = fetch_member(row.organization, request.POST.get("member", "").replace("\0", "").strip())
    words = {"name": member.user.username, "team": row.name}

    def change() -> object:
        return organizations.add_team_member(actor=request.actor, team=row, username=member.user.username)

    question = _question(
        request,
        row,
        title=_("Put %(name)s into %(team)s?") % words,
        button=_("Add to the team"),
        action=reverse("organization_team_member_add", args=[namespace, row.name]),
    )
    return ask(request, preview(request.actor, change, _touched(row, member)), question)


@require_POST
@sign_in_first
def preview_leaving(request: PortalRequest, namespace: str, team: str, username: str) -> HttpResponse:
    """What somebody would lose without the team. Confirmed, the form goes to the team's own page."""
    row = fetch_team(request.actor, namespace, team, OrgPermission.MANAGE_TEAMS)
    member = fetch_member(row.organization, username)

    def change() -> None:
        organizations.remove_team_member(actor=request.actor, team=row, username=username)

    question = _question(
        request,
        row,
        title=_("Take %(name)s out of %(team)s?") % {"name": username, "team": row.name},
        button=_("Take out"),
        action=reverse("organization_team_member_remove", args=[namespace, row.name, username]),
    )
    return ask(request, preview(request.actor, change, _touched(row, member)), question)


def _touched(team: Team, member: Membership) -> Touched:
    return Touched(team.organization.namespace, who=Who(users=[member.user_id]))


def _question(request: PortalRequest, team: Team, *, title: str, button: str, action: str) -> Question:
    return Question(
        template="orgs/frame.html",
        frame=organization_frame(request, team.organization, "organization_teams"),
        title=title,
        back=reverse("organization_team", args=[team.organization.name, team.name]),
        button=button,
        action=action,
    )
