"""Forms of the organization's pages. The actions check again; what they refuse is put under the fields."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from orgs.models import DESCRIPTION_MAX, TEAM_NAME_MAX, DefaultVisibility
from portal.accounts.models import CreateOnPush
from portal.accounts.names import NAME_MAX

_PLAIN = {"autocapitalize": "none", "autocorrect": "off", "autocomplete": "off", "spellcheck": "false"}
"""Names: a phone must neither correct nor capitalize them."""


def _line(label: Any, max_length: int, *, help_text: Any = "", **attrs: str) -> forms.CharField:
    """One line that may stay empty."""
    widget = forms.TextInput(attrs={"autocomplete": "off", **attrs})
    return forms.CharField(label=label, max_length=max_length, required=False, help_text=help_text, widget=widget)


class OrganizationForm(forms.Form):
    name = forms.CharField(
        label=_("Name"),
        strip=False,
        max_length=NAME_MAX * 2,  # the rule itself says it better
        help_text=_("Stands in front of every repository, such as acme in acme/api. It cannot be changed later."),
        widget=forms.TextInput(attrs={**_PLAIN, "maxlength": NAME_MAX}),
    )
    full_name = _line(_("Full name"), 100, help_text=_("What the organization is called, such as Acme Ltd."))
    description = _line(_("Description"), DESCRIPTION_MAX, help_text=_("One line about it, shown on its pages."))


class ProfileForm(forms.Form):
    full_name = _line(_("Full name"), 100)
    description = _line(_("Description"), DESCRIPTION_MAX)
    link = forms.URLField(
        label=_("Link"),
        required=False,
        max_length=255,
        assume_scheme="https",
        help_text=_("Its web site."),
        widget=forms.URLInput(attrs={"autocomplete": "off", "placeholder": "https://"}),
    )
    company = _line(_("Company"), 100)
    location = _line(_("Location"), 100)


class DefaultsForm(forms.Form):
    default_visibility = forms.ChoiceField(
        label=_("A new repository is"),
        widget=forms.RadioSelect,
        choices=[
            (DefaultVisibility.PRIVATE, _("Private\nOnly who has access sees it. The safe choice.")),
            (DefaultVisibility.PUBLIC, _("Public\nEverybody sees and pulls it, if the rules let its creator do so.")),
        ],
    )
    create_on_push = forms.ChoiceField(
        label=_("When an image is pushed to a repository that doesn't exist yet"),
        widget=forms.RadioSelect,
        choices=[
            (CreateOnPush.PRIVATE, _("Create a private repository\nOnly for who may create repositories here.")),
            (CreateOnPush.PUBLIC, _("Create a public repository\nEverybody can see and pull it.")),
            (CreateOnPush.OFF, _("Refuse the push\nRepositories are only created by hand or through the API.")),
        ],
    )


class TeamForm(forms.Form):
    name = forms.CharField(
        label=_("Name"),
        strip=False,
        max_length=TEAM_NAME_MAX * 2,
        help_text=_("Lower-case letters, digits, - and _, such as image-admins."),
        widget=forms.TextInput(attrs={**_PLAIN, "maxlength": TEAM_NAME_MAX}),
    )
    description = _line(_("Description"), DESCRIPTION_MAX, help_text=_("What the team is for."))


class TeamMemberForm(forms.Form):
    member = forms.CharField(
        label=_("Username"),
        max_length=NAME_MAX * 2,
        help_text=_("Of somebody who belongs to the organization."),
        widget=forms.TextInput(attrs={**_PLAIN, "list": "candidates"}),
    )
