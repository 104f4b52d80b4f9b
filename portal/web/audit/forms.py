"""The filters above the log."""

from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from portal.events.reads import Filters
from portal.events.words import GROUPS, Text, expand

TIME_FORMAT = "%Y-%m-%dT%H:%M"
"""As browsers send it."""
TEXT_MAX = 512


def action_choices() -> list[tuple[Text, Any]]:
    """Each group with all of it first."""
    choices: list[tuple[Text, Any]] = [("", _("Any action"))]
    for group in GROUPS:
        everything = (group.name, _("%(group)s: any action") % {"group": group.label})
        choices.append((group.label, [everything, *((word.name, word.label) for word in group.words)]))
    return choices


class TimeField(forms.DateTimeField):
    """To the minute, in UTC, as the log shows it."""

    widget = forms.DateTimeInput(attrs={"type": "datetime-local"}, format=TIME_FORMAT)

    def __init__(self, label: Text) -> None:
        super().__init__(label=str(label), required=False, input_formats=[TIME_FORMAT, "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d"])


class FilterForm(forms.Form):
    """Bound to the query string; every field may be left out."""

    person = forms.CharField(
        label=_("Who"),
        required=False,
        max_length=64,
        widget=forms.TextInput(
            attrs={"autocapitalize": "none", "autocomplete": "off", "spellcheck": "false", "placeholder": _("Name")}
        ),
    )
    action = forms.ChoiceField(label=_("What"), required=False, choices=action_choices)
    target = forms.CharField(
        label=_("To what"),
        required=False,
        max_length=TEXT_MAX,
        widget=forms.TextInput(
            attrs={
                "autocapitalize": "none",
                "autocomplete": "off",
                "spellcheck": "false",
                "placeholder": _("Begins with"),
            }
        ),
    )

    def __init__(self, *args: Any, **values: Any) -> None:
        """`from` and `to` are what Docker Hub's API calls them; the one is a word of Python."""
        super().__init__(*args, **values)
        self.fields["from"] = TimeField(_("From (UTC)"))
        self.fields["to"] = TimeField(_("To (UTC)"))

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        since, until = data.get("from"), data.get("to")
        if since and until and since > until:
            self.add_error("to", _("The end lies before the beginning."))
        return data

    def filters(self) -> Filters:
        """After `is_valid`. The minute, or the day, that the end names belongs to it."""
        data = self.cleaned_data
        return Filters(
            person=data["person"],
            actions=expand(data["action"]),
            target=data["target"],
            since=data["from"],
            until=_end(data["to"], self.data.get("to", "")),
        )


def _end(moment: datetime | None, typed: str) -> datetime | None:
    if moment is None:
        return None
    length = timedelta(minutes=1) if "T" in typed else timedelta(days=1)
    return moment + length - timedelta(microseconds=1)
