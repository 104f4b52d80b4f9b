"""The exact next payload, for whoever sets a webhook up: what would be sent if it happened now."""

from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from portal.accounts.models import Namespace
from repositories.models import Repository
from repositories.webhooks import catalog, documents, formats
from repositories.webhooks.access import Place
from repositories.webhooks.callbacks import callback_url
from repositories.webhooks.catalog import PING, EventType
from repositories.webhooks.models import Delivery, Webhook
from repositories.webhooks.samples import sample_event

NOBODYS = "0" * 32
"""The id of the event, and of the delivery: there is none yet."""


@dataclass(frozen=True, slots=True)
class Preview:
    body: bytes
    content_type: str
    event_type: str
    is_example: bool
    """Nothing of the place could be shown: the tag, or what else it is about, is made up."""


def preview(hook: Webhook, place: Place, event_type: str = "") -> Preview:
    """What the webhook, which need not be saved, would send now: of an event type, else of the first that it hears of.

    A push is that of the newest tag which the webhook hears of. For a place that access let through; of the choices,
    names of formats and events have to be known, while template and patterns may be as somebody types them. Nine
    queries at most; nothing is written, and the registry is not asked. Raises formats.NotRendered, whose text says what
    is wrong with the template or the format.
    """
    name = event_type or next(iter(hook.events), "push")
    kind = catalog.by_name()[name]
    _put(hook, place)
    told, is_example = _told(hook, place, kind)
    rendered = formats.render(hook, told | {"callback_url": _callback_url(told)})
    return Preview(rendered.body, rendered.content_type, kind.name, is_example)


def _put(hook: Webhook, place: Place) -> None:
    """A webhook that is being made has no place yet."""
    if isinstance(place, Repository):
        hook.repository = place
    else:
        hook.namespace = place


def _told(hook: Webhook, place: Place, kind: EventType) -> tuple[dict[str, Any], bool]:
    tag = documents.newest_tag(hook) if kind.is_of_tag or kind.name in {PING, "image.delete", "image.restore"} else None
    repository = tag.repository if tag else _some_repository(place)
    event = sample_event(kind, _name(place), repository, tag)
    event.public_id, event.at = NOBODYS, timezone.now()
    if kind.name == PING:
        event.target = f"{hook.place}: {hook.name}"
        return documents.ping(event, hook), tag is None
    about = None if kind.name in {"repository.delete", "member"} else repository
    return documents.document(event, about), tag is None


def _some_repository(place: Place) -> Repository | None:
    if isinstance(place, Repository):
        return place
    return Repository.objects.filter(namespace=place).order_by("-updated_at", "-id").first()


def _name(place: Place) -> str:
    return place.name if isinstance(place, Namespace) else place.namespace_name


def _callback_url(told: dict[str, Any]) -> str:
    """Of no delivery: whoever calls it is told that there is none."""
    return callback_url(Delivery(public_id=NOBODYS, repository_name=documents.repository_name_of(told)))
