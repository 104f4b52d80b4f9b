"""What each event type's `moorage` document looks like: a JSON Schema (2020-12), and an example.

Receivers must bear keys that are not described here: new ones are added without notice, none is renamed or removed.
"""

from copy import deepcopy
from functools import cache
from typing import Any

from repositories.webhooks import catalog
from repositories.webhooks.schemas import examples, fields

Schema = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def names() -> list[str]:
    """Of all event types, the ping last."""
    return list(catalog.by_name())


def identifier(event_type: str) -> str:
    """The schema's `$id`: a name, not an address. Its number rises if a change breaks receivers."""
    return f"urn:moorage:webhook:{event_type}:1"


def schema(event_type: str) -> Schema:
    """Raises KeyError for a type that there is none of."""
    return deepcopy(_schema(event_type))


@cache
def _schema(event_type: str) -> Schema:
    kind = catalog.by_name()[event_type]
    properties, optional = fields.properties(event_type, list(kind.actions.values()))
    return {
        "$schema": DIALECT,
        "$id": identifier(event_type),
        "title": event_type,
        "description": fields.DESCRIPTIONS[event_type],
        "type": "object",
        "properties": properties,
        "required": [name for name in properties if name not in optional],
    }


def example(event_type: str) -> dict[str, Any]:
    """A document as `documents.document` makes it, with `callback_url`. Raises KeyError."""
    return deepcopy(examples.example(event_type))
