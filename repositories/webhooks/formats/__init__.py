"""The document of an event in the words of whoever is to read it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from repositories.webhooks.formats import dockerhub, moorage
from repositories.webhooks.models import Webhook

Document = Mapping[str, Any]


class NotRendered(Exception):
    """The document cannot be put into the webhook's format. Its text is for users."""


@dataclass(frozen=True, slots=True)
class Rendered:
    body: bytes
    content_type: str = "application/json"


_FORMATS: dict[str, Callable[[Document], bytes]] = {
    Webhook.Format.DOCKERHUB: dockerhub.render,
    Webhook.Format.DOCKERHUB_QUALIFIED: dockerhub.render_qualified,
    Webhook.Format.MOORAGE: moorage.render,
}


def render(hook: Webhook, document: Document) -> Rendered:
    """The bytes that are sent for the document, which has a `callback_url`. Raises NotRendered."""
    return Rendered(_FORMATS[hook.format](document))


def events_of(format_name: str) -> frozenset[str] | None:
    """Names of the event types that the format can tell of; None: all."""
    if format_name in {Webhook.Format.DOCKERHUB, Webhook.Format.DOCKERHUB_QUALIFIED}:
        return frozenset({"push", "tag.restore"})
    return None


def check_template(template: str, events: Sequence[str]) -> None:
    """Raises NotRendered when it cannot be read, or does not give what is wanted for an example of each event."""
    raise NotRendered("Templates cannot be chosen yet.")
