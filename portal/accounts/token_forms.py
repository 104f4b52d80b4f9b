"""The form of personal access tokens, and the fields that organizations' tokens have too."""

import datetime
from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from portal.accounts.limits import Entry, from_lines
from portal.accounts.models import TokenAction, TokenLevel
from portal.accounts.token_rules import LABEL_MAX
from portal.kit.errors import Invalid

EXPIRIES = {
    "": _("Never"),
    "7": _("In 7 days"),
    "30": _("In 30 days"),
    "90": _("In 90 days"),
    "365": _("In a year"),
    "date": _("On a date of your choice"),
}
LIMITED = "limited"
"""What the field `level` says for a token whose level follows from its limits."""
REPOSITORY_CHOICES = [
    (TokenAction.PULL, _("Pull")),
    (TokenAction.PUSH, _("Push\nWith pull. May create a repository where you may.")),
    (TokenAction.DELETE, _("Delete tags and images\nWith pull and push.")),
    (TokenAction.DESCRIPTION, _("Edit the description")),
    (
        TokenAction.WEBHOOKS,
        _("Manage webhooks\nOf a name alone: those that hear of all its repositories."),
    ),
    (TokenAction.CREATE, _("Create repositories")),
    (TokenAction.MANAGE, _("Manage\nSettings, access, visibility, deletion.")),
    (TokenAction.VIEW, _("Look, without pulling\nAll others can look, too.")),
]
ORGANIZATION_CHOICES = [
    (TokenAction.READ_ORGANIZATION, _("See members and teams\nOf an organization named alone.")),
    (TokenAction.MANAGE_ORGANIZATION, _("Manage members and teams\nOf an organization named alone. Invitations too.")),
    (TokenAction.READ_AUDIT, _("Read the audit log\nOf an organization named alone.")),
]


class ExpiryFields(forms.Form):
    """`expires_at()` turns the two fields about the end into a moment."""

    expiry = forms.ChoiceField(label=_("Expires"), choices=list(EXPIRIES.items()), required=False, initial="90")
    expiry_date = forms.DateField(
        label=_("Expiry date"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text=_("Used with “On a date of your choice”; the token works until that day ends (UTC)."),
    )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if cleaned.get("expiry") == "date" and not cleaned.get("expiry_date") and "expiry_date" not in self.errors:
            self.add_error("expiry_date", _("Choose a date."))
        return cleaned

    def expires_at(self) -> datetime.datetime | None:
        expiry: str = self.cleaned_data["expiry"]
        if expiry == "date":
            day: datetime.date = self.cleaned_data["expiry_date"]
            return datetime.datetime.combine(day, datetime.time.max, tzinfo=datetime.UTC).replace(microsecond=0)
        return timezone.now() + datetime.timedelta(days=int(expiry)) if expiry else None


class LimitFields(forms.Form):
    """Where and what. `limits` holds what is to be kept, once the form is valid; None: not limited."""

    places = forms.CharField(
        label=_("Where"),
        required=False,
        widget=forms.Textarea(
            attrs={"rows": 4, "autocapitalize": "none", "autocorrect": "off", "spellcheck": "false", "class": "mono"}
        ),
        help_text=_(
            "One place a line: <code>acme/api</code> is a repository, <code>acme/payments/*</code> all whose names "
            "begin so, <code>acme/*</code> all of acme, <code>acme</code> the organization itself. "
            "A line may have its own actions: <code>acme/web: pull</code>."
        ),
    )
    actions = forms.MultipleChoiceField(
        label=_("What it may do there"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("In every place above whose line names no actions of its own."),
        choices=[*REPOSITORY_CHOICES, *ORGANIZATION_CHOICES],
    )
    limits: Sequence[Entry] | None = None

    @property
    def is_limited(self) -> bool:
        return True

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if self.is_limited and not {"places", "actions"} & set(self.errors):
            try:
                self.limits = from_lines(cleaned.get("places", ""), cleaned.get("actions", []))
            except Invalid as error:
                for name, texts in error.fields.items():
                    self.add_error("actions" if name == "actions" else "places", [str(text) for text in texts])
        return cleaned


class AccessTokenForm(LimitFields, ExpiryFields):
    """A level everywhere, or chosen actions in chosen places."""

    label = forms.CharField(
        label=_("Label"),
        max_length=LABEL_MAX,
        help_text=_("What it is for, such as the machine or the pipeline that uses it."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    level = forms.ChoiceField(
        label=_("What it may do"),
        widget=forms.RadioSelect,
        initial=TokenLevel.READ,
        choices=[
            (
                TokenLevel.PUBLIC_READ,
                _("Public read-only\nPull public images, nothing else."),
            ),
            (TokenLevel.READ, _("Read-only\nPull every image that you can pull. Enough for servers and clusters.")),
            (
                TokenLevel.WRITE,
                _("Read and write\nPull, push, create repositories, edit descriptions. Enough for a pipeline."),
            ),
            (
                TokenLevel.ADMIN,
                _("Read, write and delete\nEverything you can do with repositories, deleting included."),
            ),
            (LIMITED, _("Limit this token\nOnly what you choose, only where you choose. The best for a pipeline.")),
        ],
    )
    field_order = ["label", "level", "places", "actions", "expiry", "expiry_date"]

    @property
    def is_limited(self) -> bool:
        return self.cleaned_data.get("level") == LIMITED

    def level_or_none(self) -> str | None:
        """None: the least that lets the limits through."""
        level: str = self.cleaned_data["level"]
        return None if level == LIMITED else level
