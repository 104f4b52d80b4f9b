"""Inviting people to an organization, the list of invitations, and the page of an invitation's link."""

import uuid
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _, ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from orgs.access import OrgPermission, fetch_organization, visible_teams
from orgs.actions import invitations as actions
from orgs.invitation_forms import ConfirmForm, InviteForm, TermsForm
from orgs.invitations import links
from orgs.invitations.access import (
    fetch_by_secret,
    fetch_invitation,
    fetch_own_invitation,
    fit,
    is_member,
    visible_invitations,
)
from orgs.invitations.review import Finding
from orgs.invitations.shown import STATES, find_invitations, shown_invitations, shown_review
from orgs.models import Invitation, InvitationState, MemberRole, Organization
from orgs.pages import frame
from portal.accounts.http import PortalRequest
from portal.accounts.invited import remember_link
from portal.accounts.pages import answer, form_status, sign_in_first, words
from portal.accounts.views import add_errors
from portal.kit.errors import Conflict, Forbidden, Invalid, MoorageError, NotFound, RateLimited
from portal.kit.paging import keyset

TAB = "organization_invitations"
PAGE_SIZE = 25


# -- the owners' pages ------------------------------------------------------------------------------------------------


@require_safe
@sign_in_first
def invitations(request: PortalRequest, namespace: str) -> HttpResponse:
    """The newest first, 25 at a time, found by name and state. Four queries."""
    organization = fetch_organization(request.actor, namespace, OrgPermission.SEE_INVITATIONS)
    query, state = words(request), request.GET.get("state", "")
    rows = find_invitations(visible_invitations(organization), query=query, state=state)
    page = keyset(rows, by="-id", cursor=request.GET.get("cursor", ""), size=PAGE_SIZE)
    context = frame(request, organization, TAB)
    context |= {
        "page": page,
        "invitations": shown_invitations(page.rows),
        "search_query": query,
        "state": state or InvitationState.PENDING,
        "states": STATES,
        "is_filtered": bool(query or state not in {"", InvitationState.PENDING}),
    }
    return answer(request, "orgs/invitation_list.html", "orgs/invitation_results.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@sign_in_first
def invite(request: PortalRequest, namespace: str) -> HttpResponse:
    """The form; what is posted comes back with what each line is, and nothing is sent yet. At most eight queries."""
    organization = fetch_organization(request.actor, namespace, OrgPermission.MANAGE_MEMBERS)
    form = InviteForm(request.POST or None, request.FILES or None, teams=_teams(organization))
    if request.method != "POST" or not form.is_valid():
        return _invite_page(request, organization, form)
    lines = actions.invite(
        actor=request.actor, organization=organization, entries=form.entries, **_terms(form), dry_run=True
    )
    context = frame(request, organization, TAB)
    context |= {
        "review": shown_review(lines),
        "total": len(lines),
        "role": form.member_role().label,
        "is_owner_role": form.member_role() == MemberRole.OWNER,
        "role_value": form.cleaned_data["role"],
        "team": form.cleaned_data["team"],
    }
    return render(request, "orgs/invitation_review.html", context)


@require_POST
def send_invitations(request: PortalRequest, namespace: str) -> HttpResponse:
    """What the review step showed is read and judged again: it came by way of the browser."""
    organization = fetch_organization(request.actor, namespace, OrgPermission.MANAGE_MEMBERS)
    form = ConfirmForm(request.POST, teams=_teams(organization))
    if not form.is_valid():
        return _again(request, organization)
    try:
        lines = actions.invite(actor=request.actor, organization=organization, entries=form.entries, **_terms(form))
    except (Invalid, RateLimited) as error:
        return _again(request, organization, error)
    sent = sum(line.finding is Finding.NEW for line in lines)
    left_out = len(lines) - sent
    if sent:
        text = ngettext("%(count)d person is invited.", "%(count)d people are invited.", sent)
        messages.success(request, text % {"count": sent})
    if left_out:
        text = ngettext("%(count)d was left out: it changed meanwhile.", "%(count)d were left out.", left_out)
        messages.warning(request, text % {"count": left_out})
    return redirect(TAB, organization.name)


def _again(request: PortalRequest, organization: Organization, error: MoorageError | None = None) -> HttpResponse:
    """The form that comes before the review, with what was asked for and why it was not done."""
    form = InviteForm(request.POST, teams=_teams(organization))
    form.is_valid()
    if error is not None:
        add_errors(form, error)
    return _invite_page(request, organization, form, status=error.status if error else 422)


def _invite_page(
    request: PortalRequest, organization: Organization, form: InviteForm, *, status: int | None = None
) -> HttpResponse:
    context = frame(request, organization, TAB) | {"form": form}
    return render(request, "orgs/invitation_new.html", context, status=status or form_status(form))


def _teams(organization: Organization) -> Any:
    return visible_teams(organization).order_by("name")


def _terms(form: TermsForm) -> dict[str, Any]:
    return {"role": form.member_role(), "team": form.cleaned_data["team"]}


@require_POST
def resend_invitations(request: PortalRequest, namespace: str) -> HttpResponse:
    """Those that were ticked, or all that are pending."""
    organization = fetch_organization(request.actor, namespace, OrgPermission.MANAGE_MEMBERS)
    chosen = None if request.POST.get("which") == "all" else _ids(request.POST.getlist("id"))
    if chosen == []:
        messages.info(request, _("Tick the invitations to send again."))
        return redirect(TAB, organization.name)
    try:
        count = actions.resend_invitations(actor=request.actor, organization=organization, public_ids=chosen)
    except RateLimited as error:
        messages.error(request, str(error.message))
        return redirect(TAB, organization.name)
    if count:
        text = ngettext("%(count)d mail is sent again.", "%(count)d mails are sent again.", count)
        messages.success(request, text % {"count": count})
    else:
        messages.info(request, _("Nothing was sent: a mail can be sent again a minute after the last one."))
    return redirect(TAB, organization.name)


def _ids(texts: list[str]) -> list[uuid.UUID]:
    """Those that are ids at all: somebody else's are left out by the action."""
    found = []
    for text in texts:
        try:
            found.append(uuid.UUID(text))
        except ValueError:
            continue
    return found


@require_POST
def resend_invitation(request: PortalRequest, namespace: str, public_id: uuid.UUID) -> HttpResponse:
    row = _fetch(request, namespace, public_id)
    try:
        actions.resend_invitation(actor=request.actor, invitation=row)
    except (Conflict, RateLimited) as error:
        messages.error(request, str(error.message))
    else:
        text = _("The mail to %(name)s is sent again. The link before no longer works.")
        messages.success(request, text % {"name": row.label})
    return redirect(TAB, row.organization.name)


@require_POST
def revoke_invitation(request: PortalRequest, namespace: str, public_id: uuid.UUID) -> HttpResponse:
    row = _fetch(request, namespace, public_id)
    try:
        actions.revoke_invitation(actor=request.actor, invitation=row)
    except Conflict as error:
        messages.error(request, str(error.message))
    else:
        messages.success(request, _("The invitation of %(name)s is revoked.") % {"name": row.label})
    return redirect(TAB, row.organization.name)


def _fetch(request: PortalRequest, namespace: str, public_id: uuid.UUID) -> Invitation:
    """One address for each invitation: it is found below its own organization only."""
    row = fetch_invitation(request.actor, public_id)
    if row.organization.name != namespace:
        raise NotFound(_("There is no such invitation."))
    return row


# -- the pages of the invited -----------------------------------------------------------------------------------------


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@sensitive_variables("secret")
def invitation(request: PortalRequest, secret: str) -> HttpResponse:
    """Where the link in the mail leads. Whoever holds it may see what it is for. At most three queries."""
    try:
        row = fetch_by_secret(secret)
    except NotFound as error:
        return render(request, "orgs/invitation_dead.html", {"message": error.message}, status=error.status)
    if request.method == "POST" and request.user.is_authenticated:
        return _answer_by_link(request, row, secret)
    context = {"invitation": row, "role": MemberRole(row.role).label, "here": request.path}
    context["link_is_live"] = links.is_live(row)
    if not request.user.is_authenticated:
        if context["link_is_live"]:
            remember_link(request, row.hash)
        return render(request, "orgs/invitation_page.html", context)
    context["fit"] = fit(request.actor, row, secret=secret)
    context["is_member"] = is_member(request.actor, row.organization)
    return render(request, "orgs/invitation_page.html", context)


def _answer_by_link(request: PortalRequest, row: Invitation, secret: str) -> HttpResponse:
    try:
        if request.POST.get("answer") == "decline":
            actions.decline_invitation(actor=request.actor, invitation=row, secret=secret)
            return _declined(request, row)
        as_other = request.POST.get("as_other") == "yes"
        accepted = actions.accept_invitation(actor=request.actor, invitation=row, secret=secret, as_other=as_other)
    except (Conflict, Forbidden) as error:
        messages.error(request, str(error.message))
        return redirect("invitation", secret)
    return _accepted(request, row, accepted)


@require_POST
@login_required
def accept_invitation(request: PortalRequest, public_id: uuid.UUID) -> HttpResponse:
    """From the list of one's own, which needs no link."""
    row = fetch_own_invitation(request.actor, public_id)
    try:
        accepted = actions.accept_invitation(actor=request.actor, invitation=row)
    except (Conflict, Forbidden) as error:
        messages.error(request, str(error.message))
        return redirect("organizations")
    return _accepted(request, row, accepted)


@require_POST
@login_required
def decline_invitation(request: PortalRequest, public_id: uuid.UUID) -> HttpResponse:
    row = fetch_own_invitation(request.actor, public_id)
    try:
        actions.decline_invitation(actor=request.actor, invitation=row)
    except Conflict as error:
        messages.error(request, str(error.message))
        return redirect("organizations")
    return _declined(request, row)


def _accepted(request: PortalRequest, row: Invitation, accepted: actions.Accepted) -> HttpResponse:
    name = row.organization.name
    if accepted.is_new:
        messages.success(request, _("Welcome: you belong to %(name)s now.") % {"name": name})
    else:
        messages.info(request, _("You belong to %(name)s already. Nothing was changed.") % {"name": name})
    return redirect(reverse("organization_members", args=[name]))


def _declined(request: PortalRequest, row: Invitation) -> HttpResponse:
    messages.success(request, _("You declined the invitation to %(name)s.") % {"name": row.organization.name})
    return redirect("organizations")
