"""The form of a webhook. `rules` checks what is chosen; what it refuses is put under the fields."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from django import forms
from django.utils.functional import Promise
from django.utils.text import format_lazy  # `%` would translate once, at the start
from django.utils.translation import gettext_lazy as _

from portal.kit.errors import Invalid
from repositories.models import Repository
from repositories.pages import organization_of
from repositories.tag_rules import RULE_MAX, RULES_MAX
from repositories.webhooks import catalog, formats, rules
from repositories.webhooks.access import Place
from repositories.webhooks.catalog import EventType
from repositories.webhooks.formats.shipped import Shipped
from repositories.webhooks.models import Webhook, pushes
from repositories.webhooks.rules import Choices

Format = Webhook.Format
HEADERS_MAX = 20
"""That the form draws; receivers want one or two."""
FORMATS = [
    (
        Format.DOCKERHUB,
        _("Docker Hub\nField for field, for receivers made for Docker Hub: Jenkins, Argo CD, Portainer."),
    ),
    (
        Format.DOCKERHUB_QUALIFIED,
        _("Docker Hub, with this registry's host\nThe same with the host in repo_name, as Keel and Kargo want it."),
    ),
    (Format.MOORAGE, _("Moorage\nEverything there is to tell, of every event.")),
    (
        Format.CLOUDEVENTS,
        _("CloudEvents 1.0\nThe same as the data of a CloudEvent, for Knative, Argo Events, EventBridge."),
    ),
    (Format.TEMPLATE, _("A template of your own\nWhat you write, for Slack, Teams, Discord, GitHub and all others.")),
]
_PLAIN: dict[str, Any] = {"spellcheck": "false", "autocapitalize": "none", "autocomplete": "off"}


@dataclass(frozen=True, slots=True)
class HeaderRow:
    """One line of the headers. The value of a stored one is never shown; left empty it stays."""

    name: str = ""
    value: str = ""
    is_stored: bool = False


class HeadersInput(forms.Widget):
    """Pairs of fields, `headers_name` and `headers_value`, that the template draws."""

    def __init__(self, stored: Collection[str]) -> None:
        super().__init__()
        self.stored = stored

    def value_from_datadict(self, data: Any, files: Any, name: str) -> list[HeaderRow]:
        pairs = zip(data.getlist(f"{name}_name"), data.getlist(f"{name}_value"), strict=False)
        rows = [HeaderRow(key.strip(), value.strip(), is_stored=key.strip() in self.stored) for key, value in pairs]
        return rows[: HEADERS_MAX + 1]


class HeadersField(forms.Field):
    """Cleans to what `rules.Choices` wants: name -> value, None for a stored one that stays."""

    def __init__(self, stored: Collection[str]) -> None:
        super().__init__(required=False, label=_("Headers"), widget=HeadersInput(stored))

    def clean(self, value: Sequence[HeaderRow]) -> dict[str, str | None]:
        given = [row for row in value if row.name or row.value]
        if len(given) > HEADERS_MAX:
            raise forms.ValidationError(_("At most %(most)d headers.") % {"most": HEADERS_MAX})
        if problems := list(_header_problems(given)):
            raise forms.ValidationError(problems)
        return {row.name: row.value or None for row in given}


def _header_problems(rows: Sequence[HeaderRow]) -> Iterator[str | Promise]:
    seen = set()
    for row in rows:
        if not row.name:
            yield _("Give each header a name.")
        elif not row.value and not row.is_stored:
            yield format_lazy(_("“{name}” has no value."), name=row.name)
        elif "⟨" in row.value:
            yield format_lazy(_("Put a value of your own in place of “{value}”."), value=row.value)
        elif row.name.lower() in seen:
            yield format_lazy(_("“{name}” is there twice."), name=row.name)
        seen.add(row.name.lower())


class WebhookForm(forms.Form):
    """Nothing is required here: `rules` says what is."""

    name = forms.CharField(
        label=_("Name"),
        required=False,
        help_text=_("What it is for, such as “deploy to staging”."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    url = forms.CharField(
        label=_("URL"),
        required=False,
        help_text=_(
            "A POST goes there, with these filled in: <code>{tag}</code> <code>{repository}</code> "
            "<code>{namespace}</code> <code>{name}</code> <code>{digest}</code> <code>{event}</code> "
            "<code>{delivery}</code>. <code>user:password@</code> before the host is sent as HTTP Basic."
        ),
        widget=forms.TextInput(attrs={**_PLAIN, "inputmode": "url", "placeholder": "https://ci.example.org/hooks/…"}),
    )
    events = forms.MultipleChoiceField(label=_("Events"), required=False, widget=forms.CheckboxSelectMultiple)
    repository_pattern = forms.CharField(
        label=_("Repositories"),
        required=False,
        help_text=_(
            "All of them with <code>*</code>, those of a group with <code>payments/*</code>, or one by its name."
        ),
        widget=forms.TextInput(attrs={**_PLAIN, "class": "mono", "placeholder": "*"}),
    )
    tag_patterns = forms.CharField(
        label=_("Only these tags"),
        required=False,
        max_length=RULES_MAX * (RULE_MAX + 2),
        help_text=format_lazy(
            _(
                "One regular expression (RE2) a line, of the whole tag: <code>v.*</code>, "
                "<code>\\d+\\.\\d+\\.\\d+</code>. At most {max}. Empty: all tags."
            ),
            max=RULES_MAX,
        ),
        widget=forms.Textarea(attrs={**_PLAIN, "rows": 3, "class": "mono", "placeholder": "v.*"}),
    )
    format = forms.ChoiceField(label=_("Format"), choices=FORMATS, required=False, widget=forms.RadioSelect)
    template = forms.CharField(
        label=_("Template"),
        required=False,
        strip=False,
        widget=forms.Textarea(attrs={**_PLAIN, "rows": 14, "class": "mono", "wrap": "off"}),
    )
    github_signature = forms.BooleanField(
        label=_("Sign as GitHub does, too"),
        required=False,
        help_text=_("For receivers that check <code>X-Hub-Signature-256</code>. The secret's whole text is its key."),
    )

    def __init__(
        self,
        data: Any = None,
        *,
        initial: Mapping[str, Any] | None = None,
        place: Place,
        row: Webhook | None = None,
    ) -> None:
        """`row`: the webhook that is changed."""
        super().__init__(data, initial=dict(initial or (choices_of(row) if row else new_choices())))
        self.place, self.row = place, row
        self.fields["headers"] = HeadersField(header_names(row) if row else ())
        self._offered = [kind for kind in catalog.TYPES if _happens(kind, place)]
        events = self.fields["events"]
        assert isinstance(events, forms.MultipleChoiceField)  # noqa: S101  for the type checker
        events.choices = [(kind.name, kind.label) for kind in self._offered]
        if isinstance(place, Repository):
            del self.fields["repository_pattern"]

    def clean(self) -> None:
        """What the action would refuse, too, so that all that is wrong is told at once."""
        try:
            rules.checked(self.choices(), place=self.place, row=self.row)
        except Invalid as error:
            for field, texts in error.fields.items():
                if field not in self.errors:
                    self.add_error(field, [str(text) for text in texts])

    def typed(self) -> dict[str, Any]:
        """What was sent, unchecked, as the `initial` of a form that is drawn again."""
        return {name: self[name].data for name in self.fields}

    def drawn_again(self, **changed: Any) -> "WebhookForm":
        """The same with other values, and nothing checked yet."""
        initial = self.typed() | changed
        return WebhookForm(initial=initial, place=self.place, row=self.row)

    def started(self, template: Shipped) -> "WebhookForm":
        """As it was typed, with one of the shipped templates, the headers that it needs, and events it can tell of."""
        rows = [row for row in self.header_rows() if row.name]
        there = {row.name.lower() for row in rows}
        rows += [HeaderRow(name, value) for name, value in template.headers.items() if name.lower() not in there]
        events = [name for name in self.typed()["events"] if name in template.events] or pushes()
        return self.drawn_again(format=Format.TEMPLATE, template=template.text, headers=rows, events=events)

    def choices(self) -> Choices:
        """Those fields that could be read."""
        data: dict[str, Any] = dict(self.cleaned_data)
        if "format" in data:
            data["format"] = data["format"] or Format.DOCKERHUB
        if "tag_patterns" in data:
            data["tag_patterns"] = data["tag_patterns"].splitlines()
        if "template" in data:
            data["template"] = data["template"].replace("\r\n", "\n")  # as browsers part lines in a form
        return cast(Choices, data)

    def header_rows(self) -> list[HeaderRow]:
        """As they are drawn: one empty row when there is none."""
        rows: list[HeaderRow] = self["headers"].value() or []
        return rows or [HeaderRow()]

    def event_groups(self) -> "list[EventGroup]":
        chosen = set(self["events"].value() or ())
        shown = [ShownEvent(kind, kind.name in chosen, _formats_without(kind)) for kind in self._offered]
        groups = [EventGroup(label, [each for each in shown if _group(each.kind) == label]) for label in GROUPS]
        return [group for group in groups if group.events]


def _happens(kind: EventType, place: Place) -> bool:
    """Whether a webhook of that place can hear of it: nobody joins or leaves a person."""
    if isinstance(place, Repository):
        return not kind.is_of_namespace
    return kind.name != "member" or organization_of(place) is not None


def new_choices() -> dict[str, Any]:
    return {"events": pushes(), "format": Format.DOCKERHUB, "repository_pattern": "*"}


def choices_of(webhook: Webhook) -> dict[str, Any]:
    """What the form shows of it. The values of headers are secrets: only their names go to the page."""
    return {
        "name": webhook.name,
        "url": readable_url(webhook),
        "events": webhook.events,
        "repository_pattern": webhook.repository_pattern,
        "tag_patterns": "\n".join(webhook.tag_patterns),
        "format": webhook.format,
        "template": webhook.template,
        "github_signature": webhook.github_signature,
        "headers": [HeaderRow(name, is_stored=True) for name in header_names(webhook)],
    }


def readable_url(webhook: Webhook) -> str:
    """Empty when it cannot be decrypted: it has to be entered again."""
    try:
        return webhook.url
    except ValueError:
        return ""


def header_names(webhook: Webhook) -> list[str]:
    """None when they cannot be decrypted, likewise."""
    try:
        return list(webhook.headers)
    except ValueError:
        return []


IMAGES, REPOSITORY, PEOPLE = _("Tags and images"), _("The repository itself"), _("People")
GROUPS = (IMAGES, REPOSITORY, PEOPLE)


@dataclass(frozen=True, slots=True)
class ShownEvent:
    kind: EventType
    is_chosen: bool
    formats_without: str
    """Values of the formats that cannot tell of it, parted by spaces: the style sheet asks for them."""


@dataclass(frozen=True, slots=True)
class EventGroup:
    label: Promise
    events: list[ShownEvent]


def _group(kind: EventType) -> Promise:
    first = kind.name.partition(".")[0]
    if kind.is_of_tag or first in {"tag", "image"}:
        return IMAGES
    return REPOSITORY if first == "repository" else PEOPLE


def _formats_without(kind: EventType) -> str:
    known = {name: formats.events_of(name) for name in Format.values}
    return " ".join(name for name, events in known.items() if events is not None and kind.name not in events)
