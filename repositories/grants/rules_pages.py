"""The rules of an organization: base permission, who creates, who publishes. Shown before they are saved: who gains."""

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _, gettext_lazy
from django.views.decorators.http import require_http_methods

from orgs import actions
from orgs.access import OrgPermission, fetch_organization
from orgs.models import BasePermission, Organization, WhoCreates, WhoPublishes
from orgs.pages import frame
from portal.accounts.http import PortalRequest
from portal.accounts.pages import form_status, sign_in_first
from repositories.grants.confirm import CONFIRMED, Question, ask
from repositories.grants.preview import Touched, preview


class RulesForm(forms.Form):
    """The action checks again."""

    base_permission = forms.TypedChoiceField(
        label=gettext_lazy("What every member may do with every repository"),
        coerce=int,
        widget=forms.RadioSelect,
        choices=[
            (BasePermission.NONE, gettext_lazy("Nothing\nMembers see only what a team or a repository grants them.")),
            (BasePermission.READ, gettext_lazy("Read\nMembers see and pull every repository, private ones too.")),
            (BasePermission.WRITE, gettext_lazy("Write\nMembers push to every repository, too.")),
        ],
    )
    who_creates = forms.ChoiceField(
        label=gettext_lazy("Who creates repositories"),
        help_text=gettext_lazy("A team that may write to a name pattern creates repositories of such names anyway."),
        widget=forms.RadioSelect,
        choices=[
            (WhoCreates.OWNERS, gettext_lazy("Owners")),
            (WhoCreates.EDITORS, gettext_lazy("Owners and editors")),
            (WhoCreates.MEMBERS, gettext_lazy("Every member")),
        ],
    )
    who_publishes = forms.ChoiceField(
        label=gettext_lazy("Who makes repositories public"),
        widget=forms.RadioSelect,
        choices=[
            (WhoPublishes.NOBODY, gettext_lazy("Nobody\nWhat is public stays so, until somebody makes it private.")),
            (WhoPublishes.OWNERS, gettext_lazy("Owners")),
            (WhoPublishes.ADMINS, gettext_lazy("Whoever is admin of the repository")),
        ],
    )


NAMES = ("base_permission", "who_creates", "who_publishes")


@require_http_methods(["GET", "HEAD", "POST"])
@sign_in_first
def rules(request: PortalRequest, namespace: str) -> HttpResponse:
    """Another base permission is shown with what it does to everybody, and saved when that is confirmed."""
    organization = fetch_organization(request.actor, namespace, OrgPermission.EDIT_RULES)
    form = RulesForm(request.POST or None, initial={name: getattr(organization, name) for name in NAMES})
    if request.method != "POST" or not form.is_valid():
        context = frame(request, organization, "organization_access") | {"form": form}
        return render(request, "grants/rules.html", context, status=form_status(form))
    asked = _ask(request, organization, form)
    if asked is not None:
        return asked
    actions.update_rules(actor=request.actor, organization=organization, **form.cleaned_data)
    messages.success(request, _("The rules are saved. They count from the next page and the next token on."))
    return redirect("organization_rules", organization.name)


def _ask(request: PortalRequest, organization: Organization, form: RulesForm) -> HttpResponse | None:
    """None when there is nothing to ask: it was confirmed, or nobody's access changes."""
    if CONFIRMED in request.POST or form.cleaned_data["base_permission"] == organization.base_permission:
        return None

    def change() -> object:
        return actions.update_rules(actor=request.actor, organization=organization, **form.cleaned_data)

    found = preview(request.actor, change, Touched(organization.namespace))
    if found.is_empty:
        return None
    question = Question(
        template="orgs/frame.html",
        frame=frame(request, organization, "organization_access"),
        title=_("Save these rules?"),
        back=reverse("organization_rules", args=[organization.name]),
        button=_("Save the rules"),
    )
    return ask(request, found, question)
