"""Who compares what. One worker has a repository, and one has a run, until its lease ends; a crash leaves no lock."""

import time
import uuid
from datetime import datetime, timedelta

from django.db.models import Case, F, Q, When
from django.utils import timezone

from repositories.sync.models import RepositorySync, Run

LEASE = timedelta(seconds=60)
"""Longer than the registry can keep one chunk of requests waiting, as short as a crash may delay a repository."""
RENEWED_EVERY = 10.0
"""Seconds."""
FIRST_RETRY = timedelta(minutes=5)
LONGEST_RETRY = timedelta(hours=6)
ERROR_MAX = 500


class LeaseLost(Exception):
    """Somebody else has it by now. Whoever gets this stops, and changes nothing more."""


class Lease:
    """A repository, for one look."""

    def __init__(self, repository_id: int, key: uuid.UUID) -> None:
        self.repository_id = repository_id
        self._mine = RepositorySync.objects.filter(pk=repository_id, lease=key)
        self._renewed = time.monotonic()
        self._started = timezone.now()

    def renew(self) -> None:
        """Cheap to call often. Raises LeaseLost."""
        if time.monotonic() - self._renewed < RENEWED_EVERY:
            return
        if not self._mine.update(leased_until=timezone.now() + LEASE):
            raise LeaseLost
        self._renewed = time.monotonic()

    def done(self, *, due_at: datetime | None) -> None:
        """The look was complete. What fell due since it began stays so."""
        due = Case(When(due_at__gt=self._started, then=F("due_at")), default=due_at)
        self._end(compared_at=self._started, due_at=due, failures=0, error="")

    def failed(self, error: str) -> None:
        """It is tried again later, ever more seldom."""
        failures = self._mine.values_list("failures", flat=True).first() or 0
        pause = min(FIRST_RETRY * 2 ** min(failures, 10), LONGEST_RETRY)
        self._end(due_at=timezone.now() + pause, failures=failures + 1, error=error[:ERROR_MAX])

    def release(self) -> None:
        """As if it had not been claimed."""
        self._mine.update(lease=None, leased_until=None)

    def _end(self, **columns: object) -> None:
        self._mine.update(looked_at=self._started, lease=None, leased_until=None, **columns)


def claim(repository_id: int) -> Lease | None:
    """None when somebody else has it, or when it was deleted. Two queries."""
    now, key = timezone.now(), uuid.uuid4()
    rows = RepositorySync.objects.filter(is_free(now), pk=repository_id)
    if not rows.update(lease=key, leased_until=now + LEASE):
        return None
    return Lease(repository_id, key)


def is_free(now: datetime) -> Q:
    return Q(leased_until=None) | Q(leased_until__lte=now)


def claim_run(run_id: int) -> bool:
    now = timezone.now()
    rows = Run.objects.filter(is_free(now), pk=run_id, state=Run.State.RUNNING)
    return bool(rows.update(leased_until=now + LEASE))


def renew_run(run_id: int) -> None:
    Run.objects.filter(pk=run_id, state=Run.State.RUNNING).update(leased_until=timezone.now() + LEASE)


def release_run(run_id: int) -> None:
    Run.objects.filter(pk=run_id).update(leased_until=None)
