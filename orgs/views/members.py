"""Who belongs to an organization: list, one person, role, removal, export."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _, ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from orgs import actions
from orgs.access import OrgPermission, fetch_member, fetch_organization, fetch_team, find_members, visible_teams
from orgs.actions.members import role_named
from orgs.export import members_response
from orgs.models import MemberRole, Membership, Organization
from orgs.pages import address, frame
from orgs.shown import ShownMember, shown_members
from orgs.slots import Slot, fill
from portal.accounts.http import PortalRequest
from portal.accounts.pages import answer, sign_in_first, words
from portal.kit.errors import Conflict
from portal.kit.paging import keyset

PAGE_SIZE = 25
ROLES = [(role.name.lower(), role.label) for role in sorted(MemberRole, reverse=True)]


@require_safe
@sign_in_first
def members(request: PortalRequest, namespace: str) -> HttpResponse:
    """By name, 25 at a time, found by name and role. Four queries."""
    organization = fetch_organization(request.actor, namespace)
    context = frame(request, organization, "organization_members")
    query, role = words(request), request.GET.get("role", "")
    wanted = MemberRole[role.upper()] if role in dict(ROLES) else None
    rows = find_members(organization, query, role=wanted, by_email=context["can"].manage_members)
    page = keyset(rows, by="username", cursor=request.GET.get("cursor", ""), size=PAGE_SIZE)
    total = rows.count()
    context |= {
        "page": page,
        "members": _shown(request, organization, page.rows, by_owner=context["can"].manage_members),
        "found": ngettext("%(count)d member", "%(count)d members", total) % {"count": total},
        "total": total,
        "search_query": query,
        "role": role,
        "roles": ROLES,
        "invite_url": address("organization_invitations", organization.name) if context["can"].manage_members else "",
    }
    return answer(request, "orgs/member_list.html", "orgs/member_results.html", context)


def _shown(request: PortalRequest, organization: Organization, rows: Any, *, by_owner: bool) -> list[ShownMember]:
    return shown_members(rows, with_email=by_owner, self_id=request.actor.user_id)


@require_safe
@sign_in_first
def export_members(request: PortalRequest, namespace: str) -> StreamingHttpResponse:
    organization = fetch_organization(request.actor, namespace, OrgPermission.MANAGE_MEMBERS)
    return members_response(organization)


@require_safe
@sign_in_first
def member(request: PortalRequest, namespace: str, username: str) -> HttpResponse:
    """One person in the organization, with what rooms above know of them. Four queries, and theirs."""
    organization, row = _fetch(request, namespace, username)
    context = _frame(request, organization, row)
    context |= {"parts": fill(Slot.MEMBER, request, row)}
    return render(request, "orgs/member_detail.html", context)


def _fetch(
    request: PortalRequest, namespace: str, username: str, permission: OrgPermission = OrgPermission.VIEW
) -> tuple[Organization, Membership]:
    organization = fetch_organization(request.actor, namespace, permission)
    row = fetch_member(organization, username)
    row.organization = organization
    return organization, row


def _frame(request: PortalRequest, organization: Organization, row: Membership) -> dict[str, Any]:
    context = frame(request, organization, "organization_members")
    by_owner = context["can"].manage_members
    shown = _shown(request, organization, [row], by_owner=by_owner)[0]
    free = [team for team in visible_teams(organization).order_by("name") if team not in shown.teams]
    return context | {"member": shown, "roles": ROLES, "free_teams": free if context["can"].manage_teams else []}


@require_POST
def change_role(request: PortalRequest, namespace: str, username: str) -> HttpResponse:
    """Asks first, and shows who gains or loses what; `confirmed` in the POST changes it."""
    organization, row = _fetch(request, namespace, username, OrgPermission.MANAGE_MEMBERS)
    role = role_named(request.POST.get("role", ""))
    if role != row.role and "confirmed" not in request.POST:
        return _ask_role(request, organization, row, role)
    try:
        actions.change_member_role(actor=request.actor, organization=organization, username=username, role=role)
    except Conflict as error:
        return _ask_role(request, organization, row, role, error=str(error.message), status=error.status)
    messages.success(request, _("%(name)s is %(role)s now.") % {"name": username, "role": role.label})
    return redirect("organization_members", organization.name)


@require_POST
def add_to_team(request: PortalRequest, namespace: str, username: str) -> HttpResponse:
    team = fetch_team(request.actor, namespace, request.POST.get("team", ""), OrgPermission.MANAGE_TEAMS)
    actions.add_team_member(actor=request.actor, team=team, username=username)
    messages.success(request, _("%(name)s is in %(team)s now.") % {"name": username, "team": team.name})
    return redirect("organization_member", namespace, username)


def _ask_role(
    request: PortalRequest,
    organization: Organization,
    row: Membership,
    role: MemberRole,
    *,
    error: str = "",
    status: int = 200,
) -> HttpResponse:
    context = _frame(request, organization, row)
    context |= {
        "wanted": role,
        "wanted_name": role.name.lower(),
        "error": error,
        "preview": fill(Slot.MEMBER_ROLE, request, row, role=role),
    }
    return render(request, "orgs/member_role.html", context, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@sign_in_first
def remove_member(request: PortalRequest, namespace: str, username: str) -> HttpResponse:
    """A page that says what goes with them; oneself leaves by it."""
    own = not request.actor.is_anonymous and username == request.actor.name
    permission = OrgPermission.LEAVE if own else OrgPermission.MANAGE_MEMBERS
    organization, row = _fetch(request, namespace, username, permission)
    context: dict[str, Any] = {}
    status = 200
    if request.method == "POST":
        try:
            actions.remove_member(actor=request.actor, organization=organization, username=username)
        except Conflict as error:
            context["error"], status = error.message, error.status
        else:
            return _removed(request, organization, username, own=own)
    context = _frame(request, organization, row) | context
    context["preview"] = fill(Slot.MEMBER_REMOVE, request, row)
    return render(request, "orgs/member_remove.html", context, status=status)


def _removed(request: PortalRequest, organization: Organization, username: str, *, own: bool) -> HttpResponse:
    names = {"name": username, "organization": organization.name}
    if own:
        messages.success(request, _("You have left %(organization)s.") % names)
        return redirect("organizations")
    messages.success(request, _("%(name)s no longer belongs to %(organization)s.") % names)
    return redirect("organization_members", organization.name)
