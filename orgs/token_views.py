"""Pages of organization access tokens, for owners; and what a team's page says of its robots."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from orgs.access import OrgCan, OrgPermission, fetch_organization, visible_teams
from orgs.actions import access_tokens as actions
from orgs.models import Organization, Team
from orgs.pages import frame
from orgs.token_forms import OrganizationTokenEditForm, OrganizationTokenForm, RotateForm
from portal.accounts.http import PortalRequest
from portal.accounts.models import OrganizationAccessToken
from portal.accounts.pages import form_status, sign_in_first
from portal.accounts.shown import ShownToken, shown_token
from portal.accounts.views import add_errors
from portal.kit.errors import Conflict, Invalid

TAB = "organization_tokens"
TEAMS_MAX = 500
"""That the form offers; a token for another one is made through the API."""
# What an action calls a field, and what the page calls it.
_FIELDS = {"expires_at": "expiry_date", "team": "owner"}


def _shown(token: OrganizationAccessToken) -> ShownToken:
    now = timezone.now()
    until = token.old_hash_until if len(token.hashes(now)) > 1 else None
    return shown_token(token, now, team=actions.team_name_of(token), old_secret_until=until)


@require_safe
@sign_in_first
def access_tokens(request: PortalRequest, namespace: str) -> HttpResponse:
    """All of them on one page (`actions.TOKENS_MAX` at most). Three queries."""
    organization = fetch_organization(request.actor, namespace, OrgPermission.TOKENS)
    rows = actions.visible_access_tokens(request.actor, organization)
    context = frame(request, organization, TAB) | {"tokens": [_shown(row) for row in rows]}
    return render(request, "orgs/token_list.html", context)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@sign_in_first
@sensitive_variables("secret")
def create_access_token(request: PortalRequest, namespace: str) -> HttpResponse:
    """The answer to the POST is the only page that ever shows the secret."""
    organization = fetch_organization(request.actor, namespace, OrgPermission.TOKENS)
    teams = list(visible_teams(organization).order_by("name").values_list("name", flat=True)[:TEAMS_MAX])
    form = OrganizationTokenForm(request.POST or None, organization=organization.name, teams=teams)
    if request.method == "POST" and form.is_valid():
        try:
            token, secret = _create(request, organization, form)
        except (Invalid, Conflict) as error:
            _add_errors(form, error)
        else:
            return _secret_page(request, organization, token, secret, is_new=True)
    context = frame(request, organization, TAB) | {"form": form}
    return render(request, "orgs/token_create.html", context, status=form_status(form))


def _create(
    request: PortalRequest, organization: Organization, form: OrganizationTokenForm
) -> tuple[OrganizationAccessToken, str]:
    data = form.cleaned_data
    return actions.create_access_token(
        actor=request.actor,
        organization=organization,
        label=data["label"],
        description=data["description"],
        limits=form.limits or [],
        team=data["owner"],
        expires_at=form.expires_at(),
    )


def _add_errors(form: Any, error: Invalid | Conflict) -> None:
    """Under the places, whatever is wrong with one of them."""
    places = {name: "places" for name in error.fields if name.partition(".")[0] == "resources"}
    add_errors(form, error, _FIELDS | places)


def _secret_page(
    request: PortalRequest, organization: Organization, token: OrganizationAccessToken, secret: str, *, is_new: bool
) -> HttpResponse:
    context = frame(request, organization, TAB)
    context |= {"token": token, "shown": _shown(token), "secret": secret, "is_new": is_new}
    return render(request, "orgs/token_secret.html", context, status=201 if is_new else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@sign_in_first
def access_token(request: PortalRequest, namespace: str, public_id: UUID) -> HttpResponse:
    """One: edit, rotate, switch, delete."""
    organization, token = _fetch(request, namespace, public_id)
    form = OrganizationTokenEditForm(request.POST or None, token=token)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            actions.update_access_token(
                actor=request.actor,
                organization=organization,
                public_id=public_id,
                label=data["label"],
                description=data["description"],
                limits=form.limits,
            )
        except (Invalid, Conflict) as error:
            _add_errors(form, error)
        else:
            messages.success(request, _("“%(label)s” is saved.") % {"label": data["label"]})
            return redirect("organization_token", organization.name, public_id)
    return _token_page(request, organization, token, form=form)


def _fetch(request: PortalRequest, namespace: str, public_id: UUID) -> tuple[Organization, OrganizationAccessToken]:
    organization = fetch_organization(request.actor, namespace, OrgPermission.TOKENS)
    return organization, actions.fetch_access_token(request.actor, organization, public_id)


def _token_page(
    request: PortalRequest,
    organization: Organization,
    token: OrganizationAccessToken,
    *,
    form: OrganizationTokenEditForm | None = None,
    rotation: RotateForm | None = None,
) -> HttpResponse:
    shown = _shown(token)
    form = form or OrganizationTokenEditForm(token=token)
    rotation = rotation or RotateForm(has_expired=shown.state == "expired")
    context = frame(request, organization, TAB)
    context |= {"token": token, "shown": shown, "form": form, "rotation": rotation}
    status = max(form_status(form), form_status(rotation))
    return render(request, "orgs/token_detail.html", context, status=status)


@never_cache
@require_POST
@sensitive_variables("secret")
def rotate_access_token(request: PortalRequest, namespace: str, public_id: UUID) -> HttpResponse:
    """The answer is the only page that ever shows the new secret."""
    organization, token = _fetch(request, namespace, public_id)
    form = RotateForm(request.POST, has_expired=token.state(timezone.now()) == "expired")
    if form.is_valid():
        try:
            token, secret = actions.rotate_access_token(
                actor=request.actor,
                organization=organization,
                public_id=public_id,
                overlap=form.old_secret_stays(),
                expiry=None if form.keeps_end else actions.Expiry(form.expires_at()),
            )
        except Invalid as error:
            _add_errors(form, error)
        else:
            return _secret_page(request, organization, token, secret, is_new=False)
    return _token_page(request, organization, token, rotation=form)


@require_POST
def switch_access_token(request: PortalRequest, namespace: str, public_id: UUID) -> HttpResponse:
    organization, _token = _fetch(request, namespace, public_id)
    is_active = request.POST.get("is_active") == "true"
    token = actions.update_access_token(
        actor=request.actor, organization=organization, public_id=public_id, is_active=is_active
    )
    text = _("“%(label)s” works again.") if is_active else _("“%(label)s” is switched off.")
    messages.success(request, text % {"label": token.label})
    return redirect("organization_token", organization.name, public_id)


@require_POST
def delete_access_token(request: PortalRequest, namespace: str, public_id: UUID) -> HttpResponse:
    organization, token = _fetch(request, namespace, public_id)
    if request.POST.get("typed_label", "").strip() != token.label:
        messages.error(request, _("Nothing was deleted: type “%(label)s” to confirm.") % {"label": token.label})
        return redirect("organization_token", organization.name, public_id)
    actions.delete_access_token(actor=request.actor, organization=organization, public_id=public_id)
    messages.success(request, _("“%(label)s” is deleted. What used it can no longer sign in.") % {"label": token.label})
    return redirect("organization_tokens", organization.name)


def robots_of_team(request: PortalRequest, team: Team, **_more: Any) -> SafeString:
    """A panel for the team's page; nothing when no robot acts for it. One query."""
    organization = team.organization
    tokens = [_shown(row) for row in actions.visible_team_tokens(organization, team)]
    if not tokens:
        return SafeString()
    context = {"tokens": tokens, "organization": organization, "can": OrgCan(request.actor, organization)}
    return mark_safe(render_to_string("orgs/token_team.html", context))  # noqa: S308  a template's output
