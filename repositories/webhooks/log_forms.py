"""The filter above a webhook's deliveries."""

from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from portal.kit.errors import Text
from repositories.webhooks import catalog
from repositories.webhooks.access import DeliveryFilter
from repositories.webhooks.models import Delivery

TIME_FORMAT = "%Y-%m-%dT%H:%M"
"""As browsers send it."""
EXACT_FORMAT = "%Y-%m-%dT%H:%M:%S"
TEXT_MAX = 200
NAMES = ("q", "state", "event", "from", "to")


def event_choices() -> list[tuple[str, Text]]:
    types = (*catalog.TYPES, catalog.PING_TYPE)
    return [("", _("Any event")), *((kind.name, kind.label) for kind in types)]


class TimeField(forms.DateTimeField):
    """To the minute, in UTC, as the log shows it."""

    def __init__(self, label: Text) -> None:
        super().__init__(label=str(label), required=False, input_formats=[TIME_FORMAT, EXACT_FORMAT, "%Y-%m-%d"])
        self.widget = forms.DateTimeInput(attrs={"type": "datetime-local"}, format=TIME_FORMAT)


class LogForm(forms.Form):
    """Bound to the query string; every field may be left out."""

    q = forms.CharField(
        label=_("Tag or repository"),
        required=False,
        max_length=TEXT_MAX,
        widget=forms.TextInput(
            attrs={
                "type": "search",
                "autocapitalize": "none",
                "autocomplete": "off",
                "spellcheck": "false",
                "placeholder": _("Part of its name"),
            }
        ),
    )
    state = forms.ChoiceField(
        label=_("State"), required=False, choices=lambda: [("", _("Any state")), *Delivery.State.choices]
    )
    event = forms.ChoiceField(label=_("Event"), required=False, choices=event_choices)

    def __init__(self, *args: Any, **values: Any) -> None:
        """`from` is a word of Python."""
        super().__init__(*args, **values)
        self.fields["from"] = TimeField(_("From (UTC)"))
        self.fields["to"] = TimeField(_("To (UTC)"))

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        since, until = data.get("from"), data.get("to")
        if since and until and since > until:
            self.add_error("to", _("The end lies before the beginning."))
        return data

    def wanted(self) -> DeliveryFilter:
        """After `is_valid`."""
        data = self.cleaned_data
        return DeliveryFilter(
            state=data["state"],
            event=data["event"],
            since=data["from"],
            until=_end(data["to"], self.data.get("to", "")),
            text=data["q"],
        )

    def typed(self) -> dict[str, str]:
        """What is not empty, as it was typed: for addresses and hidden fields that keep the filter."""
        return {name: self.data[name] for name in NAMES if self.data.get(name)}

    def described(self) -> list[tuple[Text, str]]:
        """(label, value) of what is set, in words."""
        return [(str(self.fields[name].label), _told(name, value)) for name, value in self.typed().items()]


def _told(name: str, value: str) -> str:
    if name == "state":
        return str(dict(Delivery.State.choices).get(value, value))
    if name == "event":
        return str(dict(event_choices()).get(value, value))
    return value.replace("T", " ") if name in {"from", "to"} else value


def _end(moment: datetime | None, typed: str) -> datetime | None:
    """What the end names (a day, a minute, a second) belongs to it."""
    if moment is None:
        return None
    lengths = {10: timedelta(days=1), 16: timedelta(minutes=1)}
    return moment + lengths.get(len(typed.strip()), timedelta(seconds=1))
