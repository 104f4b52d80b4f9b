"""What a webhook can hear of: the event types that people tick, and the recorded actions that each stands for."""

from dataclasses import dataclass
from enum import StrEnum
from functools import cache

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

Text = str | Promise


class Order(StrEnum):
    """Deliveries of the same thing are sent in the order of its events: where a late one would mislead."""

    NONE = ""
    TAG = "tag"
    REPOSITORY = "repository"
    TARGET = "target"
    """Whatever the event's target is: a member, a grant."""


@dataclass(frozen=True, slots=True)
class EventType:
    name: str
    label: Text
    description: Text
    actions: dict[str, str]
    """The audit log's action -> what the payload's `cause` says of it."""
    order: Order = Order.NONE
    is_of_tag: bool = False
    """Tag patterns apply to it."""
    is_of_namespace: bool = False
    """A repository's webhook cannot hear of it: it is about no repository, or about one that is gone."""


PING = "ping"

TYPES: tuple[EventType, ...] = (
    EventType(
        "push",
        _("Push"),
        _("A tag was pushed, rolled back, or copied: it points to an image that it did not point to before."),
        {"repo.tag.push": "push", "repo.tag.rollback": "rollback", "repo.tag.copy": "copy"},
        order=Order.TAG,
        is_of_tag=True,
    ),
    EventType(
        "tag.delete",
        _("Tag deleted"),
        _("A tag was deleted."),
        {"repo.tag.delete": "delete"},
        order=Order.TAG,
        is_of_tag=True,
    ),
    EventType(
        "tag.restore",
        _("Tag restored"),
        _("A deleted tag was brought back."),
        {"repo.tag.restore": "restore"},
        order=Order.TAG,
        is_of_tag=True,
    ),
    EventType(
        "image.delete",
        _("Image deleted"),
        _("An image was deleted by its digest, with its tags."),
        {"repo.image.delete": "delete"},
        order=Order.TARGET,
    ),
    EventType(
        "image.restore",
        _("Image restored"),
        _("A deleted image was kept after all."),
        {"repo.image.restore": "restore"},
        order=Order.TARGET,
    ),
    EventType(
        "repository.create",
        _("Repository created"),
        _("A repository was created."),
        {"repo.create": "create"},
        order=Order.REPOSITORY,
        is_of_namespace=True,
    ),
    EventType(
        "repository.update",
        _("Repository changed"),
        _("Description or overview of a repository was changed."),
        {"repo.update": "update"},
        order=Order.REPOSITORY,
    ),
    EventType(
        "repository.visibility",
        _("Visibility changed"),
        _("A repository became public or private."),
        {"repo.change_privacy": "visibility"},
        order=Order.REPOSITORY,
    ),
    EventType(
        "repository.archive",
        _("Repository archived"),
        _("A repository became read-only, or can be changed again."),
        {"repo.archive": "archive", "repo.unarchive": "unarchive"},
        order=Order.REPOSITORY,
    ),
    EventType(
        "repository.delete",
        _("Repository deleted"),
        _("A repository was deleted with its tags."),
        {"repo.delete": "delete"},
        order=Order.REPOSITORY,
        is_of_namespace=True,
    ),
    EventType(
        "star",
        _("Star"),
        _("Somebody starred a repository, or took the star away."),
        {"repo.star": "create", "repo.unstar": "delete"},
    ),
    EventType(
        "comment",
        _("Comment"),
        _("Somebody commented on a repository, or a comment was deleted."),
        {"repo.comment": "create", "repo.comment.delete": "delete"},
    ),
    EventType(
        "grant",
        _("Access changed"),
        _("A team or a person got, or lost, a role on repositories."),
        {"repo.grant.create": "create", "repo.grant.update": "update", "repo.grant.delete": "delete"},
        order=Order.TARGET,
    ),
    EventType(
        "member",
        _("Members changed"),
        _("Somebody joined or left the organization or a team of it, or got another role."),
        {
            "org.member.add": "add",
            "org.member.remove": "remove",
            "org.member.role.change": "role",
            "org.team.member.add": "team_add",
            "org.team.member.remove": "team_remove",
        },
        order=Order.TARGET,
        is_of_namespace=True,
    ),
)
PING_TYPE = EventType(PING, _("Ping"), _("Somebody tried the webhook."), {"repo.webhook.ping": "ping"})
"""Cannot be chosen: it is sent to the one webhook that is tried."""


@cache
def by_name() -> dict[str, EventType]:
    return {each.name: each for each in (*TYPES, PING_TYPE)}


@cache
def by_action() -> dict[str, EventType]:
    return {action: each for each in (*TYPES, PING_TYPE) for action in each.actions}


def actions() -> frozenset[str]:
    """All that a webhook may hear of: what `settings.EVENT_READERS` wants."""
    return frozenset(action for each in TYPES for action in each.actions)
