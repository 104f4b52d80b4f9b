"""What is sent. Docker Hub's push payload, field for field, so that every receiver made for Docker Hub understands it.

Receivers written in Go decode numbers into integers: a float or a string where Docker Hub has an integer breaks them.
"""

import json
from datetime import datetime
from typing import Any

from django.conf import settings

from portal.events.models import Event
from repositories.models import Repository


def push_payload(event: Event, repository: Repository, *, delivery_id: str) -> bytes:
    """The body for a tagged push. What the event does not tell (description, counters) is the repository's state now.

    `push_data.digest` is ours; no receiver known rejects a key more.
    """
    namespace = repository.namespace_name
    payload = {
        "callback_url": f"{settings.PUBLIC_URL}/{repository.full_name}/-/webhooks/callback/{delivery_id}",
        "push_data": {
            "pushed_at": _seconds(event.at),
            "pusher": event.actor_name,
            "tag": pushed_tag(event),
            "images": [],
            "media_type": _text(event, "media_type"),
            "digest": _text(event, "digest"),
        },
        "repository": {
            "status": "Active",
            "namespace": namespace,
            "name": repository.name,
            "repo_name": repository.full_name,
            "repo_url": f"{settings.PUBLIC_URL}{repository.get_absolute_url()}",
            "owner": namespace,
            "description": repository.description,
            "full_description": repository.full_description,
            "dockerfile": "",
            "is_private": repository.is_private,
            "is_official": False,
            "is_trusted": False,
            "star_count": repository.star_count,
            "comment_count": repository.comment_count,
            "date_created": _seconds(repository.created_at),
        },
    }
    return json.dumps(payload, separators=(",", ":")).encode("ascii")


def pushed_tag(event: Event) -> str:
    """The event names the tag, and its target ends in it."""
    return _text(event, "tag") or event.target.rpartition(":")[2]


def _text(event: Event, name: str) -> str:
    value: Any = event.new.get(name, "")
    return value if isinstance(value, str) else ""


def _seconds(moment: datetime) -> int:
    return int(moment.timestamp())
