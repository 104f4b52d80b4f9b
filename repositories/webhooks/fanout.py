"""From an event to its deliveries: one row with frozen bytes for each webhook that wants to hear of it."""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import InterfaceError, OperationalError, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from portal.accounts.models import Namespace
from portal.events.models import Event, Unread
from portal.kit import jobs, patterns
from repositories import tag_rules
from repositories.models import Repository
from repositories.webhooks import catalog, documents, formats
from repositories.webhooks.callbacks import callback_url
from repositories.webhooks.catalog import EventType, Order
from repositories.webhooks.deliveries import DELIVER
from repositories.webhooks.models import Delivery, Webhook
from repositories.webhooks.turns import Turns

log = logging.getLogger(__name__)

READER = "webhooks"
CHUNK = 500
"""Deliveries that one transaction makes: SQLite lets nobody else write meanwhile."""
SWEEP_EVENTS = 200
OUT_OF_TURN = timedelta(seconds=30)
"""A delivery that waits for its next try is tried at once when a newer one has to wait for it, but no more often."""
AWAY = (OperationalError, InterfaceError)
"""The database is locked or away: the same again works later. Other errors are about what was asked of it."""

State = Delivery.State
Document = dict[str, Any]

_turns = Turns()


def fan_out(event_id: int) -> int:
    """Make the deliveries of an event, after those of the same repository's events before it. Returns how many.

    So a webhook's deliveries are numbered in the order of the events, whichever of two wake-ups is quicker. Who finds a
    thread of this process at the same repository leaves the event to that one.
    """
    event = Event.objects.filter(pk=event_id).values("repository_id").first()
    if event is None:
        return 0
    repository_id = event["repository_id"]
    if repository_id is None:
        return _fan_out_one(event_id)
    return _fan_out_repository(repository_id) if _turns.take(repository_id) else 0


def fan_out_unread() -> None:
    """Events whose wake-up was lost, so many at most; not those that a thread of this process is at."""
    unread = Unread.objects.filter(reader=READER).order_by("id").values_list("event_id", "event__repository_id")
    events = list(unread[:SWEEP_EVENTS])
    for event_id, repository_id in events:
        if repository_id is None:
            _fan_out_logged(event_id)
    for repository_id in dict.fromkeys(repository_id for _event, repository_id in events):
        if repository_id is not None and _turns.take(repository_id, ask=False):
            _fan_out_repository(repository_id)


def _fan_out_repository(repository_id: int) -> int:
    """All that is unread of the repository, and what others leave to us meanwhile. The turn is ours, and given back."""
    made, goes_on = 0, True
    try:
        while goes_on:
            unread = Unread.objects.filter(reader=READER, event__repository_id=repository_id)
            for event_id in list(unread.order_by("event_id").values_list("event_id", flat=True)):
                made += _fan_out_logged(event_id)
            goes_on = _turns.goes_on(repository_id)
    finally:
        if goes_on:
            _turns.give(repository_id)
    return made


def _fan_out_logged(event_id: int) -> int:
    """One event that cannot be dealt with must not keep the others waiting: the sweep comes back to it.

    Raises what tells that the database is away: the next event might get through, and would be sent before this one.
    """
    try:
        return _fan_out_one(event_id)
    except AWAY:
        raise
    except Exception:
        log.exception("Event %d could not be turned into deliveries.", event_id)
        return 0


def _fan_out_one(event_id: int) -> int:
    """One delivery for each webhook that was there when it happened.

    The Unread row is deleted with the last chunk, so that whoever is killed before is followed by another, and what was
    made already is not made twice (`delivery_once_per_event`).
    """
    unread = Unread.objects.filter(event_id=event_id, reader=READER)
    event = Event.objects.filter(pk__in=unread.values("event_id")).first()
    if event is None:
        return 0
    repository = Repository.objects.select_related("namespace").filter(pk__in=[event.repository_id]).first()
    hooks = list(hooks_for(event, repository))
    told = documents.document(event, repository, ask_registry=formats.tells_platforms(hooks)) if hooks else {}
    chunks = [hooks[begin : begin + CHUNK] for begin in range(0, len(hooks), CHUNK)] or [[]]
    made = 0
    for number, chunk in enumerate(chunks, start=1):
        rows = [new_delivery(hook, event, told) for hook in chunk]
        with transaction.atomic():
            if number == len(chunks) and not unread.delete()[0]:
                return 0  # another was quicker, and made the same
            made += _insert(rows, event.repository_id)
            if number < len(chunks):
                jobs.enqueue(DELIVER)  # the first of thousands need not wait for the last
    return made


def _insert(rows: Sequence[Delivery], repository_id: int | None) -> int:
    """Holds the repository, so that whoever deletes it meets no row that came in between."""
    list(Repository.objects.select_for_update(no_key=True).filter(pk__in=[repository_id]).values_list("pk"))
    there = set(Webhook.objects.filter(pk__in=[row.webhook_id for row in rows]).values_list("pk", flat=True))
    kept = [row for row in rows if row.webhook_id in there]
    _hold_no_more([row for row in kept if row.state == State.HELD])
    Delivery.objects.bulk_create(kept, ignore_conflicts=True)
    _try_before(kept)
    return len(kept)


