"""How the registry is, for operators: does it answer, how fast, when did it last tell something."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.utils.module_loading import import_string

from portal.kit.errors import Text
from repositories.registry import client
from repositories.sync import reads

TRIES = 3


@dataclass(frozen=True, slots=True)
class Health:
    """`milliseconds`: of each answer, until one failed. `error` is empty while it answers."""

    milliseconds: tuple[int, ...]
    error: Text = ""

    @property
    def slowest(self) -> int:
        return max(self.milliseconds, default=0)


def measure() -> Health:
    """Ask it three times. Waits for it, 9 s at most; no query."""
    times: list[int] = []
    try:
        times.extend(round(client.ping() * 1000) for _number in range(TRIES))
    except client.RegistryUnavailable as error:
        return Health(tuple(times), error.message)
    return Health(tuple(times))


@dataclass(frozen=True, slots=True)
class Heard:
    """Empty where nothing was heard yet."""

    instance: str
    instance_since: datetime | None
    last_notification: datetime | None


def heard() -> Heard:
    """What it told by itself. Two queries."""
    last: Callable[[], datetime | None] = import_string(settings.LAST_NOTIFICATION)
    instance, since = reads.last_instance() or ("", None)
    return Heard(instance, since, last())
