"""From a delivery to its attempts. The row is the queue; Celery only wakes.

States: waiting -> sending (a lease of 30 s) -> delivered, failed, or waiting for the next try; held while the webhook
is paused. A worker that dies leaves a lease that runs out, and another claims the delivery: at least once, never lost.
"""

import logging
import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from repositories.models import Repository
from repositories.webhooks import circuit, schedule
from repositories.webhooks.models import Attempt, Delivery, Webhook
from repositories.webhooks.room import Room
from repositories.webhooks.sending import Outcome

log = logging.getLogger(__name__)

DELIVER = "repositories.webhooks.deliver"

LEASE = timedelta(seconds=30)  # thrice what a request may take
BATCH = 100
"""Deliveries that are claimed together."""
MOST_INTERRUPTIONS = 5
"""A delivery whose worker died this often may be what kills it."""

State = Delivery.State
Done = tuple[Delivery, Outcome]


# -- claiming ---------------------------------------------------------------------------------------------------------


def claim(room: Room, *, most: int = BATCH) -> list[Delivery]:
    """Take what is due and has room, the longest due first, each with `webhook` and for LEASE. One transaction.

    Every one of them has its place in the room: `room.give` it back when it is finished.
    """
    now = timezone.now()
    picked = _pick(room, now, most)
    if not picked:
        return []
    claimed: list[Delivery] = []
    try:
        claimed = _take([row.pk for row in picked], now)
    finally:
        got = {row.pk: row for row in claimed}
        for row in picked:
            if row.pk in got:
                got[row.pk].place_taken = row.place_taken
            else:
                give_room(room, row)
    return claimed


def give_room(room: Room, delivery: Delivery) -> None:
    """The place that it took, whatever became of its webhook since."""
    hook, host, failing = delivery.place_taken
    room.give(hook, host, failing=failing)


def _take_room(room: Room, delivery: Delivery) -> bool:
    hook = delivery.webhook
    delivery.place_taken = hook.pk, hook.host, hook.failing_since is not None
    return room.take(hook.pk, hook.host, failing=hook.failing_since is not None)


def _pick(room: Room, now: datetime, most: int) -> list[Delivery]:
    """What there is room for. Webhooks that fail come after those that work, however long they have been due."""
    picked: list[Delivery] = []
    for failing in (False, True):
        _pick_more(picked, room, now, most, failing=failing)
    return picked


def _pick_more(picked: list[Delivery], room: Room, now: datetime, most: int, *, failing: bool) -> None:
    """Each that finds a webhook or a host full is left out of the next look."""
    while len(picked) < most and (room.has_place_for_failing if failing else room.has_place):
        rows = _candidates(room, now, besides=[row.pk for row in picked])
        rows = rows.filter(webhook__failing_since__isnull=not failing)
        new = [row for row in rows[: most - len(picked)] if _take_room(room, row)]
        picked += new
        if not new:
            break


def _candidates(room: Room, now: datetime, *, besides: Sequence[int]) -> QuerySet[Delivery]:
    hosts, hooks = room.full()
    rows = Delivery.objects.filter(_claimable(now), may_be_sent(now)).exclude(pk__in=besides)
    if hosts:
        rows = rows.exclude(webhook__host__in=hosts)
    if hooks:
        rows = rows.exclude(webhook__in=hooks)
    rows = rows.select_related("webhook").only("pk", "webhook__host", "webhook__failing_since")
    return rows.order_by("next_attempt_at", "pk")


def may_be_sent(now: datetime) -> Q:
    """Of those that are due: the webhook is on and not asked to wait, and nothing of the same key comes first.

    Who is asked to wait longer than anybody may ask was so before somebody set the clock back.
    """
    waits_for = Q(webhook__not_before__gt=now, webhook__not_before__lte=now + schedule.LONGEST_ASKED)
    return Q(webhook__is_active=True) & ~waits_for & ~Q(Exists(_before()))


