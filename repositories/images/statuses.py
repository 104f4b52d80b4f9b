"""What builds and deployments said of a tag's image. Webhooks stand above this room: they are asked by name."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast

from django.conf import settings
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.module_loading import import_string

from repositories.models import Repository

AWAITED_FOR = timedelta(hours=1)
"""So long after its last word a page waits for what a pending build says next."""
WORST_FIRST = ("error", "failure", "pending", "success")
TONES = {"error": "danger", "failure": "danger", "pending": "warning", "success": "success"}
ICONS = {"error": "circle-x", "failure": "circle-x", "pending": "clock", "success": "circle-check"}


@dataclass(frozen=True, slots=True)
class Status:
    """The last word of one reporter, which `context` names."""

    context: str
    state: str
    """One of WORST_FIRST."""
    label: str | Promise
    """The state in words."""
    description: str
    target_url: str
    """http or https; empty when nothing was linked."""
    reported_at: datetime

    @property
    def tone(self) -> str:
        return TONES[self.state]

    @property
    def icon(self) -> str:
        return ICONS[self.state]


Reader = Callable[[Repository, Mapping[str, str]], Mapping[str, Sequence[Status]]]


def statuses_of(repository: Repository, digests: Mapping[str, str]) -> Mapping[str, Sequence[Status]]:
    """Tag -> what was said of the image that it points to now, by context; `digests`: tag -> digest.

    Tags of which nothing was said are left out. One query, none without tags.
    """
    return cast(Reader, import_string(settings.TAG_STATUSES))(repository, digests)


def overall(statuses: Sequence[Status]) -> Status | None:
    """The one that counts: the worst; of two alike, the last. None when nothing was said."""
    if not statuses:
        return None
    return min(statuses, key=lambda status: (WORST_FIRST.index(status.state), -status.reported_at.timestamp()))


def is_awaited(statuses: Sequence[Status]) -> bool:
    return any(one.state == "pending" and timezone.now() - one.reported_at < AWAITED_FOR for one in statuses)
