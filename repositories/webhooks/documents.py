"""What there is to tell of an event: one document, which every format takes what it needs from."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from django.conf import settings

from portal.events.models import Event
from repositories.models import Repository
from repositories.webhooks import catalog
from repositories.webhooks.catalog import EventType
from repositories.webhooks.models import Webhook

Document = dict[str, Any]


def document(event: Event, repository: Repository | None) -> Document:
    """The `moorage` payload, without `callback_url`. What the event does not tell is the repository's state now."""
    kind = catalog.by_action()[event.action]
    told: Document = {
        "id": event.public_id,
        "type": kind.name,
        "cause": kind.actions[event.action],
        "time": _time(event.at),
        "registry": settings.PUBLIC_URL.partition("://")[2],
        "actor": {"name": event.actor_name},
        "namespace": {"name": event.namespace, "url": f"{settings.PUBLIC_URL}/{event.namespace}"},
        "repository": _repository(event, repository),
    }
    if kind.is_of_tag:
        told["tag"] = _tag(event)
    return told


def ping(event: Event, hook: Webhook) -> Document:
    """Somebody tries the webhook: an example of a push, so that every format can tell it, of the type `ping`."""
    repository = hook.repository or Repository.objects.filter(namespace=hook.namespace_id).order_by("pk").first()
    told = document(event, repository)
    told["tag"] = {"name": "ping", "digest": "", "previous_digest": "", "media_type": ""}
    return told


def _repository(event: Event, repository: Repository | None) -> Document | None:
    name = repository_name(event, repository)
    if repository is None:
        return {"full_name": name} if name else None
    return {
        "full_name": name,
        "namespace": repository.namespace_name,
        "name": repository.name,
        "url": f"{settings.PUBLIC_URL}{repository.get_absolute_url()}",
        "description": repository.description,
        "full_description": repository.full_description,
        "is_private": repository.is_private,
        "is_archived": repository.is_archived,
        "star_count": repository.star_count,
        "comment_count": repository.comment_count,
        "created_at": _time(repository.created_at),
    }


def _tag(event: Event) -> Document:
    return {
        "name": tag_of(event),
        "digest": _text(event.new, "digest") or _text(event.old, "digest"),
        "previous_digest": _text(event.old, "digest"),
        "media_type": _text(event.new, "media_type"),
    }


def repository_name(event: Event, repository: Repository | None) -> str:
    """The full name, also of a repository that is gone: the event's target begins with it."""
    if repository is not None:
        return repository.full_name
    if event.repository_id is None:
        return ""
    return event.target.partition("@")[0].partition(":")[0]


def repository_name_of(told: Document) -> str:
    return str((told.get("repository") or {}).get("full_name", ""))


def tag_of(event: Event) -> str:
    """The event names the tag, and its target ends in it."""
    return _text(event.new, "tag") or _text(event.old, "tag") or event.target.rpartition(":")[2]


def summary(event: Event, kind: EventType) -> str:
    """For lists: the tag, or who or what it is about."""
    return tag_of(event) if kind.is_of_tag else event.target


def placeholders(told: Document) -> dict[str, str]:
    """What `{tag}`, `{digest}` and so on stand for in a URL. Those that the event has nothing for are empty."""
    tag, repository = told.get("tag") or {}, told.get("repository") or {}
    return {
        "event": str(told["type"]),
        "namespace": str(told["namespace"]["name"]),
        "repository": str(repository.get("full_name", "")),
        "name": str(repository.get("name", "")),
        "tag": str(tag.get("name", "")),
        "digest": str(tag.get("digest", "")),
    }


def _text(values: Mapping[str, Any], name: str) -> str:
    value = values.get(name, "")
    return value if isinstance(value, str) else ""


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