def _before() -> QuerySet[Delivery]:
    """What has to be over before a delivery is sent that has the same key."""
    same = Delivery.objects.filter(webhook=OuterRef("webhook"), order_key=OuterRef("order_key"))
    # As the index `delivery_in_order` has it: SQLite does not see that a list of parameters would be the same.
    is_open = Q(state=State.WAITING) | Q(state=State.SENDING)
    return same.exclude(order_key="").filter(is_open, event_key__lt=OuterRef("event_key"))


def _claimable(now: datetime) -> Q:
    """A lease that reaches further than one can is of before somebody set the clock back."""
    # Flat, since SQLite reads the whole log for an OR inside of an OR, and takes three searches in indexes for this.
    due = Q(state=State.WAITING, next_attempt_at__lte=now)
    over = Q(state=State.SENDING, leased_until__lte=now)
    return due | over | Q(state=State.SENDING, leased_until__gt=now + 2 * LEASE)


def _take(pks: Sequence[int], now: datetime) -> list[Delivery]:
    """The conditional update that decides who sends, and the log's word on those whose worker died."""
    mark = uuid.uuid4().hex
    with transaction.atomic():
        free = Delivery.objects.filter(_claimable(now), pk__in=pks).order_by("pk")
        rows = list(free.select_for_update(skip_locked=True, of=("self",)).only("pk", "state", "attempt_count"))
        _note_interrupted([row for row in rows if row.state == State.SENDING], now)
        Delivery.objects.filter(_claimable(now), pk__in=[row.pk for row in rows]).update(
            state=State.SENDING,
            claim=mark,
            leased_until=now + LEASE,
            attempt_count=F("attempt_count") + 1,
            next_attempt_at=None,
        )
        return list(
            Delivery.objects.filter(pk__in=pks, claim=mark).select_related("webhook").order_by("next_attempt_at", "pk")
        )


def _note_interrupted(rows: Sequence[Delivery], now: datetime) -> None:
    """Attempts that nobody finished: their worker died. What kills workers again and again is given up."""
    if not rows:
        return
    words = _("The sending process ended before an answer was recorded. The receiver may have got it.")
    Attempt.objects.bulk_create(
        [Attempt(delivery=row, number=row.attempt_count, error=words, is_interrupted=True) for row in rows],
        ignore_conflicts=True,
    )
    cut = Attempt.objects.filter(delivery__in=rows, is_interrupted=True).values("delivery").annotate(times=Count("pk"))
    deadly = [row["delivery"] for row in cut if row["times"] >= MOST_INTERRUPTIONS]
    if deadly:
        log.error("Deliveries %s are given up: their worker died %d times.", deadly, MOST_INTERRUPTIONS)
        given_up = Delivery.objects.filter(pk__in=deadly)
        given_up.update(state=State.FAILED, leased_until=None, finished_at=now, last_error=words)


# -- finishing --------------------------------------------------------------------------------------------------------


def finish(done: Sequence[Done]) -> None:
    """Record attempts, and decide for each: delivered, failed, or when again. One transaction.

    A worker that was slower than its lease writes its attempt, which did happen, but leaves the state to the next one.
    Webhooks are written before deliveries, as everywhere, and both in the order of their keys.
    """
    now = timezone.now()
    done = sorted(done, key=lambda one: one[0].pk)
    with transaction.atomic():
        is_off = circuit.note(done, now)
        there = set(Delivery.objects.filter(pk__in=[delivery.pk for delivery, _o in done]).values_list("pk", flat=True))
        _settle(done, now)
        if is_off:
            settle_switched_off()
        attempts = [_attempt(delivery, outcome, now) for delivery, outcome in done if delivery.pk in there]
        # What another took for interrupted meanwhile came to an end after all.
        Attempt.objects.bulk_create(
            attempts, update_conflicts=True, unique_fields=["delivery", "number"], update_fields=_TOLD
        )


_SETTLE = """
UPDATE webhooks_delivery
SET state = %s, next_attempt_at = %s, finished_at = %s, last_status = %s, last_error = %s, last_duration_ms = %s,
    leased_until = NULL, claim = ''
WHERE id = %s AND claim = %s AND state = 'sending'
"""


