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
from repositories.models import Repository
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
SWEEP_WEBHOOKS = 200

State = Delivery.State


# -- event -> deliveries ----------------------------------------------------------------------------------------------


def fan_out(event_id: int) -> int:
    """Make the deliveries of an event, after those of the same repository's events before it. Returns how many.

    So a webhook's deliveries are numbered in the order of the events, whichever of two wake-ups is quicker.
    """
    unread = Unread.objects.filter(reader=READER, event_id__lt=event_id)
    same = unread.filter(event__repository_id__in=Event.objects.filter(pk=event_id).values("repository_id"))
    for earlier in list(same.order_by("event_id").values_list("event_id", flat=True)):
        _fan_out_logged(earlier)
    return _fan_out_one(event_id)


def _fan_out_one(event_id: int) -> int:
    """One delivery for each active webhook that was there when it happened.

    The Unread row is deleted in the same transaction, so that each event is dealt with once, whoever is killed.
    """
    with transaction.atomic():
        taken, _by_model = Unread.objects.filter(event_id=event_id, reader=READER).delete()
        if not taken:
            return 0
        made = _make_deliveries(Event.objects.get(pk=event_id))
    return len(made)


def _fan_out_logged(event_id: int) -> None:
    """One event that cannot be dealt with must not keep the others waiting."""
    try:
        _fan_out_one(event_id)
    except Exception:
        log.exception("Event %d could not be turned into deliveries.", event_id)


def _make_deliveries(event: Event) -> list[Delivery]:
    """Holds the repository, as `lock_webhook` does."""
    repository = Repository.objects.select_for_update(no_key=True).filter(pk__in=[event.repository_id]).first()
    if repository is None:
        return []
    hooks = Webhook.objects.filter(repository=repository, is_active=True, created_at__lte=event.at).order_by("id")
    made = [_new_delivery(event, repository, hook) for hook in hooks]
    Delivery.objects.bulk_create(made, batch_size=500)
    for delivery in made:
        jobs.enqueue(DELIVER, delivery.webhook_id)
    return made


def _new_delivery(event: Event, repository: Repository, hook: Webhook) -> Delivery:
    delivery = Delivery(
        webhook=hook, event_id=event.public_id, event_action=event.action, summary=payloads.pushed_tag(event)[:255]
    )
    delivery.body = payloads.push_payload(event, repository, delivery_id=delivery.public_id)
    return delivery


# -- delivery -> attempt ----------------------------------------------------------------------------------------------


def deliver(webhook_id: int) -> bool:
    """Send the webhook's oldest due delivery, if none is under way. Returns whether one was sent.

    The request stands outside of any transaction.
    """
    delivery = claim(webhook_id)
    if delivery is None:
        return False
    finish(delivery, sending.send(delivery))
    wake(host=delivery.webhook.host)
    return True


def claim(webhook_id: int) -> Delivery | None:
    """Take the webhook's oldest due delivery, with `webhook`, for LEASE. None if there is nothing to send now.

    The repository is held meanwhile, so that one request at most is under way to a webhook. The limit per host is less
    strict: two workers may pass it at one moment.
    """
    now = timezone.now()
    due = Delivery.objects.filter(_claimable(now), webhook_id=webhook_id).order_by("id")
    if not due.exists():
        return None
    with transaction.atomic():
        hook = lock_webhook(webhook_id)
        if hook is None or not hook.is_active or not _has_room(hook, now):
            return None
        delivery = due.first()
        if delivery is None or not _take(delivery, now):
            return None
    delivery.webhook = hook
    return delivery


def _claimable(now: datetime) -> Q:
    return Q(state=State.WAITING, next_attempt_at__lte=now) | Q(state=State.SENDING, leased_until__lte=now)


