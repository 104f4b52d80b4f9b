"""Forms of the pages that share. The actions check again; what they refuse is put under the fields."""

import datetime
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from portal.accounts.names import NAME_MAX
from portal.kit.patterns import PATTERN_MAX
from repositories.grants.actions import role_named
from repositories.models import Grant

# In lower case, as the API and the events write them.
ROLES = [
    ("read", _("Read: see and pull")),
    ("write", _("Write: push too")),
    ("admin", _("Admin: manage it, and who has access")),
]
SHORT_ROLES = [("read", _("Read")), ("write", _("Write")), ("admin", _("Admin"))]

_PLAIN = {"autocapitalize": "none", "autocorrect": "off", "autocomplete": "off", "spellcheck": "false"}
"""Names: a phone must neither correct nor capitalize them."""
TEAMS_IN_A_SELECT = 100
"""More are easier typed than scrolled through."""


def end_of(day: datetime.date | None) -> datetime.datetime | None:
    """A grant that ends on a day holds until that day is over, in UTC."""
    if day is None:
        return None
    return datetime.datetime.combine(day, datetime.time.max, tzinfo=datetime.UTC).replace(microsecond=0)


class RoleForm(forms.Form):
    """In place: one select. What came back with an error is where the reader begins."""

    role = forms.ChoiceField(label=_("Role"), choices=ROLES, initial="read")

    @property
    def wanted(self) -> Grant.Role:
        return role_named(self.cleaned_data["role"])

    def add_error(self, field: str | None, error: Any) -> None:
        super().add_error(field, error)
        if field in self.fields and len(self.errors) == 1:
            self.fields[field].widget.attrs["autofocus"] = True


class EndForm(RoleForm):
    """In place: role and end date."""

    expires_at = forms.DateField(
        label=_("Until"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text=_("The end of this day, in UTC. Without a date it holds until somebody removes it."),
    )

    def clean_expires_at(self) -> datetime.date | None:
        """Before somebody is asked to confirm what would be refused then."""
        day: datetime.date | None = self.cleaned_data["expires_at"]
        if day is not None and day < timezone.now().date():
            raise forms.ValidationError(_("This date has passed. Choose a later one, or none."))
        return day


class CollaboratorForm(EndForm):
    username = forms.CharField(
        label=_("Username"),
        max_length=NAME_MAX * 2,
        widget=forms.TextInput(attrs=_PLAIN),
        help_text=_("Of somebody who has an account here."),
    )
    field_order = ["username", "role", "expires_at"]


class TeamForm(RoleForm):
    """`teams`: the names of those that can be chosen."""

    team = forms.CharField(label=_("Team"), max_length=100)
    field_order = ["team", "role"]

    def __init__(self, *args: Any, teams: list[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        widget: forms.Widget = forms.TextInput(attrs=_PLAIN)
        if len(teams) <= TEAMS_IN_A_SELECT:
            widget = forms.Select(choices=[(name, name) for name in teams])
        self.fields["team"].widget = widget


class PatternForm(RoleForm):
    pattern = forms.CharField(
        label=_("Repository or pattern"),
        strip=True,
        max_length=PATTERN_MAX * 2,  # the rule itself says it better
        help_text=_(
            "A name such as api, or the beginning of names and a “*”: payments/* is every repository whose name begins "
            "with payments/, also those created later; * alone is every one."
        ),
        widget=forms.TextInput(attrs=_PLAIN | {"list": "repository-names", "placeholder": "payments/*"}),
    )
    field_order = ["pattern", "role"]
