"""From an event to its deliveries, and from a delivery to its attempts. The row is the queue; Celery only wakes.

States: waiting -> sending (a lease of 30 s) -> delivered, failed, or waiting for the next try. A worker that dies
leaves a lease that runs out, and the sweep hands the delivery to another: at least once, never lost.
"""

import logging
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, Min, OuterRef, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from portal.accounts.actor import SYSTEM
from portal.events.models import Event, Unread
from portal.events.record import record
from portal.kit import jobs
from repositories.webhooks import payloads, sending
from repositories.webhooks.models import Attempt, Delivery, Webhook
from repositories.webhooks.sending import Outcome

log = logging.getLogger(__name__)

READER = "webhooks"
DELIVER = "repositories.webhooks.deliver"

LEASE = timedelta(seconds=30)  # thrice what a request may take
WAITS = (timedelta(seconds=10), timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=30))
MOST_ATTEMPTS = len(WAITS) + 1
MOST_CLAIMS = 10  # a delivery whose worker died this often may be what kills it
MOST_PER_HOST = 4  # requests under way at once to one host; to one webhook it is a single one
SWEEP_EVENTS = 200
SWEEP_DELIVERIES = 200

State = Delivery.State


# -- event -> deliveries ----------------------------------------------------------------------------------------------


def fan_out(event_id: int) -> int:
    """Make the event's deliveries: one for each active webhook that was there when it happened. Returns how many.

    The Unread row is deleted in the same transaction, so that each event is dealt with once, whoever is killed.
    """
    with transaction.atomic():
        taken, _by_model = Unread.objects.filter(event_id=event_id, reader=READER).delete()
        if not taken:
            return 0
        made = _make_deliveries(Event.objects.get(pk=event_id))
    return len(made)


def _make_deliveries(event: Event) -> list[Delivery]:
    if event.repository_id is None:
        return []
    hooks = Webhook.objects.filter(
        repository_id=event.repository_id, is_active=True, created_at__lte=event.at
    ).select_related("repository")
    made = [_new_delivery(event, hook) for hook in hooks]
    Delivery.objects.bulk_create(made, batch_size=500)
    for delivery in made:
        jobs.enqueue(DELIVER, delivery.pk)
    return made


def _new_delivery(event: Event, hook: Webhook) -> Delivery:
    delivery = Delivery(
        webhook=hook, event_id=event.public_id, event_action=event.action, summary=payloads.pushed_tag(event)[:255]
    )
    delivery.body = payloads.push_payload(event, hook.repository, delivery_id=delivery.public_id)
    return delivery


# -- delivery -> attempt ----------------------------------------------------------------------------------------------


def deliver(delivery_id: int) -> bool:
    """Send one delivery, if it is due and nobody else has it. Returns whether it was sent.

    What is sent is recorded in either case; the request stands outside of any transaction.
    """
    delivery = claim(delivery_id)
    if delivery is None:
        return False
    finish(delivery, sending.send(delivery))
    wake(host=delivery.webhook.host)
    return True


def claim(delivery_id: int) -> Delivery | None:
    """Take the delivery for LEASE by a conditional update that must change one row. None if it is not to be sent now.

    The limits per webhook and host are asked beforehand. Two workers may pass them at the same moment; then a receiver
    gets one request more at once, which is accepted. `attempt_count` is the claim's number and fences its owner's
    writes.
    """
    now = timezone.now()
    claimable = Q(state=State.WAITING, next_attempt_at__lte=now) | Q(state=State.SENDING, leased_until__lte=now)
    rows = Delivery.objects.filter(claimable, pk=delivery_id, webhook__is_active=True)
    delivery = rows.select_related("webhook").first()
    if delivery is None or not _has_room(delivery.webhook, now):
        return None
    number = delivery.attempt_count + 1
    with transaction.atomic():
        taken = Delivery.objects.filter(claimable, pk=delivery.pk, attempt_count=delivery.attempt_count).update(
            state=State.SENDING, leased_until=now + LEASE, attempt_count=number, next_attempt_at=None
        )
        if not taken:
            return None
        _mark_interrupted(delivery)
        Attempt.objects.create(delivery=delivery, number=number, started_at=now)
    delivery.state, delivery.attempt_count = State.SENDING, number
    return delivery


def _has_room(hook: Webhook, now: datetime) -> bool:
    """One query. A delivery of a webhook that has one under way is woken when that one is finished."""
    busy = list(_under_way(now).filter(webhook__host=hook.host).values_list("webhook_id", flat=True))
    return hook.pk not in busy and len(busy) < MOST_PER_HOST


def _under_way(now: datetime) -> QuerySet[Delivery]:
    return Delivery.objects.filter(state=State.SENDING, leased_until__gt=now)


def _mark_interrupted(delivery: Delivery) -> None:
    """An attempt before this one that nobody finished: its worker died, and whether the receiver got it is unknown."""
    if delivery.state == State.SENDING:
        words = _("The sending process ended before an answer was recorded. The receiver may have got it.")
        Attempt.objects.filter(delivery=delivery, status=None, error="").update(error=words)