def _take(delivery: Delivery, now: datetime) -> bool:
    """The conditional update that must change one row, and the attempt's row.

    `attempt_count` becomes the claim's number and fences its owner's writes.
    """
    number = delivery.attempt_count + 1
    rows = Delivery.objects.filter(_claimable(now), pk=delivery.pk, attempt_count=delivery.attempt_count)
    if not rows.update(state=State.SENDING, leased_until=now + LEASE, attempt_count=number, next_attempt_at=None):
        return False
    _mark_interrupted(delivery)
    Attempt.objects.create(delivery=delivery, number=number, started_at=now)
    delivery.state, delivery.attempt_count = State.SENDING, number
    return True


def lock_webhook(webhook_id: int) -> Webhook | None:
    """The webhook as it is now, its repository held until the transaction ends. Two queries.

    One lock for all that makes, takes and deletes deliveries: whoever deletes a webhook or its repository meets no row
    that came in between. On SQLite one transaction writes at a time anyway.
    """
    repository = Repository.objects.select_for_update(no_key=True, of=("self",)).filter(webhooks=webhook_id)
    if not repository.values_list("pk"):
        return None
    return Webhook.objects.filter(pk=webhook_id).first()


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
        if outcome.gone:
            lock_webhook(delivery.webhook_id)  # before its deliveries, as everywhere
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
    for webhook_id in _next_due(timezone.now(), MOST_PER_HOST, host=host):
        jobs.enqueue(DELIVER, webhook_id)


def _next_due(now: datetime, most: int, *, host: str | None = None) -> list[int]:
    """Webhooks that have a delivery due and none under way, at hosts that have room; the longest waiting first."""
    under_way = _under_way(now)
    due = Delivery.objects.filter(state=State.WAITING, next_attempt_at__lte=now, webhook__is_active=True)
    due = due.exclude(Exists(under_way.filter(webhook=OuterRef("webhook"))))
    if host is not None:
        due = due.filter(webhook__host=host)
    else:
        hosts = list(under_way.values_list("webhook__host", flat=True))
        due = due.exclude(webhook__host__in={name for name in hosts if hosts.count(name) >= MOST_PER_HOST})
    hooks = due.values("webhook_id").annotate(oldest=Min("id")).order_by("oldest")
    return [row["webhook_id"] for row in hooks[:most]]


def sweep() -> None:
    """What lost its wake-up: events not dealt with, deliveries that are due, leases that ran out. Safe to run twice.

    Bounded in each run, and without a write when there is nothing to do; beat runs it every 2 s.
    """
    now = timezone.now()
    unread = Unread.objects.filter(reader=READER).order_by("id").values_list("event_id", flat=True)
    for event_id in list(unread[:SWEEP_EVENTS]):
        _fan_out_logged(event_id)
    _give_up_switched_off(now)
    for webhook_id in dict.fromkeys([*_expired(now), *_next_due(now, SWEEP_WEBHOOKS)]):
        jobs.enqueue(DELIVER, webhook_id)


def _give_up_switched_off(now: datetime) -> None:
    """Deliveries that began to wait just when their webhook was switched off."""
    hooks = Webhook.objects.filter(is_active=False)
    for hook in hooks.filter(Exists(Delivery.objects.filter(webhook=OuterRef("pk"), state=State.WAITING))):
        give_up_waiting(hook, now)


def _expired(now: datetime) -> list[int]:
    """Webhooks with a delivery whose worker died. Deliveries that seem to be what kills workers are failed."""
    expired = Delivery.objects.filter(state=State.SENDING, leased_until__lte=now).order_by("leased_until")
    rows = list(expired.values_list("pk", "webhook_id", "attempt_count")[:SWEEP_WEBHOOKS])
    deadly = [pk for pk, _hook, number in rows if number >= MOST_CLAIMS]
    if deadly:
        log.error("Deliveries %s are given up: their worker died %d times.", deadly, MOST_CLAIMS)
        expired.filter(pk__in=deadly).order_by().update(state=State.FAILED, leased_until=None, finished_at=now)
    return [hook for _pk, hook, number in rows if number < MOST_CLAIMS]
