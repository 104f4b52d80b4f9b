"""CloudEvents 1.0 in its structured JSON form: all of the `moorage` document as `data`, in an envelope of attributes.

https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md and formats/json-format.md
"""

import json
from collections.abc import Mapping
from typing import Any

from django.conf import settings

from repositories.webhooks import schemas

Document = Mapping[str, Any]
CONTENT_TYPE = "application/cloudevents+json"
PREFIX = "io.moorage."
"""Of a type's name; by the specification it should be a reversed domain name."""


def render(document: Document) -> bytes:
    """`source` and `id` together name the event; `subject` is what it is about within the source."""
    envelope = {
        "specversion": "1.0",
        "id": document["id"],
        "source": settings.PUBLIC_URL,
        "type": f"{PREFIX}{document['type']}",
        "subject": _subject(document),
        "time": document["time"],
        "datacontenttype": "application/json",
        "dataschema": schemas.identifier(document["type"]),
        "data": document,
    }
    return json.dumps(envelope, separators=(",", ":")).encode("ascii")


def _subject(document: Document) -> str:
    """`acme/api:1.0`, `acme/api@sha256:…`, `acme/api`, or `acme`: never empty, as the specification wants."""
    name = str(document.get("repository", {}).get("full_name") or document["namespace"]["name"])
    if "tag" in document:
        return f"{name}:{document['tag']['name']}"
    return f"{name}@{document['image']['digest']}" if "image" in document else name
