"""What a webhook's outcomes mean for the webhook: it is asked to wait, switched off, or paused after a day of failures.

A paused webhook loses nothing: what happens meanwhile is held, and sent when somebody resumes it.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q

from portal.accounts.actor import SYSTEM, Actor
from portal.events.models import Event
from portal.events.record import record
from portal.kit import jobs
from repositories.webhooks import schedule
from repositories.webhooks.models import Attempt, Delivery, Webhook
from repositories.webhooks.sending import Outcome

MAIL_PAUSED = "repositories.webhooks.mail_paused"
PAUSED_AFTER = timedelta(hours=24)
"""Of nothing but failures."""
TRIED_BEFORE_PAUSE = 6
"""Failures in that day, between the first one and the one that has it paused. The back-off makes ten of a delivery."""
CAUGHT_UP_AFTER = timedelta(minutes=5)
"""Of failures: then one that works means that the receiver is back. In a shorter time it may be one delivery alone that
the receiver does not take, which a webhook that works is not to send again and again."""

State = Delivery.State
Done = tuple[Delivery, Outcome]


def note(done: Sequence[Done], now: datetime) -> bool:
    """Keep what the outcomes tell of their webhooks; whether one of them is off now.

    Inside the caller's transaction; no query when nothing changes.
    """
    worked = {d.webhook_id: d.webhook.failing_since for d, out in done if out.delivered and d.webhook.failing_since}
    failed = sorted({d.webhook_id for d, outcome in done if not outcome.delivered})
    if worked:
        Webhook.objects.filter(pk__in=sorted(worked)).update(failing_since=None)
        _catch_up([pk for pk, since in worked.items() if since <= now - CAUGHT_UP_AFTER], now)
    if not failed:
        return False
    # In the future: somebody set the clock back, and a day of failures would never be over.
    works = Q(failing_since=None) | Q(failing_since__gt=now)
    Webhook.objects.filter(works, pk__in=failed).update(failing_since=now)
    _note_asked(done, now)
    gone = sorted({d.webhook_id for d, outcome in done if outcome.gone})
    long = Webhook.objects.filter(failing_since__lte=now - PAUSED_AFTER, is_active=True, pk__in=failed)
    paused = [hook.pk for hook in long.exclude(pk__in=gone) if _was_tried(hook)]
    off = [_switch_off(webhook_id, Webhook.DisabledBy.RECEIVER, now) for webhook_id in gone]
    off += [_switch_off(webhook_id, Webhook.DisabledBy.FAILING, now) for webhook_id in sorted(paused)]
    return any(off)


def _catch_up(back: Sequence[int], now: datetime) -> None:
    """A receiver that is back gets at once what it could not take, of all its tags, and not hours later."""
    if back:
        waiting = Delivery.objects.filter(webhook__in=back, state=State.WAITING, attempt_count__gt=0)
        waiting.filter(next_attempt_at__gt=now).update(next_attempt_at=now)


def _was_tried(hook: Webhook) -> bool:
    """Often enough: neither a clock that jumps ahead nor a machine that was off makes a day of failures out of two."""
    tried = Attempt.objects.filter(delivery__webhook=hook, started_at__gte=hook.failing_since)
    return len(tried.values_list("pk")[:TRIED_BEFORE_PAUSE]) == TRIED_BEFORE_PAUSE


def _note_asked(done: Sequence[Done], now: datetime) -> None:
    """429 and 503 with Retry-After are about the receiver: all that is for this webhook waits."""
    for delivery, outcome in done:
        until = schedule.asked_for(outcome.retry_after, now) if outcome.status in {429, 503} else None
        if until is not None:
            Webhook.objects.filter(pk=delivery.webhook_id).update(not_before=until)


def _switch_off(webhook_id: int, by: str, now: datetime) -> bool:
    """410 Gone gives up what waits; the circuit breaker holds it."""
    paused = by == Webhook.DisabledBy.FAILING
    rows = Webhook.objects.filter(pk=webhook_id, is_active=True)
    mail = {"mail_due_at": now, "mail_attempts": 0, "mailed_to": []}
    if not rows.update(is_active=False, disabled_by=by, paused_at=now if paused else None, **mail):
        return False
    hook = Webhook.objects.select_related("repository__namespace", "namespace").get(pk=webhook_id)
    waiting = Delivery.objects.filter(webhook=hook, state=State.WAITING)
    if paused:
        hold_waiting(hook)
    else:
        waiting.update(state=State.FAILED, next_attempt_at=None, finished_at=now)
    jobs.enqueue(MAIL_PAUSED, hook.pk)
    action, reason = ("pause", "failed for a day") if paused else ("disable", "410 Gone")
    record_webhook(f"repo.webhook.{action}", SYSTEM, hook, new={"reason": reason})
    return True


def hold_waiting(hook: Webhook) -> int:
    waiting = Delivery.objects.filter(webhook=hook, state=State.WAITING)
    return waiting.update(state=State.HELD, next_attempt_at=None)


def replay_missed(hook: Webhook, now: datetime) -> int:
    """What was held while the webhook was paused, and what failed since it began to fail, is due again, oldest first.

    Attempts are counted on; the back-off begins anew. One statement; returns how many.
    """
    missed = Q(state=State.HELD)
    if hook.failing_since is not None:
        missed |= Q(state=State.FAILED, finished_at__gte=hook.failing_since) & ~Q(body=b"")
    rows = Delivery.objects.filter(missed, webhook=hook)
    return rows.update(state=State.WAITING, next_attempt_at=now, trying_since=now, finished_at=None)


def record_webhook(
    action: str, actor: Actor, hook: Webhook, *, old: dict[str, Any] | None = None, new: dict[str, Any] | None = None
) -> Event:
    """The event of something that was done with the webhook, which has `repository` or `namespace`."""
    repository = hook.repository
    namespace = repository.namespace_name if repository else hook.place
    return record(
        action,
        actor=actor,
        namespace=namespace,
        repository_id=repository.pk if repository else None,
        target=f"{hook.place}: {hook.name}",
        old=old,
        new={"webhook": hook.pk} | (new or {}),
    )
