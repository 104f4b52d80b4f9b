"""The forms that a list of people to invite comes in. Reading the list is `orgs.invitations.lists`' business."""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from orgs.invitations.lists import FILE_FIELD, MOST_BYTES, Entry, parse_csv, parse_text
from orgs.models import MemberRole, Team
from portal.kit.errors import Invalid

ROLES = [
    ("member", _("Member\nSees members and teams, and reaches what the base permission and teams allow.")),
    ("editor", _("Editor\nCreates, changes and deletes every repository, and grants access to them.")),
    ("owner", _("Owner\nEverything, members, teams, access tokens and the audit log included.")),
]


class TermsForm(forms.Form):
    """Role and team, which everybody in a list is invited to alike."""

    role = forms.ChoiceField(label=_("Role"), widget=forms.RadioSelect, choices=ROLES, initial="member")

    def __init__(self, *args: Any, teams: Iterable[Team], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [("", _("No team")), *((team.name, team.name) for team in teams)]
        self.fields["team"] = forms.ChoiceField(
            label=_("Team"), required=False, choices=choices, help_text=_("Who accepts is put into it.")
        )

    def member_role(self) -> MemberRole:
        return MemberRole[self.cleaned_data["role"].upper()]


class InviteForm(TermsForm):
    """`entries` once it is valid: of the pasted list, or of the file."""

    people = forms.CharField(
        label=_("People"),
        required=False,
        help_text=_("Usernames or e-mail addresses, up to 1,000: parted by commas, semicolons, spaces or lines."),
        widget=forms.Textarea(
            attrs={
                "rows": 5,
                "autocapitalize": "none",
                "autocorrect": "off",
                "autocomplete": "off",
                "spellcheck": "false",
                "placeholder": "bob, carol@example.org",
            }
        ),
    )
    file = forms.FileField(
        label=_("Or a CSV file"),
        required=False,
        allow_empty_file=True,  # the list says better what is wrong with it
        help_text=_("Its first line names the columns; the one called “email” counts, up to 1,000 rows."),
        widget=forms.FileInput(attrs={"accept": ".csv,text/csv"}),
    )
    field_order = ["people", "file", "role", "team"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.entries: list[Entry] = []

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        text, file = cleaned.get("people", ""), cleaned.get("file")
        if text and file:
            self.add_error(FILE_FIELD, _("Give a list or a file, not both."))
        elif not self.errors:
            try:
                self.entries = parse_csv(file.read(MOST_BYTES + 1)) if file else parse_text(text)
            except Invalid as error:
                self._add(error)
        return cleaned

    def _add(self, error: Invalid) -> None:
        for field, texts in error.fields.items():
            self.add_error(field if field in self.fields else None, [str(text) for text in texts])


class ConfirmForm(TermsForm):
    """What the review step sends back: the same list again, which is read and judged again."""

    people = forms.CharField(widget=forms.HiddenInput)
    entries: list[Entry] = []

    def clean_people(self) -> str:
        text: str = self.cleaned_data["people"]
        try:
            self.entries = parse_text(text)
        except Invalid as error:
            raise forms.ValidationError(str(error.message)) from error
        return text
