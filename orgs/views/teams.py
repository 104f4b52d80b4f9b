"""An organization's teams, and who is in them."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from orgs import actions
from orgs.access import OrgPermission, candidates, fetch_organization, fetch_team, visible_team_members, visible_teams
from orgs.forms import TeamForm, TeamMemberForm
from orgs.models import Team
from orgs.pages import frame
from orgs.slots import Slot, fill
from portal.accounts.http import PortalRequest
from portal.accounts.pages import answer, form_status, sign_in_first, words
from portal.accounts.views import add_errors, back
from portal.kit.errors import Conflict, Invalid
from portal.kit.paging import keyset

PAGE_SIZE = 25
CANDIDATES = 500
"""Names that the field for another member proposes; in a larger organization the others are typed."""


@require_http_methods(["GET", "HEAD", "POST"])
@sign_in_first
def teams(request: PortalRequest, namespace: str) -> HttpResponse:
    """By name, and for owners the form for another one. Three queries."""
    permission = OrgPermission.MANAGE_TEAMS if request.method == "POST" else OrgPermission.VIEW
    organization = fetch_organization(request.actor, namespace, permission)
    form = TeamForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            team = actions.create_team(actor=request.actor, organization=organization, **form.cleaned_data)
        except (Invalid, Conflict) as error:
            add_errors(form, error)
        else:
            messages.success(request, _("The team %(name)s is created. Add people to it.") % {"name": team.name})
            return redirect("organization_team", organization.name, team.name)
    query = words(request)
    rows = visible_teams(organization)
    rows = rows.filter(name__icontains=query) if query else rows
    page = keyset(rows, by="name", cursor=request.GET.get("cursor", ""), size=PAGE_SIZE)
    context = frame(request, organization, "organization_teams")
    context |= {"page": page, "teams": page.rows, "form": form, "search_query": query}
    return answer(request, "orgs/team_list.html", "orgs/team_results.html", context, status=form_status(form))


@require_safe
@sign_in_first
def team(request: PortalRequest, namespace: str, team: str) -> HttpResponse:
    """Its people by name, 25 at a time, and what rooms above know of it. Four queries, and theirs."""
    row = fetch_team(request.actor, namespace, team)
    return _team_page(request, row, TeamMemberForm())


def _frame(request: PortalRequest, row: Team) -> dict[str, Any]:
    return frame(request, row.organization, "organization_teams") | {"team": row}


def _team_page(request: PortalRequest, row: Team, form: TeamMemberForm) -> HttpResponse:
    query = words(request)
    found = visible_team_members(row, query)
    page = keyset(found, by="username", cursor=request.GET.get("cursor", ""), size=PAGE_SIZE)
    context = _frame(request, row)
    context |= {"page": page, "places": page.rows, "form": form, "search_query": query}
    context["candidates"] = candidates(row, CANDIDATES) if context["can"].manage_teams else []
    context["parts"] = fill(Slot.TEAM, request, row)
    return answer(request, "orgs/team_detail.html", "orgs/team_members.html", context, status=form_status(form))


@require_POST
def add_member(request: PortalRequest, namespace: str, team: str) -> HttpResponse:
    row = fetch_team(request.actor, namespace, team, OrgPermission.MANAGE_TEAMS)
    form = TeamMemberForm(request.POST)
    if form.is_valid():
        username = form.cleaned_data["member"].lower()
        try:
            actions.add_team_member(actor=request.actor, team=row, username=username)
        except Invalid as error:
            add_errors(form, error)
        else:
            messages.success(request, _("%(name)s is in %(team)s now.") % {"name": username, "team": row.name})
            return redirect(back(request, otherwise=_address(row)))
    return _team_page(request, row, form)


@require_POST
def remove_member(request: PortalRequest, namespace: str, team: str, username: str) -> HttpResponse:
    row = fetch_team(request.actor, namespace, team, OrgPermission.MANAGE_TEAMS)
    actions.remove_team_member(actor=request.actor, team=row, username=username)
    messages.success(request, _("%(name)s is no longer in %(team)s.") % {"name": username, "team": row.name})
    return redirect(back(request, otherwise=_address(row)))


def _address(row: Team) -> str:
    return reverse("organization_team", args=[row.organization.name, row.name])


@require_http_methods(["GET", "HEAD", "POST"])
@sign_in_first
def edit_team(request: PortalRequest, namespace: str, team: str) -> HttpResponse:
    row = fetch_team(request.actor, namespace, team, OrgPermission.MANAGE_TEAMS)
    form = TeamForm(request.POST or None, initial={"name": row.name, "description": row.description})
    if request.method == "POST" and form.is_valid():
        try:
            changed = actions.update_team(actor=request.actor, team=row, **form.cleaned_data)
        except (Invalid, Conflict) as error:
            add_errors(form, error)
        else:
            messages.success(request, _("The team %(name)s is saved.") % {"name": changed.name})
            return redirect("organization_team", namespace, changed.name)
    context = _frame(request, row) | {"form": form}
    return render(request, "orgs/team_edit.html", context, status=form_status(form))


@require_http_methods(["GET", "HEAD", "POST"])
@sign_in_first
def delete_team(request: PortalRequest, namespace: str, team: str) -> HttpResponse:
    """A page that says what goes with it: grants and access tokens. Six queries."""
    row = fetch_team(request.actor, namespace, team, OrgPermission.MANAGE_TEAMS)
    if request.method == "POST":
        actions.delete_team(actor=request.actor, team=row)
        messages.success(request, _("The team %(name)s is deleted.") % {"name": row.name})
        return redirect("organization_teams", namespace)
    context = _frame(request, row)
    context |= {
        "grants": list(row.grants.order_by("pattern")),
        "robots": list(row.robots.order_by("token__label").values_list("token__label", flat=True)),
        "preview": fill(Slot.TEAM_DELETE, request, row),
    }
    return render(request, "orgs/team_delete.html", context)
