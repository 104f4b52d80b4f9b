"""What a webhook may be set to. Pure but for settings: `checked` gives the values to keep, or says what is wrong."""

from collections.abc import Callable, Mapping
from typing import Any, TypedDict, cast

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from portal.kit import http, patterns
from portal.kit.errors import Invalid, Text
from repositories import tag_rules
from repositories.models import Repository
from repositories.webhooks import catalog, formats
from repositories.webhooks.access import Place
from repositories.webhooks.models import Webhook
from repositories.webhooks.sending import check_headers, check_url_template

NAME_MAX = 100
URL_MAX = 2000
TEMPLATE_MAX = 16_384


class Choices(TypedDict, total=False):
    """What people set. `headers`: a value of None keeps the one that is stored under that name."""

    name: str
    url: str
    events: list[str]
    tag_patterns: list[str]
    repository_pattern: str
    format: str
    template: str
    headers: Mapping[str, str | None]
    github_signature: bool


def checked(choices: Choices, *, place: Place, row: Webhook | None = None) -> Choices:
    """The choices as they are kept. `row`: the webhook that they change. Raises Invalid with a sentence per field."""
    problems: dict[str, list[Text]] = {}
    kept: dict[str, Any] = {}
    for field, value in choices.items():
        try:
            kept[field] = _CHECKS[field](value, place, row)
        except Invalid as error:
            problems |= {field: list((error.fields or {field: [error.message]}).get(field, [error.message]))}
    if not problems:
        problems = _together(kept, row)
    if problems:
        raise Invalid(next(iter(problems.values()))[0], fields=problems)
    return cast(Choices, kept)


def _together(kept: Mapping[str, Any], row: Webhook | None) -> dict[str, list[Text]]:
    """What one choice means for another."""
    hook = Webhook(format=kept.get("format", row.format if row else Webhook.Format.DOCKERHUB))
    hook.template = kept.get("template", row.template if row else "")
    events = kept.get("events", row.events if row else ["push"])
    known = formats.events_of(hook.format)
    if known is not None and (unknown := [name for name in events if name not in known]):
        told = ", ".join(unknown)
        words = _("The format “%(format)s” cannot tell of: %(events)s. Choose another format, or fewer events.")
        return {"events": [words % {"format": hook.get_format_display(), "events": told}]}
    if hook.format == Webhook.Format.TEMPLATE:
        try:
            formats.check_template(hook.template, events)
        except formats.NotRendered as error:
            return {"template": [str(error)]}
    return {}


def _name(value: str, place: Place, row: Webhook | None) -> str:
    name = value.strip()
    if not 1 <= len(name) <= NAME_MAX:
        raise Invalid(_("Give the webhook a name of 1 to %(most)d characters.") % {"most": NAME_MAX})
    if not name.isprintable():
        raise Invalid(_("A name has no line breaks or control characters in it."))
    return name


def _url(value: str, place: Place, row: Webhook | None) -> str:
    """A URL that names a private address is refused here; what a host name resolves to is asked at every delivery."""
    url = value.strip()
    if len(url) > URL_MAX:
        raise Invalid(_("A URL may have %(most)d characters.") % {"most": URL_MAX})
    try:
        check_url_template(url)
    except http.Refused as refusal:
        raise Invalid(str(refusal)) from refusal
    return url


def _events(value: list[str], place: Place, row: Webhook | None) -> list[str]:
    """In the catalogue's order."""
    of_repository = isinstance(place, Repository)
    offered = [kind.name for kind in catalog.TYPES if not (of_repository and kind.is_of_namespace)]
    if unknown := [name for name in value if name not in offered]:
        words = _("There is no event “%(name)s” here. Choose from: %(offered)s.")
        raise Invalid(words % {"name": unknown[0], "offered": ", ".join(offered)})
    if not value:
        raise Invalid(_("Choose at least one event."))
    return [name for name in offered if name in value]


def _tag_patterns(value: list[str], place: Place, row: Webhook | None) -> list[str]:
    return tag_rules.checked("tag_patterns", value)


def _repository_pattern(value: str, place: Place, row: Webhook | None) -> str:
    pattern = value.strip() or "*"
    if isinstance(place, Repository) and pattern != "*":
        raise Invalid(_("Only a namespace's webhook chooses between repositories."))
    try:
        patterns.validate_pattern(pattern)
    except ValidationError as error:
        raise Invalid(error.messages[0]) from error
    return pattern


def _format(value: str, place: Place, row: Webhook | None) -> str:
    if value not in Webhook.Format.values:
        words = _("There is no format “%(name)s”. Choose from: %(offered)s.")
        raise Invalid(words % {"name": value, "offered": ", ".join(Webhook.Format.values)})
    return value


def _template(value: str, place: Place, row: Webhook | None) -> str:
    if len(value) > TEMPLATE_MAX:
        raise Invalid(_("A template may have %(most)d characters.") % {"most": TEMPLATE_MAX})
    return value


def _headers(value: Mapping[str, str | None], place: Place, row: Webhook | None) -> dict[str, str]:
    """Names without regard to case, as in HTTP. A stored value follows its name only where somebody says None."""
    named = {name.strip(): text for name, text in value.items()}
    if len({name.lower() for name in named}) < len(value):
        raise Invalid(_("Each header may be there once: “X-Key” and “x-key” are the same."))
    kept = [name for name, text in named.items() if text is None]
    stored = _stored_headers(row) if kept else {}
    if missing := [name for name in kept if name.lower() not in stored]:
        raise Invalid(_("There is no stored value of %(name)s: enter it.") % {"name": missing[0]})
    given = {name: stored[name.lower()] if text is None else text for name, text in named.items()}
    try:
        check_headers(given)
    except http.Refused as refusal:
        raise Invalid(str(refusal)) from refusal
    return given


def _stored_headers(row: Webhook | None) -> dict[str, str]:
    try:
        stored = row.headers if row is not None else {}
    except ValueError as error:
        raise Invalid(_("The stored headers cannot be decrypted: enter their values again.")) from error
    return {name.lower(): text for name, text in stored.items()}


def _flag(value: bool, place: Place, row: Webhook | None) -> bool:  # noqa: FBT001  as the other checks
    return value


_CHECKS: dict[str, Callable[[Any, Place, Webhook | None], Any]] = {
    "name": _name,
    "url": _url,
    "events": _events,
    "tag_patterns": _tag_patterns,
    "repository_pattern": _repository_pattern,
    "format": _format,
    "template": _template,
    "headers": _headers,
    "github_signature": _flag,
}
