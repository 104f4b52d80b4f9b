"""Somebody tries a webhook: what is sent then.

A format that has a place for the event's type says `ping` there. Docker Hub's has none, and its receivers act on
whatever they get. So they are told the newest tag that the webhook would have told them of: a repetition, which a
receiver has to bear anyway since deliveries happen at least once, and no tag that nobody could pull.
"""

from portal.events.models import Event
from portal.kit import patterns
from repositories import tag_rules
from repositories.images.models import Tag
from repositories.models import Repository
from repositories.webhooks import schemas
from repositories.webhooks.documents import images
from repositories.webhooks.documents.base import document, of_repository
from repositories.webhooks.documents.values import Document
from repositories.webhooks.models import Webhook

NEWEST = 50
"""Tags of a repository that are looked through for one that the webhook hears of."""
REPOSITORIES = 5
"""Of a namespace, those with the latest pushes."""
MADE_UP = "ping"
"""The tag, or the repository, where there is none yet."""


def ping(event: Event, hook: Webhook) -> Document:
    """`event` is the ping's. Nine queries at most, for a namespace whose latest repositories have no such tag."""
    tag = newest_tag(hook)
    repository = tag.repository if tag else hook.repository
    told = document(event, repository)
    name = repository.full_name if repository else f"{event.namespace}/{MADE_UP}"
    told["repository"] = of_repository(name, repository)
    told["webhook"] = {"id": hook.pk or 0, "name": hook.name}
    told["tag"] = images.tag(as_pushed(tag), name, tag.name if tag else MADE_UP, tag.manifest if tag else None)
    if hook.format == Webhook.Format.TEMPLATE:
        told = _examples(hook.events) | told
    return told


def _examples(events: list[str]) -> Document:
    """So that a template that is made for comments finds one in a ping, too."""
    told: Document = {}
    for name in events:
        told |= schemas.example(name)
    return told


def as_pushed(tag: Tag | None) -> Event:
    """Not saved: what its push would record."""
    event = Event(action="repo.tag.push")
    if tag is not None:
        manifest = tag.manifest
        told = {"digest": manifest.digest, "media_type": manifest.media_type, "size": manifest.total_size}
        event.new = told | {"tag": tag.name}
        event.repository_id = tag.repository_id
        event.namespace = tag.repository.namespace_name
        event.target = f"{tag.repository.full_name}:{tag.name}"
    return event


def newest_tag(hook: Webhook) -> Tag | None:
    """The newest that the webhook hears of, with repository and manifest. Two queries for a repository's, else six."""
    if hook.repository is not None:
        return _newest_in(hook.repository, hook)
    rows = Repository.objects.filter(namespace=hook.namespace_id, tag_count__gt=0).order_by("-updated_at", "-id")
    heard = [row for row in rows[:NEWEST] if patterns.matches(hook.repository_pattern, row.name)]
    found = (_newest_in(row, hook) for row in heard[:REPOSITORIES])
    return next((tag for tag in found if tag is not None), None)


def _newest_in(repository: Repository, hook: Webhook) -> Tag | None:
    rows = Tag.objects.filter(repository=repository).select_related("manifest").order_by("-pushed_at", "-id")
    rows = rows.defer("manifest__layers", "manifest__config", "manifest__annotations")
    # A preview's patterns are as somebody types them.
    known = [pattern for pattern in hook.tag_patterns if not tag_rules.problem(pattern)]
    for tag in rows[:NEWEST] if hook.tag_patterns else rows[:1]:
        if not hook.tag_patterns or tag_rules.first_match(known, tag.name) is not None:
            tag.repository = repository
            return tag
    return None
