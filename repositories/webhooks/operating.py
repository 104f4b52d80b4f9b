"""What operators, the API and Prometheus see of all webhooks together. Whoever calls has asked `require_operator`.

Bounded, whatever is in the log: the queue is read through indexes and counted up to MOST, rates come from `Count`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import (
    BooleanField,
    Count as CountRows,
    ExpressionWrapper,
    F,
    FloatField,
    Min,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Sum,
)
from django.db.models.functions import Cast, Coalesce
from django.utils import timezone

from portal.events.models import Unread
from repositories.webhooks.counting import COLUMNS, NUMBERS, STEPS
from repositories.webhooks.deliveries import may_be_sent
from repositories.webhooks.fanout import READER
from repositories.webhooks.models import Count, Delivery, Webhook

MOST = 10_000
"""No further is anything counted: one more is "more than". Of those that are due, this many, the longest due first, are
looked at to see which of them wait for something else."""
HOSTS = 10
FAILING = 20
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
RECENT = timedelta(minutes=5)
"""What "per minute" is the mean of."""
ENOUGH = 20
"""Attempts in the last hour; of fewer the success rate alerts nobody."""

State = Delivery.State


# -- the queue --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Queue:
    """Each up to MOST + 1."""

    due: int
    """Could be sent now."""
    behind: int
    """Due too, but an earlier one of the same tag comes first, or the receiver asked to be left alone for a while."""
    later: int
    """Failed, and wait for their next try."""
    sending: int
    held: int
    """Of webhooks that are paused."""
    unread: int
    """Events that nobody has looked for webhooks of."""
    due_since: datetime | None
    """Of the one that could have been sent for longest."""
    unread_since: datetime | None

    @property
    def waits_since(self) -> datetime | None:
        """What has waited longest for a worker: a delivery, or an event."""
        return min((at for at in (self.due_since, self.unread_since) if at is not None), default=None)

    def waited(self, now: datetime) -> float:
        """Seconds; 0 when nothing waits."""
        since = self.waits_since
        return max((now - since).total_seconds(), 0.0) if since else 0.0


def read_queue(now: datetime) -> Queue:
    """Seven queries."""
    waiting = Delivery.objects.filter(state=State.WAITING)
    due = waiting.filter(next_attempt_at__lte=now)
    looked_at = Delivery.objects.filter(pk__in=due.order_by("next_attempt_at").values("pk")[:MOST])
    free = looked_at.filter(may_be_sent(now)).aggregate(count=CountRows("pk"), since=Min("next_attempt_at"))
    all_due = _counted(due)
    behind = max(min(all_due, MOST) - free["count"], 0)
    paused = Webhook.objects.filter(is_active=False, disabled_by=Webhook.DisabledBy.FAILING)
    unread = Unread.objects.filter(reader=READER)
    return Queue(
        due=free["count"] if all_due <= MOST else all_due,
        behind=behind,
        later=_counted(waiting.filter(next_attempt_at__gt=now)),
        # The condition on the lease lets SQLite use the small index of those that are sent.
        sending=_counted(Delivery.objects.filter(state=State.SENDING, leased_until__isnull=False)),
        held=_counted(Delivery.objects.filter(state=State.HELD, webhook__in=paused.values("pk"))),
        unread=_counted(unread),
        due_since=free["since"],
        unread_since=unread.order_by("id").values_list("event__at", flat=True).first(),
    )


def _counted(rows: QuerySet[Any]) -> int:
    return rows.order_by()[: MOST + 1].count()


# -- how attempts ended -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Ended:
    """Sums of `Count`."""

    delivered: int = 0
    failed: int = 0
    interrupted: int = 0
    milliseconds: int = 0
    steps: tuple[int, ...] = (0,) * len(COLUMNS)
    """Attempts by how long they took: `STEPS`, and longer."""

    @property
    def attempts(self) -> int:
        return self.delivered + self.failed + self.interrupted

    @property
    def success_rate(self) -> float | None:
        """Of attempts, from 0 to 1; None without any."""
        return self.delivered / self.attempts if self.attempts else None

    @property
    def median(self) -> int | None:
        """Milliseconds, about; so is `p95`."""
        return self.quantile(0.5)

    @property
    def p95(self) -> int | None:
        return self.quantile(0.95)

    def quantile(self, share: float) -> int | None:
        """Milliseconds, between the two steps where it must lie. None without attempts that came to an end."""
        wanted, before, floor = share * sum(self.steps), 0, 0
        if not wanted:
            return None
        for ceiling, count in zip(STEPS, self.steps, strict=False):
            if before + count >= wanted:
                return round(floor + (ceiling - floor) * (wanted - before) / count)
            before, floor = before + count, ceiling
        return floor


SUM = "sum_"
_SUMS = {f"{SUM}{name}": Sum(name) for name in NUMBERS}


def _ended(sums: dict[str, Any]) -> Ended:
    told = {name: sums.get(f"{SUM}{name}") or 0 for name in NUMBERS}
    return Ended(
        told["delivered"],
        told["failed"],
        told["interrupted"],
        told["milliseconds"],
        tuple(told[column] for column in COLUMNS),
    )


def ended_since(since: datetime) -> Ended:
    """All attempts of the minutes since then, one day at most. One query."""
    rows = Count.objects.filter(span=Count.Span.MINUTE, at__gte=since)
    return _ended(rows.aggregate(**_SUMS))


def ended_ever() -> Ended:
    """Since the first start: it only rises. One query."""
    return _ended(Count.objects.filter(span=Count.Span.EVER).aggregate(**_SUMS))


@dataclass(frozen=True, slots=True)
class Minute:
    at: datetime
    delivered: int
    failed: int
    """Also those that were interrupted."""


def minutes(now: datetime) -> list[Minute]:
    """The last sixty, the one that has not ended being the last. One query."""
    first = now.replace(second=0, microsecond=0) - HOUR + timedelta(minutes=1)
    rows = Count.objects.filter(span=Count.Span.MINUTE, at__gte=first, host="")
    there = {row.at: row for row in rows.only("at", "delivered", "failed", "interrupted")}
    times = [first + timedelta(minutes=number) for number in range(60)]
    return [
        Minute(at, there[at].delivered, there[at].failed + there[at].interrupted) if at in there else Minute(at, 0, 0)
        for at in times
    ]


def per_minute(rows: Iterable[Minute], now: datetime) -> float:
    """The mean of the last minutes that were counted to their end."""
    until = now.replace(second=0, microsecond=0) - timedelta(minutes=1)
    taken = [row.delivered + row.failed for row in rows if until - RECENT <= row.at < until]
    return sum(taken) / len(taken) if taken else 0.0


@dataclass(frozen=True, slots=True)
class Host:
    name: str
    ended: Ended


def slowest_hosts(now: datetime) -> list[Host]:
    """Of the last day, by the mean time of an attempt. One query."""
    mean = Cast(F(f"{SUM}milliseconds"), FloatField()) / (F(f"{SUM}delivered") + F(f"{SUM}failed"))
    rows = _by_host(now).annotate(ended=F(f"{SUM}delivered") + F(f"{SUM}failed")).filter(ended__gt=0)
    return _hosts(rows.annotate(mean=mean).order_by("-mean", "host"))


def failing_hosts(now: datetime) -> list[Host]:
    """Of the last day, those where most attempts failed. One query."""
    failed = F(f"{SUM}failed") + F(f"{SUM}interrupted")
    return _hosts(_by_host(now).annotate(all_failed=failed).filter(all_failed__gt=0).order_by("-all_failed", "host"))


def _by_host(now: datetime) -> QuerySet[Count, Any]:
    rows = Count.objects.filter(span=Count.Span.HOUR, at__gte=now - DAY).order_by()
    return rows.values("host").annotate(**_SUMS)


def _hosts(rows: QuerySet[Count, Any]) -> list[Host]:
    return [Host(row["host"], _ended(row)) for row in rows[:HOSTS]]


def given_up_since(since: datetime) -> int:
    """Deliveries that failed for good, up to MOST + 1. One query."""
    return _counted(Delivery.objects.filter(state=State.FAILED, finished_at__gte=since))


# -- webhooks ---------------------------------------------------------------------------------------------------------

_FAILING = Q(failing_since__isnull=False)
STATES = ("active", "failing", "paused", "gone", "off")
"""Of webhooks. `gone`: the receiver answered 410. `off`: somebody switched it off."""


def state_of(*, is_active: bool, disabled_by: str, is_failing: bool) -> str:
    if is_active:
        return "failing" if is_failing else "active"
    by = {Webhook.DisabledBy.FAILING: "paused", Webhook.DisabledBy.RECEIVER: "gone"}
    return by.get(Webhook.DisabledBy(disabled_by), "off")


def webhook_counts() -> dict[str, int]:
    """State -> how many. One query through all webhooks: some milliseconds for ten thousand."""
    counts = dict.fromkeys(STATES, 0)
    rows = Webhook.objects.order_by().annotate(is_failing=ExpressionWrapper(_FAILING, BooleanField()))
    told = rows.values_list("is_active", "disabled_by", "is_failing").annotate(count=CountRows("pk"))
    for is_active, disabled_by, is_failing, count in told:
        counts[state_of(is_active=is_active, disabled_by=disabled_by, is_failing=is_failing)] += count
    return counts


@dataclass(frozen=True, slots=True)
class FailingWebhook:
    row: Webhook
    """With `repository` and `namespace`. Its `host` alone tells where it leads: the rest of a URL often is a secret."""
    state: str
    last_status: int | None
    last_error: str


def failing_webhooks(*, most: int = FAILING) -> list[FailingWebhook]:
    """Those that fail, that are paused, or that were switched off by a 410; the longest first. Two queries."""
    troubled = Webhook.objects.filter(_FAILING).exclude(disabled_by=Webhook.DisabledBy.PERSON)
    rows = troubled.select_related("repository__namespace", "namespace").order_by("failing_since", "pk")
    found = list(rows.annotate(told_by=_last_told())[:most])
    told = Delivery.objects.only("last_status", "last_error").in_bulk([row.told_by for row in found if row.told_by])
    return [_failing_webhook(row, told.get(row.told_by)) for row in found]


def _last_told() -> Coalesce:
    """Key of a delivery that failed. The oldest one held or waiting was tried before those that came after."""
    own = Delivery.objects.filter(webhook=OuterRef("pk"))
    held = own.filter(state=State.HELD).order_by("pk").values("pk")[:1]
    waiting = own.filter(state=State.WAITING).order_by("pk").values("pk")[:1]
    failed = own.filter(state=State.FAILED).order_by("-pk").values("pk")[:1]
    return Coalesce(Subquery(held), Subquery(waiting), Subquery(failed))


def _failing_webhook(row: Webhook, told: Delivery | None) -> FailingWebhook:
    state = state_of(is_active=row.is_active, disabled_by=row.disabled_by, is_failing=True)
    return FailingWebhook(row, state, told.last_status if told else None, told.last_error if told else "")


# -- all of it --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Limits:
    """Where the numbers become an alert."""

    waited_seconds: float
    success_rate: float


def limits() -> Limits:
    return Limits(settings.WEBHOOK_ALERT_OLDEST.total_seconds(), settings.WEBHOOK_ALERT_SUCCESS_RATE)


@dataclass(frozen=True, slots=True)
class Overview:
    at: datetime
    queue: Queue
    hour: Ended
    day: Ended
    minutes: list[Minute]
    given_up: int
    """In the last day."""
    slowest: list[Host]
    failing_hosts: list[Host]
    webhooks: dict[str, int]
    failing: list[FailingWebhook]
    limits: Limits

    @property
    def waited(self) -> float:
        """Seconds."""
        return self.queue.waited(self.at)

    @property
    def per_minute(self) -> float:
        return per_minute(self.minutes, self.at)

    @property
    def waits_too_long(self) -> bool:
        return self.waited > self.limits.waited_seconds

    @property
    def fails_too_often(self) -> bool:
        rate = self.hour.success_rate
        return rate is not None and self.hour.attempts >= ENOUGH and rate < self.limits.success_rate


def overview() -> Overview:
    """Sixteen queries, whatever is there."""
    now = timezone.now()
    return Overview(
        at=now,
        queue=read_queue(now),
        hour=ended_since(now - HOUR),
        day=ended_since(now - DAY),
        minutes=minutes(now),
        given_up=given_up_since(now - DAY),
        slowest=slowest_hosts(now),
        failing_hosts=failing_hosts(now),
        webhooks=webhook_counts(),
        failing=failing_webhooks(),
        limits=limits(),
    )
