"""What leaves the log: deliveries that ended long ago, with their attempts. Never one that waits, is sent or held.

- A delivery that was sent again stays as long as the last of those that it was sent again as: it is what they repeat.
- What a paused webhook holds is given up when it is as old as the log reaches back, and leaves the log as much later.
  As long as it is there, resuming the webhook sends it.
- Attempts whose delivery is gone (`Attempt` says how that may be) go when they are as old.
"""

import time
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone
from django.utils.translation import gettext as _

from repositories.webhooks.models import Attempt, Delivery, Webhook

BATCH = 200
"""Deliveries that go in one transaction: SQLite lets nobody else write for some milliseconds."""
PAUSE = 0.05
"""Seconds between two, in which others write."""
SECONDS = 20.0
"""One run."""
LOOKED_AT = 5_000
"""Attempts that one query looks through for those without a delivery."""
OLD = timedelta(hours=1)
"""Beyond what the log keeps: an attempt is older than the end of its delivery."""

State = Delivery.State
ENDED = (State.DELIVERED, State.FAILED)


def clear_log(*, seconds: float = SECONDS, now: datetime | None = None) -> int:
    """Delete what is over, for so many seconds; how many deliveries. Killed at any point, the next run goes on."""
    before = (now or timezone.now()) - settings.WEBHOOK_LOG_KEPT
    until = time.monotonic() + seconds
    gone = 0
    while deleted := _delete_batch(before):
        gone += deleted
        if time.monotonic() >= until:
            return gone
        time.sleep(PAUSE)
    while _give_up_held(before) and time.monotonic() < until:
        time.sleep(PAUSE)
    _delete_orphans(before - OLD, until)
    return gone


def _delete_batch(before: datetime) -> int:
    """The next ones that ended before then. Reads outside of the transaction, so that it is short."""
    again = Delivery.objects.filter(redelivery_of=OuterRef("pk"))
    old = Delivery.objects.filter(state__in=ENDED, finished_at__lt=before).exclude(Exists(again))
    pks = list(old.order_by("finished_at").values_list("pk", flat=True)[:BATCH])
    if not pks:
        return 0
    with transaction.atomic():
        held = Delivery.objects.select_for_update(skip_locked=True).filter(pk__in=pks, state__in=ENDED)
        mine = set(held.values_list("pk", flat=True))
        # Somebody may have sent one again meanwhile, which deleting it would take along.
        mine -= set(Delivery.objects.filter(redelivery_of__in=mine).values_list("redelivery_of", flat=True))
        Attempt.objects.filter(delivery__in=mine).delete()
        Delivery.objects.filter(pk__in=mine).delete()
    return len(mine)


def _give_up_held(before: datetime) -> int:
    """What has been held for as long as the log is kept has failed by now, and says so. Returns how many."""
    paused = Webhook.objects.filter(is_active=False, disabled_by=Webhook.DisabledBy.FAILING).values("pk")
    old = Delivery.objects.filter(webhook__in=paused, state=State.HELD, created_at__lt=before)
    pks = list(old.values_list("pk", flat=True)[:BATCH])
    words = _("It was given up: its webhook was paused for too long.")
    held = Delivery.objects.filter(pk__in=pks, state=State.HELD)
    return held.update(state=State.FAILED, finished_at=timezone.now(), last_error=words) if pks else 0


def _delete_orphans(before: datetime, until: float) -> None:
    """From the oldest on, up to the first page that has none of before then."""
    after = 0
    while time.monotonic() < until:
        page = Attempt.objects.filter(pk__gt=after).order_by("pk").values_list("pk", "started_at", "delivery_id")
        rows = [row for row in page[:LOOKED_AT] if row[1] < before]
        if not rows:
            return
        after = rows[-1][0]
        asked = {delivery for _pk, _at, delivery in rows}
        there = set(Delivery.objects.filter(pk__in=asked).values_list("pk", flat=True))
        Attempt.objects.filter(pk__in=[pk for pk, _at, delivery in rows if delivery not in there]).delete()
