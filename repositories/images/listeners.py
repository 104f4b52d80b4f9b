"""Who hears when a tag comes to point to an image. Webhooks stand above this room: they are asked by name."""

from collections.abc import Callable, Sequence
from typing import cast

from django.conf import settings
from django.utils.module_loading import import_string

from portal.accounts.actor import Actor
from repositories.models import Repository

Reader = Callable[[Actor, Repository, str, str], Sequence[str] | None]


def heard_by(actor: Actor, repository: Repository, tag: str, event: str) -> Sequence[str] | None:
    """The names of those that a roll back, a restore or a copy calls; None for who may not know. One query at most.

    `event`: `push` or `tag.restore`.
    """
    return cast(Reader, import_string(settings.TAG_LISTENERS))(actor, repository, tag, event)
