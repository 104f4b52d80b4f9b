"""An event as data: for the API, and for each line of an export."""

import json
from collections.abc import Mapping
from typing import Any

from portal.events.models import Event
from portal.events.words import word


def text_of(value: Any) -> str:
    """One value of an event's old or new state, as a text."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def texts_of(event: Event) -> dict[str, str]:
    """Docker Hub's `data`, whose values are texts: the new state, and the old one under `old.…`."""
    old: Mapping[str, Any] = event.old
    new: Mapping[str, Any] = event.new
    return {name: text_of(value) for name, value in new.items()} | {
        f"old.{name}": text_of(value) for name, value in old.items()
    }


def shape_of(event: Event) -> dict[str, Any]:
    """Docker Hub's fields, and ours: `id`, `actor_id`, `credential`, `address`, `client`."""
    return {
        "id": event.public_id,
        "timestamp": event.at.isoformat(),
        "account": event.namespace,
        "action": event.action,
        "action_description": str(word(event.action).description),
        "name": event.target,
        "actor": event.actor_name,
        "actor_id": event.actor_id,
        "credential": event.credential,
        "address": event.address,
        "client": event.client,
    }