def _settle(done: Sequence[Done], now: datetime) -> None:
    """Raw, which takes a third of the time: a thousand receivers time out together, and while their outcomes are
    written SQLite lets nobody claim.
    """
    with connection.cursor() as cursor:
        cursor.executemany(_SETTLE, [_settled(delivery, outcome, now) for delivery, outcome in done])


def _settled(delivery: Delivery, outcome: Outcome, now: datetime) -> tuple[Any, ...]:
    state, again_at = _next_step(delivery, outcome, now)
    moment = connection.ops.adapt_datetimefield_value
    finished_at = None if state == State.WAITING else moment(now)
    told = (outcome.status, outcome.error, outcome.duration_ms)
    return str(state), again_at and moment(again_at), finished_at, *told, delivery.pk, delivery.claim


def _next_step(delivery: Delivery, outcome: Outcome, now: datetime) -> tuple[State, datetime | None]:
    if outcome.delivered:
        return State.DELIVERED, None
    if outcome.gone:
        return State.FAILED, None
    again_at = schedule.next_attempt(trying_since=delivery.trying_since, attempts=delivery.attempt_count, now=now)
    if again_at is None:
        return State.FAILED, None
    asked = schedule.asked_for(outcome.retry_after, now)
    return State.WAITING, max(again_at, asked) if asked else again_at


_TOLD = [
    field.name
    for field in Attempt._meta.concrete_fields  # noqa: SLF001  Django documents it
    if field.name not in {"id", "delivery", "number"}
]


def _attempt(delivery: Delivery, outcome: Outcome, now: datetime) -> Attempt:
    return Attempt(
        delivery=delivery,
        number=delivery.attempt_count,
        started_at=now - timedelta(milliseconds=outcome.duration_ms),
        duration_ms=outcome.duration_ms,
        timings=outcome.timings,
        address=outcome.address,
        request_url=outcome.url,
        request_headers=outcome.request_headers,
        status=outcome.status,
        response_headers=outcome.response_headers,
        response_body=outcome.response_body,
        response_truncated=outcome.truncated,
        error=outcome.error,
    )


# -- webhooks that are off --------------------------------------------------------------------------------------------


def lock_webhook(webhook_id: int) -> Webhook | None:
    """The webhook as it is now, with its place, held with its repository until the transaction ends. Two queries.

    Whoever deletes a webhook meets no delivery that came in between. On SQLite one transaction writes at a time anyway.
    """
    repository = Repository.objects.select_for_update(no_key=True, of=("self",)).filter(webhooks=webhook_id)
    list(repository.values_list("pk"))
    hooks = Webhook.objects.select_for_update(of=("self",)).select_related("repository", "namespace")
    return hooks.filter(pk=webhook_id).first()


def give_up_waiting(hook: Webhook, now: datetime) -> int:
    """Of a webhook that is switched off: nothing of the past is sent when somebody switches it on months later."""
    waiting = Delivery.objects.filter(webhook=hook, state__in=[State.WAITING, State.HELD])
    return waiting.update(state=State.FAILED, next_attempt_at=None, finished_at=now)


def settle_switched_off() -> None:
    """Deliveries that began to wait just when their webhook was switched off or paused."""
    waiting = Delivery.objects.filter(webhook=OuterRef("pk"), state=State.WAITING)
    now = timezone.now()
    for hook in Webhook.objects.filter(Exists(waiting), is_active=False):
        if hook.is_paused:
            circuit.hold_waiting(hook)
        else:
            give_up_waiting(hook, now)


def bring_forward() -> None:
    """A clock that was set back leaves deliveries due in a future that no back-off reaches."""
    far = timezone.now() + schedule.TRIED_FOR + schedule.LONGEST_WAIT
    late = Delivery.objects.filter(state=State.WAITING, next_attempt_at__gt=far)
    if late.exists():
        late.update(next_attempt_at=timezone.now())