def finish(delivery: Delivery, outcome: Outcome) -> None:
    """Record the attempt, and decide: delivered, failed, or when again. One transaction.

    A worker that was slower than its lease writes its attempt, which did happen, but leaves the state to the next one.
    """
    now, number = timezone.now(), delivery.attempt_count
    with transaction.atomic():
        Attempt.objects.filter(delivery=delivery, number=number).update(
            duration_ms=outcome.duration_ms,
            timings=outcome.timings,
            request_url=outcome.url,
            request_headers=outcome.request_headers,
            status=outcome.status,
            response_headers=outcome.response_headers,
            response_body=outcome.response_body,
            response_truncated=outcome.truncated,
            error=outcome.error,
        )
        state, again_at = _next_step(outcome, number, now)
        owned = Delivery.objects.filter(pk=delivery.pk, attempt_count=number).update(
            state=state,
            next_attempt_at=again_at,
            leased_until=None,
            finished_at=None if state == State.WAITING else now,
        )
        if owned and outcome.gone:
            _switch_off_gone(delivery.webhook, now)


def _next_step(outcome: Outcome, number: int, now: datetime) -> tuple[State, datetime | None]:
    if outcome.delivered:
        return State.DELIVERED, None
    if outcome.gone or number >= MOST_ATTEMPTS:
        return State.FAILED, None
    return State.WAITING, now + WAITS[number - 1]


def _switch_off_gone(hook: Webhook, now: datetime) -> None:
    switched = Webhook.objects.filter(pk=hook.pk, is_active=True).update(
        is_active=False, disabled_by=Webhook.DisabledBy.RECEIVER
    )
    if not switched:
        return
    give_up_waiting(hook, now)
    repository = hook.repository
    record(
        "repo.webhook.disable",
        actor=SYSTEM,
        namespace=repository.namespace_name,
        repository_id=repository.pk,
        target=f"{repository.full_name}: {hook.name}",
        new={"webhook": hook.pk, "reason": "410 Gone"},
    )


def give_up_waiting(hook: Webhook, now: datetime) -> int:
    """Of a webhook that is switched off: nothing of the past is sent when somebody switches it on months later."""
    waiting = Delivery.objects.filter(webhook=hook, state=State.WAITING)
    return waiting.update(state=State.FAILED, next_attempt_at=None, finished_at=now)


# -- waking -----------------------------------------------------------------------------------------------------------


def wake(*, host: str) -> None:
    """After a delivery to a host: the next ones for that host, which had no room. Two queries."""
    for delivery_id in _next_due(timezone.now(), MOST_PER_HOST, host=host):
        jobs.enqueue(DELIVER, delivery_id)


def _next_due(now: datetime, most: int, *, host: str | None = None) -> list[int]:
    """The oldest due delivery of each webhook that has none under way, to hosts that have room."""
    under_way = _under_way(now)
    due = Delivery.objects.filter(state=State.WAITING, next_attempt_at__lte=now, webhook__is_active=True)
    due = due.exclude(Exists(under_way.filter(webhook=OuterRef("webhook"))))
    if host is not None:
        due = due.filter(webhook__host=host)
    else:
        hosts = list(under_way.values_list("webhook__host", flat=True))
        due = due.exclude(webhook__host__in={name for name in hosts if hosts.count(name) >= MOST_PER_HOST})
    oldest = due.values("webhook").annotate(first=Min("id")).order_by("first").values_list("first", flat=True)
    return list(oldest[:most])


def sweep() -> None:
    """What lost its wake-up: events not dealt with, deliveries that are due, leases that ran out. Safe to run twice.

    Bounded in each run, and without a write when there is nothing to do; beat runs it every 2 s.
    """
    now = timezone.now()
    unread = Unread.objects.filter(reader=READER).order_by("id").values_list("event_id", flat=True)
    for event_id in list(unread[:SWEEP_EVENTS]):
        _fan_out_logged(event_id)
    _give_up_switched_off(now)
    for delivery_id in [*_expired(now), *_next_due(now, SWEEP_DELIVERIES)]:
        jobs.enqueue(DELIVER, delivery_id)


def _fan_out_logged(event_id: int) -> None:
    """One event that cannot be dealt with must not keep the others waiting."""
    try:
        fan_out(event_id)
    except Exception:
        log.exception("Event %d could not be turned into deliveries.", event_id)


def _give_up_switched_off(now: datetime) -> None:
    """Deliveries that began to wait just when their webhook was switched off."""
    hooks = Webhook.objects.filter(is_active=False)
    for hook in hooks.filter(Exists(Delivery.objects.filter(webhook=OuterRef("pk"), state=State.WAITING))):
        give_up_waiting(hook, now)


def _expired(now: datetime) -> list[int]:
    """Deliveries whose worker died, but for those that seem to be what kills it: they are failed."""
    expired = Delivery.objects.filter(state=State.SENDING, leased_until__lte=now).order_by("leased_until")
    rows = list(expired.values_list("pk", "attempt_count")[:SWEEP_DELIVERIES])
    deadly = [pk for pk, number in rows if number >= MOST_CLAIMS]
    if deadly:
        log.error("Deliveries %s are given up: their worker died %d times.", deadly, MOST_CLAIMS)
        expired.filter(pk__in=deadly).order_by().update(state=State.FAILED, leased_until=None, finished_at=now)
    return [pk for pk, number in rows if number < MOST_CLAIMS]
