"""The document of an event in the words of whoever is to read it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from repositories.webhooks.formats import cloudevents, dockerhub, moorage, template
from repositories.webhooks.formats.errors import NotRendered
from repositories.webhooks.formats.shipped import Shipped, shipped
from repositories.webhooks.formats.template import check as check_template
from repositories.webhooks.models import Webhook

__all__ = ["NotRendered", "Rendered", "Shipped", "check_template", "events_of", "render", "shipped", "tells_platforms"]

Document = Mapping[str, Any]
JSON = "application/json"
TAGGED = frozenset({"push", "tag.restore"})
"""Docker Hub's formats can tell of these: a tag points to an image."""


@dataclass(frozen=True, slots=True)
class Rendered:
    body: bytes
    content_type: str = JSON


_FORMATS: dict[str, tuple[Callable[[Document], bytes], str]] = {
    Webhook.Format.DOCKERHUB: (dockerhub.render, JSON),
    Webhook.Format.DOCKERHUB_QUALIFIED: (dockerhub.render_qualified, JSON),
    Webhook.Format.MOORAGE: (moorage.render, JSON),
    Webhook.Format.CLOUDEVENTS: (cloudevents.render, cloudevents.CONTENT_TYPE),
}


def render(hook: Webhook, document: Document) -> Rendered:
    """The bytes that are sent for the document, which has a `callback_url`. Raises NotRendered. Costs no query.

    A build's status belongs to a tag that points to an image; where there is none, the URL is left empty.
    """
    known = events_of(hook.format)
    if known is not None and document["type"] not in {*known, "ping"}:
        words = _("The format “%(format)s” cannot tell of the event “%(event)s”.")
        raise NotRendered(words % {"format": hook.get_format_display(), "event": document["type"]})
    told = document if document["type"] in {*TAGGED, "ping"} else {**document, "callback_url": ""}
    if hook.format == Webhook.Format.TEMPLATE:
        return Rendered(template.render(hook.template, told))
    encode, content_type = _FORMATS[hook.format]
    return Rendered(encode(told), content_type)


def events_of(format_name: str) -> frozenset[str] | None:
    """Names of the event types that the format can tell of, besides a ping; None: all."""
    if format_name in {Webhook.Format.DOCKERHUB, Webhook.Format.DOCKERHUB_QUALIFIED}:
        return TAGGED
    return None


def tells_platforms(hooks: Sequence[Webhook]) -> bool:
    """Whether one of them tells more of an image than Docker Hub's formats do, so that it is worth a question."""
    return any(events_of(hook.format) is None for hook in hooks)