def _hold_no_more(rows: Sequence[Delivery]) -> None:
    """What was to be held for a webhook that somebody has resumed meanwhile, or switched off, would be held for ever.

    Holds those webhooks: whoever resumes one comes before, or finds the row.
    """
    if not rows:
        return
    held = Webhook.objects.select_for_update(no_key=True).filter(pk__in=[row.webhook_id for row in rows])
    hooks = {hook.pk: hook for hook in held.order_by("pk").only("pk", "is_active", "disabled_by")}
    for row in rows:
        hook = hooks.get(row.webhook_id)
        if hook is not None and hook.is_active:
            row.state, row.next_attempt_at = State.WAITING, row.created_at
        elif hook is not None and not hook.is_paused:
            row.state, row.finished_at = State.FAILED, row.created_at


def _try_before(rows: Sequence[Delivery]) -> None:
    """What the new ones have to wait for is tried now: a receiver that is back gets both at once, in order."""
    keys = {row.order_key for row in rows if row.order_key}
    if not keys:
        return
    waiting = Delivery.objects.filter(state=State.WAITING, order_key__in=keys, attempt_count__gt=0)
    waiting = waiting.filter(webhook__in={row.webhook_id for row in rows if row.order_key})
    now = timezone.now()
    waiting.filter(~Q(attempts__started_at__gt=now - OUT_OF_TURN), next_attempt_at__gt=now).update(next_attempt_at=now)


def hooks_for(event: Event, repository: Repository | None) -> QuerySet[Webhook]:
    """Those that were there when it happened and want to hear of it, the repository's own and the namespace's.

    With `repository` and `namespace`. One query.
    """
    kind = catalog.by_action().get(event.action)
    if kind is None:
        return Webhook.objects.none()
    on = Q(is_active=True) | Q(disabled_by=Webhook.DisabledBy.FAILING)
    there = Q(created_at__lte=event.at) | Q(created_at__gt=timezone.now())  # in the future: the clock was set back
    rows = Webhook.objects.filter(on & there).select_related("repository", "namespace")
    of_place = Q(namespace__in=Namespace.objects.filter(name=event.namespace).values("pk"))
    if event.repository_id is not None:
        of_place |= Q(repository=event.repository_id)
    wanted = [hook.pk for hook in rows.filter(of_place) if wants(hook, kind, event, repository)]
    return rows.filter(pk__in=wanted).order_by("id")


def wants(hook: Webhook, kind: EventType, event: Event, repository: Repository | None) -> bool:
    """Whether the webhook, which is of the right place, hears of the event. Costs no query."""
    if kind.name not in hook.events:
        return False
    if hook.repository_id is None and event.repository_id is not None:
        name = documents.repository_name(event, repository).partition("/")[2]
        if not patterns.matches(hook.repository_pattern, name):
            return False
    if kind.is_of_tag and hook.tag_patterns:
        return tag_rules.first_match(hook.tag_patterns, documents.tag_of(event)) is not None
    return True


def new_delivery(hook: Webhook, event: Event, told: Document, *, now: datetime | None = None) -> Delivery:
    """Not saved. One that cannot be put into the webhook's format has failed, and says why."""
    kind = catalog.by_action()[event.action]
    moment = now or timezone.now()
    delivery = Delivery(
        webhook=hook,
        event_id=event.public_id,
        event_key=event.pk,
        event_type=kind.name,
        event_action=event.action,
        repository_name=documents.repository_name_of(told),
        summary=documents.summary(event, kind)[:255],
        order_key=_order_key(event, kind)[:400],
        values=documents.placeholders(told),
        created_at=moment,
        trying_since=moment,
        next_attempt_at=moment,
        state=State.WAITING,
    )
    if not hook.is_active:
        delivery.state, delivery.next_attempt_at = State.HELD, None
    try:
        rendered = formats.render(hook, told | {"callback_url": callback_url(delivery)})
    except formats.NotRendered as error:
        delivery.state, delivery.next_attempt_at, delivery.finished_at = State.FAILED, None, moment
        delivery.last_error = str(error)[:500]
    else:
        delivery.body, delivery.content_type = rendered.body, rendered.content_type
    return delivery


def _order_key(event: Event, kind: EventType) -> str:
    if kind.order is Order.TAG:
        return f"tag:{event.repository_id}:{documents.tag_of(event)}"
    if kind.order is Order.REPOSITORY:
        return f"repository:{event.repository_id}"
    return f"{kind.name}:{event.target}" if kind.order is Order.TARGET else ""


def new_ping(hook: Webhook, event: Event) -> Delivery:
    """Not saved. In the webhook's own format, about what it last heard of, or an example."""
    told = documents.ping(event, hook)
    delivery = new_delivery(hook, event, told)
    delivery.event_key, delivery.order_key = None, ""
    return delivery
