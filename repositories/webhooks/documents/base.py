"""What every document has, whatever it is about."""

from typing import Any

from portal.events.models import Event
from repositories.models import Repository
from repositories.webhooks import catalog
from repositories.webhooks.catalog import PING, EventType
from repositories.webhooks.documents import parts
from repositories.webhooks.documents.sentences import sentence
from repositories.webhooks.documents.values import Document, page, registry, text, time_of

OVERVIEW_MAX = 25_000
"""Characters of a repository's overview that are sent: Docker Hub's own limit, so no receiver was made for more."""
CREDENTIALS = frozenset({"session", "password", "personal access token", "organization access token", "system"})


def document(event: Event, repository: Repository | None, *, ask_registry: bool = False) -> Document:
    """The `moorage` payload, without `callback_url`. What the event does not tell is the repository's state now.

    Three queries at most, for an event about an image; none for most others. With `ask_registry` the platform of a
    single-platform image that was not read yet is asked of the registry, which is one request more: never inside a
    transaction. When the registry is away, its `platforms` stays empty.
    """
    kind = catalog.by_action()[event.action]
    told: Document = {
        "id": event.public_id,
        "type": kind.name,
        "cause": kind.actions[event.action],
        "time": time_of(event.at),
        "summary": sentence(event, tag_of(event)),
        "registry": registry(),
        "actor": _actor(event),
        "namespace": {"name": event.namespace, "url": page(f"/{event.namespace}")},
    }
    name = repository_name(event, repository)
    if name:
        told["repository"] = of_repository(name, repository, private=text(event.old, "visibility") != "public")
    told |= parts.of_event(event, repository, name, kind.name, tag_of(event), ask_registry=ask_registry)
    told["url"] = _url(told)
    return told


def _actor(event: Event) -> Document:
    """The kind of their credential, and not its label: receivers need not know how people call their tokens."""
    kind = event.credential.partition(":")[0]
    return {"name": event.actor_name, "credential": kind.replace(" ", "_") if kind in CREDENTIALS else ""}


def of_repository(full_name: str, row: Repository | None, *, private: bool = True) -> Document:
    """With the same keys for one that is gone, so that what reads them need not ask first."""
    namespace, _slash, name = full_name.partition("/")
    return {
        "full_name": full_name,
        "namespace": namespace,
        "name": name,
        "url": page(f"/{full_name}"),
        "exists": row is not None,
        "description": row.description if row else "",
        "full_description": row.full_description[:OVERVIEW_MAX] if row else "",
        "is_private": row.is_private if row else private,
        "is_archived": row.is_archived if row else False,
        "star_count": row.star_count if row else 0,
        "comment_count": row.comment_count if row else 0,
        "created_at": time_of(row.created_at) if row else None,
    }


def _url(told: Document) -> str:
    """The page to look at: of the tag or image, else of the repository, else of the namespace."""
    places: tuple[dict[str, Any], ...] = tuple(told.get(name, {}) for name in ("tag", "image", "comment", "repository"))
    return str(next((place["url"] for place in places if place.get("url")), told["namespace"]["url"]))


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
    return text(event.new, "tag") or text(event.old, "tag") or event.target.rpartition(":")[2]


def summary(event: Event, kind: EventType) -> str:
    """For lists: the tag, or who or what it is about."""
    return tag_of(event) if kind.is_of_tag else event.target


def placeholders(told: Document) -> dict[str, str]:
    """What `{tag}`, `{digest}` and so on stand for in a URL. Those that the event has nothing for are empty.

    A ping has no tag: a receiver that is told everything by its URL would take it for a push.
    """
    tag, repository = told.get("tag") or {}, told.get("repository") or {}
    shown = {} if told["type"] == PING else tag
    digest = shown.get("digest", "") or (told.get("image") or {}).get("digest", "")
    return {
        "event": str(told["type"]),
        "namespace": str(told["namespace"]["name"]),
        "repository": str(repository.get("full_name", "")),
        "name": str(repository.get("name", "")),
        "tag": str(shown.get("name", "")),
        "digest": str(digest),
    }
