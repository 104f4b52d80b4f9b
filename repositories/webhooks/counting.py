"""Adds attempts up, once each, so that rates, medians and Prometheus' counters never read the log itself.

An attempt is counted about half a minute after it ended, by its key: those that two workers write at the same time may
become visible out of order, but none so late. What was deleted by then is not counted.
"""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import takewhile

from django.db import transaction
from django.utils import timezone

from repositories.webhooks.models import Attempt, Count, CountedUpTo

STEPS = (10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000)
"""Milliseconds. A request that takes longer than the last one was cut off."""
COLUMNS = (*(f"within_{step}" for step in STEPS), "longer")
NUMBERS = ("delivered", "failed", "interrupted", "milliseconds", *COLUMNS)
SETTLED = timedelta(seconds=20)
"""So long after its end an attempt is counted; then nobody is still about to write one with a smaller key."""
KEPT = timedelta(hours=26)
"""Of minutes and hours: the pages look back one day."""
BATCH = 5_000
SECONDS = 20.0
"""One run."""
FIRST = 1
"""Key of the row that says how far it has come."""


@dataclass(frozen=True, slots=True)
class Ended:
    """One attempt, as far as it is counted."""

    pk: int
    at: datetime
    outcome: str
    milliseconds: int
    host: str

    @property
    def column(self) -> str:
        return next((f"within_{step}" for step in STEPS if self.milliseconds <= step), "longer")


Key = tuple[str, datetime, str]


def count_attempts(*, seconds: float = SECONDS) -> int:
    """Count what has settled, batch by batch, for so many seconds; how many. Safe beside another run."""
    until, counted = time.monotonic() + seconds, 0
    while batch := _count_batch(timezone.now()):
        counted += batch
        if batch < BATCH or time.monotonic() >= until:
            break
    _forget(timezone.now() - KEPT)
    return counted


def _forget(before: datetime) -> None:
    """Two queries, and a write only if there is something to forget."""
    for span in (Count.Span.MINUTE, Count.Span.HOUR):
        old = Count.objects.filter(span=span, at__lt=before)
        if old.exists():
            old.delete()


def _count_batch(now: datetime) -> int:
    """One transaction, with a write only if there is something to count. Returns how many."""
    progress, _made = CountedUpTo.objects.get_or_create(pk=FIRST)
    ended = list(takewhile(lambda one: _has_settled(one, now), _after(progress.attempt_id)))
    if not ended:
        return 0
    with transaction.atomic():
        mine = CountedUpTo.objects.filter(pk=FIRST, attempt_id=progress.attempt_id)
        if not mine.update(attempt_id=ended[-1].pk):
            return 0  # another run was quicker, and counted the same
        _add(_sums(ended, now))
    return len(ended)


def _after(attempt_id: int) -> Iterator[Ended]:
    """The next ones in the order of their keys. One query."""
    columns = ("pk", "started_at", "duration_ms", "status", "error", "is_interrupted", "delivery__webhook__host")
    rows = Attempt.objects.filter(pk__gt=attempt_id).order_by("pk").values_list(*columns)
    for pk, started_at, duration, status, error, is_interrupted, host in rows[:BATCH]:
        worked = status is not None and 200 <= status < 300 and not error
        outcome = "interrupted" if is_interrupted else "delivered" if worked else "failed"
        yield Ended(pk, started_at + timedelta(milliseconds=duration), outcome, duration, host)


def _has_settled(one: Ended, now: datetime) -> bool:
    """One from the future is of before somebody set the clock back, and must not stop all that follow it."""
    return one.at <= now - SETTLED or one.at > now + SETTLED


def _sums(ended: Iterable[Ended], now: datetime) -> dict[Key, dict[str, int]]:
    """What to add to which row. Minutes and hours that nobody looks back to are left out."""
    sums: dict[Key, dict[str, int]] = {}
    for one in ended:
        keys: list[Key] = [(Count.Span.EVER, now, "")]
        if one.at > now - KEPT:
            minute = one.at.replace(second=0, microsecond=0)
            keys += [(Count.Span.MINUTE, minute, ""), (Count.Span.HOUR, minute.replace(minute=0), one.host)]
        for key in keys:
            numbers = sums.setdefault(key, dict.fromkeys(NUMBERS, 0))
            numbers[one.outcome] += 1
            if one.outcome != "interrupted":
                numbers["milliseconds"] += one.milliseconds
                numbers[one.column] += 1
    return sums


def _add(sums: dict[Key, dict[str, int]]) -> None:
    """Three queries and more for many hosts. Nobody else writes: who moved the mark holds it until the commit."""
    times = {at for span, at, _host in sums if span != Count.Span.EVER}
    there = {(row.span, row.at, row.host): row for row in Count.objects.filter(at__in=times)}
    ever = Count.objects.filter(span=Count.Span.EVER).first()
    rows = []
    for (span, at, host), numbers in sums.items():
        old = ever if span == Count.Span.EVER else there.get((span, at, host))
        total = {name: number + (getattr(old, name) if old else 0) for name, number in numbers.items()}
        rows.append(Count(span=span, at=old.at if old else at, host=host, **total))
    Count.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["span", "at", "host"], update_fields=list(NUMBERS)
    )
