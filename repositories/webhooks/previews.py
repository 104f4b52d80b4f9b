"""The exact next payload, for whoever sets a webhook up: what would be sent if it happened now."""

from dataclasses import dataclass

from repositories.webhooks.access import Place
from repositories.webhooks.models import Webhook


@dataclass(frozen=True, slots=True)
class Preview:
    body: bytes
    content_type: str
    event_type: str
    is_example: bool
    """Nothing of the place could be shown: the tag, or what else it is about, is made up."""


def preview(hook: Webhook, place: Place, event_type: str = "") -> Preview:
    """What the webhook, which need not be saved, would send now: of an event type, else of the first that it hears of.

    Raises formats.NotRendered, whose text says what is wrong with the template.
    """
    raise NotImplementedError
