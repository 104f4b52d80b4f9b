"""The list of one's organizations, a new one, and the settings."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.forms import Form
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from orgs import actions
from orgs.access import OrgPermission, decide_create_organization, fetch_organization, own_organizations
from orgs.forms import DefaultsForm, OrganizationForm, ProfileForm
from orgs.invitations.shown import invitations_of
from orgs.models import Organization
from orgs.pages import address, frame
from orgs.shown import shown_organizations
from portal.accounts.http import PortalRequest
from portal.accounts.pages import form_status, sign_in_first
from portal.accounts.views import add_errors
from portal.kit.errors import Conflict, Forbidden, Invalid

PROFILE = ("full_name", "description", "link", "company", "location")


@require_safe
@login_required
def organizations(request: PortalRequest) -> HttpResponse:
    """Those that the visitor belongs to, by name, and the invitations that wait for an answer. Five queries."""
    rows = shown_organizations(own_organizations(request.actor).order_by("namespace__name"))
    context = {"invitations": invitations_of(request.actor), "organizations": rows}
    context |= {"may_create": decide_create_organization(request.actor).allowed}
    return render(request, "orgs/organization_list.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def create_organization(request: PortalRequest) -> HttpResponse:
    """A refusal (an unconfirmed address) is said above the form, and the form left out."""
    decision = decide_create_organization(request.actor)
    if not decision.allowed:
        refused = {"refusal": decision.reason}
        return render(request, "orgs/organization_create.html", refused, status=403 if request.POST else 200)
    form = OrganizationForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            organization = actions.create_organization(actor=request.actor, **form.cleaned_data)
        except (Invalid, Conflict, Forbidden) as error:
            add_errors(form, error)
        else:
            messages.success(request, _("%(name)s is created, and you are its owner.") % {"name": organization.name})
            return redirect("organization_members", organization.name)
    return render(request, "orgs/organization_create.html", {"form": form}, status=form_status(form))


@require_http_methods(["GET", "HEAD", "POST"])
@sign_in_first
def settings(request: PortalRequest, namespace: str) -> HttpResponse:
    """Profile, defaults, and what cannot be undone. A POST carries one form, named by `form`."""
    organization = fetch_organization(request.actor, namespace, OrgPermission.EDIT_DEFAULTS)
    if request.method != "POST":
        return _settings_page(request, organization)
    if request.POST.get("form") == "profile":
        return _save_profile(request, organization)
    return _save_defaults(request, organization)


def _save_profile(request: PortalRequest, organization: Organization) -> HttpResponse:
    form = ProfileForm(request.POST)
    if form.is_valid():
        try:
            actions.update_profile(actor=request.actor, organization=organization, **form.cleaned_data)
        except Invalid as error:
            add_errors(form, error)
        else:
            messages.success(request, _("The profile is saved."))
            return redirect("organization_settings", organization.name)
    return _settings_page(request, organization, profile=form)


def _save_defaults(request: PortalRequest, organization: Organization) -> HttpResponse:
    form = DefaultsForm(request.POST)
    if form.is_valid():
        actions.update_defaults(actor=request.actor, organization=organization, **form.cleaned_data)
        messages.success(request, _("The defaults are saved."))
        return redirect("organization_settings", organization.name)
    return _settings_page(request, organization, defaults=form)


def _settings_page(
    request: PortalRequest,
    organization: Organization,
    *,
    profile: Form | None = None,
    defaults: Form | None = None,
    status: int = 200,
    **more: Any,
) -> HttpResponse:
    context = frame(request, organization, "organization_settings")
    initial = {"default_visibility": organization.default_visibility}
    initial["create_on_push"] = organization.namespace.create_on_push
    context |= {
        "profile": profile or ProfileForm(initial={name: getattr(organization, name) for name in PROFILE}),
        "defaults": defaults or DefaultsForm(initial=initial),
        "rules_url": address("organization_rules", organization.name) if context["can"].edit_rules else "",
        **more,
    }
    for form in (profile, defaults):
        status = max(status, form_status(form)) if form else status
    return render(request, "orgs/organization_settings.html", context, status=status)


@require_POST
def delete_organization(request: PortalRequest, namespace: str) -> HttpResponse:
    """A wrong name, or repositories in the way, come back as the settings page with the sentence."""
    organization = fetch_organization(request.actor, namespace, OrgPermission.DELETE)
    typed = request.POST.get("typed_name", "")
    try:
        actions.delete_organization(actor=request.actor, organization=organization, typed_name=typed)
    except (Invalid, Conflict) as error:
        status = 422 if isinstance(error, Invalid) else error.status
        return _settings_page(request, organization, status=status, delete_error=error.message)
    messages.success(request, _("%(name)s is deleted. Nobody else can take its name.") % {"name": organization.name})
    return redirect("organizations")
