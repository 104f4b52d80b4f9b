"""Forms of organization access tokens."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from orgs.models import DESCRIPTION_MAX
from portal.accounts.limits import to_lines
from portal.accounts.models import OrganizationAccessToken
from portal.accounts.token_forms import EXPIRIES, ExpiryFields, LimitFields
from portal.accounts.token_rules import LABEL_MAX

KEEP = "keep"
OVERLAPS = {
    "0": _("Until now: it is refused at once"),
    "3600": _("For one hour"),
    "86400": _("For a day"),
    "604800": _("For seven days"),
}


class AboutFields(forms.Form):
    label = forms.CharField(
        label=_("Label"),
        max_length=LABEL_MAX,
        help_text=_("What uses it. Logs and histories name it so; no two tokens of an organization share one."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    description = forms.CharField(
        label=_("Description"),
        required=False,
        max_length=DESCRIPTION_MAX,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )


class OrganizationTokenForm(LimitFields, ExpiryFields, AboutFields):
    """A new robot."""

    owner = forms.ChoiceField(
        label=_("Acts for"),
        required=False,
        help_text=_("The organization reaches all of its repositories. A team reaches what the team is granted."),
    )
    field_order = ["label", "description", "owner", "places", "actions", "expiry", "expiry_date"]

    def __init__(self, data: Any = None, *, organization: str, teams: Sequence[str]) -> None:
        super().__init__(data, initial={"places": f"{organization}/*", "actions": ["pull", "push"]})
        owner = self.fields["owner"]
        assert isinstance(owner, forms.ChoiceField)  # noqa: S101  for the type checker
        choices = [(team, _("Team %(name)s") % {"name": team}) for team in teams]
        owner.choices = [("", _("The organization %(name)s") % {"name": organization}), *choices]


class OrganizationTokenEditForm(LimitFields, AboutFields):
    field_order = ["label", "description", "places", "actions"]

    def __init__(self, data: Any = None, *, token: OrganizationAccessToken) -> None:
        places, actions = to_lines(token.limits)
        about = {"label": token.label, "description": token.description}
        super().__init__(data, initial={**about, "places": places, "actions": actions})


class RotateForm(ExpiryFields):
    overlap = forms.ChoiceField(
        label=_("The secret of now stays valid"),
        choices=list(OVERLAPS.items()),
        initial="86400",
        help_text=_("Time to give everything that uses the token its new secret."),
    )
    field_order = ["overlap", "expiry", "expiry_date"]

    def __init__(self, data: Any = None, *, has_expired: bool) -> None:
        super().__init__(data, initial={"expiry": "90" if has_expired else KEEP})
        expiry = self.fields["expiry"]
        assert isinstance(expiry, forms.ChoiceField)  # noqa: S101  for the type checker
        expiry.label = _("The token expires")
        kept = [] if has_expired else [(KEEP, _("As before"))]
        expiry.choices = [*kept, *EXPIRIES.items()]
        if has_expired:
            del self.fields["overlap"]

    @property
    def keeps_end(self) -> bool:
        return bool(self.cleaned_data["expiry"] == KEEP)

    def old_secret_stays(self) -> timedelta:
        return timedelta(seconds=int(self.cleaned_data.get("overlap", 0)))
