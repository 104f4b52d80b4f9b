"""The page “Repositories” of a team: what it is granted, by name and by pattern."""

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from orgs.access import OrgPermission, fetch_team
from orgs.models import Team
from orgs.pages import frame
from portal.accounts.http import PortalRequest
from portal.accounts.pages import form_status, sign_in_first, words
from portal.accounts.views import add_errors
from portal.kit.errors import Conflict, Forbidden, Invalid
from portal.kit.paging import keyset
from repositories.grants import actions
from repositories.grants.access import (
    fetch_team_grant_by_id,
    grants_of_team,
    may_grant_everywhere,
    people_of,
    require_to_see_team,
)
from repositories.grants.confirm import Question, confirm
from repositories.grants.forms import SHORT_ROLES, PatternForm, RoleForm
from repositories.grants.preview import Touched
from repositories.grants.sharing import ShownGrant, shown_grant
from repositories.grants.sharing_matches import Matches, matches_of, repositories_in
from repositories.models import Grant

PAGE_SIZE = 25
NAMES_OFFERED = 200
"""Of repositories, to choose from while one types."""
SHOWN_ON_TEAM = 5


@dataclass(frozen=True)
class ShownTeamGrant:
    grant: ShownGrant
    matches: Matches
    is_everything: bool
    is_pattern: bool


@require_http_methods(["GET", "HEAD", "POST"])
@sign_in_first
def team_grants(request: PortalRequest, namespace: str, team: str) -> HttpResponse:
    """By name, 25 at a time, each with what it matches now. Seven queries to show."""
    permission = OrgPermission.GRANT if request.method == "POST" else OrgPermission.VIEW
    row = fetch_team(request.actor, namespace, team, permission)
    require_to_see_team(request.actor, row)
    form = PatternForm(request.POST or None)
    if request.method == "POST" and form.is_valid():

        def change() -> Grant:
            return actions.grant_to_team(
                actor=request.actor,
                organization=row.organization,
                team=row,
                pattern=form.cleaned_data["pattern"],
                role=form.wanted,
            )

        try:
            touched = _touched(row, form.cleaned_data["pattern"])
            asked = confirm(request, change, touched, _question(request, row), when_asked=True)
            if asked is not None:
                return asked
            grant = change()
        except (Invalid, Conflict) as error:
            add_errors(form, error)
        else:
            return _done(request, row, grant, _("%(team)s has the role %(role)s on %(pattern)s."))
    return _page(request, row, form, status=form_status(form))


def _touched(team: Team, pattern: str) -> Touched:
    return Touched(team.organization.namespace, pattern, who=people_of([team]), teams=[team])


def _question(request: PortalRequest, team: Team) -> Question:
    return Question(
        template="orgs/frame.html",
        frame=_frame(request, team),
        title=_("What would change for the team %(name)s") % {"name": team.name},
        back=_address(team),
        button=_("Save it"),
    )


def _frame(request: PortalRequest, team: Team) -> dict[str, Any]:
    return frame(request, team.organization, "organization_teams") | {"team": team}


def _address(team: Team) -> str:
    return reverse("organization_team_grants", args=[team.organization.name, team.name])


def _done(request: PortalRequest, team: Team, grant: Grant, said: str) -> HttpResponse:
    role = Grant.Role(grant.role).label
    messages.success(request, said % {"team": team.name, "role": role, "pattern": grant.pattern})
    return redirect(_address(team))


def _page(
    request: PortalRequest, team: Team, form: PatternForm, *, error: tuple[int, str] | None = None, status: int = 200
) -> HttpResponse:
    """`error`: the grant that was edited in place, and what was wrong."""
    query = words(request)
    rows = grants_of_team(team).filter(pattern__icontains=query) if query else grants_of_team(team)
    page = keyset(rows, by="pattern", cursor=request.GET.get("cursor", ""), size=PAGE_SIZE)
    may_edit = may_grant_everywhere(request.actor, team.organization).allowed
    errors = {error[0]: {"role": [error[1]]}} if error else None
    context = _frame(request, team)
    context |= {
        "page": page,
        "grants": _shown(request, team, page.rows, errors),
        "form": form,
        "may_edit": may_edit,
        "roles": SHORT_ROLES,
        "search_query": query,
        "searchable": bool(query or page.next or page.previous),
        "repository_names": _names(request, team) if may_edit else [],
    }
    return render(request, "grants/sharing_team.html", context, status=status)


def _shown(request: PortalRequest, team: Team, rows: Any, errors: Any = None) -> list[ShownTeamGrant]:
    now = timezone.now()
    found = matches_of(request.actor, team.organization, [row.pattern for row in rows])
    return [
        ShownTeamGrant(
            grant=shown_grant(row, now, errors),
            matches=found[row.pattern],
            is_everything=row.pattern == "*",
            is_pattern=row.pattern.endswith("*"),
        )
        for row in rows
    ]


def _names(request: PortalRequest, team: Team) -> list[str]:
    rows = repositories_in(request.actor, team.organization).order_by("name")
    return list(rows.values_list("name", flat=True)[:NAMES_OFFERED])


@require_POST
@sign_in_first
def change_team_grant(request: PortalRequest, namespace: str, team: str, grant_id: int) -> HttpResponse:
    row = fetch_team(request.actor, namespace, team, OrgPermission.GRANT)
    grant = fetch_team_grant_by_id(row, grant_id)
    form = RoleForm(request.POST)
    if not form.is_valid():
        return _page(request, row, PatternForm(), error=(grant.pk, str(form.errors["role"][0])), status=422)

    def change() -> Grant:
        return actions.change_grant(actor=request.actor, grant=grant, role=form.wanted)

    return _done(request, row, change(), _("%(team)s has the role %(role)s on %(pattern)s now."))


@require_POST
@sign_in_first
def revoke_team_grant(request: PortalRequest, namespace: str, team: str, grant_id: int) -> HttpResponse:
    row = fetch_team(request.actor, namespace, team, OrgPermission.GRANT)
    grant = fetch_team_grant_by_id(row, grant_id)
    actions.revoke_grant(actor=request.actor, grant=grant)
    return _done(request, row, grant, _("%(team)s no longer has the role %(role)s on %(pattern)s."))


def part_of_team(request: PortalRequest, about: object, **_more: object) -> SafeString:
    """Below the people on a team's page: the first of its grants, and the way to all. Four queries."""
    if not isinstance(about, Team):
        return SafeString()
    try:
        require_to_see_team(request.actor, about)
    except Forbidden:
        return SafeString()
    rows = list(grants_of_team(about)[: SHOWN_ON_TEAM + 1])
    context = {
        "team": about,
        "organization": about.organization,
        "grants": _shown(request, about, rows[:SHOWN_ON_TEAM]),
        "has_more": len(rows) > SHOWN_ON_TEAM,
        "may_edit": may_grant_everywhere(request.actor, about.organization).allowed,
        "roles": SHORT_ROLES,
    }
    return mark_safe(render_to_string("grants/sharing_team_part.html", context))  # noqa: S308  a template's output
