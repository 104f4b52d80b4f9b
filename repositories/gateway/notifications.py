"""The registry's notifications: hints. Stored at once by event id, applied later by a task.

The registry posts one after another and waits for each answer, keeps its queue in memory, and tries for ever what gets
no 2xx or 3xx: so one bulk insert, nothing else, and no error for what can never be stored.
"""

import json
import logging
import re
import uuid
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from portal.kit import bodies, secrets
from portal.kit.connections import hurried
from repositories.gateway.models import Notification
from repositories.images import intents, manifests, pulls
from repositories.images.models import PushIntent
from repositories.models import Repository
from repositories.registry import client
from repositories.registry.signing import SERVICE_SUBJECT
from repositories.sync import hints, schedule

log = logging.getLogger(__name__)

BODY_MAX = 16 * 1024 * 1024
BATCH = 250
"""Applied in one transaction. On SQLite a push waits for its end, which of a thousand was a quarter of a second."""
BATCHES = 40
"""In one run of `apply`, which the next one would only have to wait for: 2,000 a second, every five seconds."""
RETRIED = timedelta(minutes=1)
"""So long a push is looked at again that the registry does not hold yet, or of which it could not be asked."""
FORGET_MOST = 5000
"""In one run: more than can come between two."""
KEPT = timedelta(days=7)
"""Applied ones are kept so long, so that a late repetition is known."""
EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
_NANOSECONDS = re.compile(r"(\.\d{6})\d+")
ACTIONS = frozenset(["push", "pull", "delete"])


def receive(request: HttpRequest) -> HttpResponse:
    """POST of the registry. 401 for a wrong secret, else 202: a repetition of what we cannot read would not help."""
    if not secrets.same(str(request.META.get("HTTP_AUTHORIZATION", "")), f"Bearer {settings.NOTIFICATION_SECRET}"):
        return HttpResponse(status=401, headers={"WWW-Authenticate": "Bearer"})
    if request.method != "POST":
        return HttpResponse(status=405, headers={"Allow": "POST"})
    rows = list(_rows(_events(request)))
    if rows:
        with hurried():  # hints: what a power cut takes, reconcile finds
            Notification.objects.bulk_create(rows, ignore_conflicts=True)
    return HttpResponse(status=202)


def _events(request: HttpRequest) -> list[Any]:
    """Any content type: 2.8 says events.v1+json and 3.x v2, and a 415 would be repeated for ever."""
    try:
        document = json.loads(bodies.read_body(request, limit=BODY_MAX))
        events = document["events"]
    except (ValueError, KeyError, TypeError, RecursionError, bodies.TooLong, bodies.CutOff) as error:
        log.warning("A notification of the registry could not be read: %s", type(error).__name__)
        return []
    return events if isinstance(events, list) else []


def _rows(events: Iterable[Any]) -> Iterable[Notification]:
    for event in events:
        try:
            row = _row(event)
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
            log.warning("An event of the registry is malformed and was left out.")
            continue
        if _counts(row):
            yield row


def _row(event: dict[str, Any]) -> Notification:
    target, request = event["target"], event.get("request") or {}
    return Notification(
        event_id=_text(event["id"], 64),
        at=_moment(event["timestamp"]),
        action=_text(event["action"], 16),
        repository=_text(target["repository"], 255),
        tag=_text(target.get("tag"), 128),
        digest=_text(target.get("digest"), 135),
        media_type=_text(target.get("mediaType"), 255),
        method=_text(request.get("method"), 8),
        address=_text(request.get("addr"), 64),
        client=_text(request.get("useragent"), 256),
        actor=_text((event.get("actor") or {}).get("name"), 64),
        instance=_text((event.get("source") or {}).get("instanceID"), 64),
    )


def _text(value: Any, most: int) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise TypeError(value)
    # Neither NUL nor half a surrogate pair can be stored in PostgreSQL.
    return value.encode("utf-8", "replace").decode().replace("\0", "")[:most]


def _moment(text: str) -> datetime:
    """In UTC: PostgreSQL stores a moment that Python has in another zone only, and it can never be read again."""
    told = parse_datetime(_NANOSECONDS.sub(r"\1", text)) or datetime.now(UTC)
    moment = told.astimezone(UTC) if timezone.is_aware(told) else told.replace(tzinfo=UTC)
    return max(moment, EARLIEST)


def _counts(row: Notification) -> bool:
    """Manifests only; no HEAD, which asks whether there is something new; none of our own reads."""
    if not row.event_id or row.action not in ACTIONS or row.actor == SERVICE_SUBJECT:
        return False
    manifest = row.media_type in client.MANIFEST_TYPES
    return manifest if row.action == "push" else row.action == "delete" or (manifest and row.method == "GET")


# -- applying ---------------------------------------------------------------------------------------------------------


def apply() -> None:
    """Apply what waits, in the order of arrival. Safe to run twice and in two workers: rows are claimed by update."""
    again: list[Notification] = []
    for _number in range(BATCHES):
        mine = _apply_batch()
        schedule.note_instances({row.instance for row in mine})
        hints.look_soon({row.repository for row in mine if row.action == "delete" and not _intent_id(row)})
        again += _look_at_all([row for row in mine if row.action == "push"])
        if len(mine) < BATCH:
            break
    # Only now, or the next batch would begin with them.
    Notification.objects.filter(pk__in=[row.pk for row in again]).update(applied_at=None)
    forget()


def _apply_batch() -> list[Notification]:
    """What was claimed, with all done about it that needs no registry."""
    if not Notification.objects.filter(applied_at=None).exists():
        return []  # without a transaction, which on SQLite would keep a push waiting
    with transaction.atomic():
        mine = _claim()
        _see_intents(row for row in mine if row.action == "push")
        _count_pulls([row for row in mine if row.action == "pull"])
    return mine


def _claim() -> list[Notification]:
    """The next ones that nobody else applied. In one transaction with what is done about them."""
    rows = Notification.objects.select_for_update(skip_locked=connection.features.has_select_for_update_skip_locked)
    mine = list(rows.filter(applied_at=None).order_by("id")[:BATCH])
    Notification.objects.filter(pk__in=[row.pk for row in mine]).update(applied_at=timezone.now())
    return mine


def _intent_id(row: Notification) -> uuid.UUID | None:
    """People's public ids are hexadecimal without dashes, intents' have them."""
    try:
        return uuid.UUID(row.actor) if "-" in row.actor else None
    except ValueError:
        return None


def _see_intents(rows: Iterable[Notification]) -> None:
    ids = [intent_id for row in rows if (intent_id := _intent_id(row))]
    PushIntent.objects.filter(pk__in=ids, state=PushIntent.State.OPEN, seen_at=None).update(seen_at=timezone.now())


def _count_pulls(rows: list[Notification]) -> None:
    if rows:
        pulls.count_pulls([pulls.Pull(row.repository, row.tag, row.digest, row.at) for row in rows])


def _look_at_all(rows: list[Notification]) -> list[Notification]:
    """Look at pushes that nobody else will record; those of them that should be looked at again.

    When the registry is away, the others would wait as long.
    """
    again = []
    for position, row in enumerate(rows):
        try:
            if not _look_at(row):
                again.append(row)
        except client.RegistryUnavailable:
            again += rows[position:]
            break
        except Exception:
            log.exception("A push to %s that the registry told of was not added.", row.repository)
    since = timezone.now() - RETRIED
    for row in again:
        if row.received_at <= since:
            log.warning("A push to %s that the registry told of was not added; it is not there.", row.repository)
    return [row for row in again if row.received_at > since]


def _look_at(row: Notification) -> bool:
    """A push that came another way, or one that the gateway had given up on. Raises RegistryUnavailable.

    False when the registry does not hold it, or not yet: it tells of a push before it writes the tag.
    """
    try:
        if intent_id := _intent_id(row):
            return _settle_late(intent_id)
        return _add_stray(row)
    except client.ManifestUnknown:
        return False
    except (client.TooLarge, manifests.ManifestInvalid) as error:
        log.warning("A push to %s that the registry told of was not added: %s", row.repository, error)
        return True


def _settle_late(intent_id: uuid.UUID) -> bool:
    refused = PushIntent.objects.filter(pk=intent_id, state=PushIntent.State.REFUSED)
    intent = refused.select_related("repository").first()
    return intent is None or intents.settle_late(intent)


def _add_stray(row: Notification) -> bool:
    """Only to a repository that we know: what others there may be is for an operator to say."""
    repository = Repository.objects.filter(full_name=row.repository).first()
    if repository is None or not row.digest:
        return True
    return hints.take_over(repository, tag=row.tag, digest=row.digest)


def forget() -> None:
    """Drop what was applied long ago, some at a time. Only the oldest rows are read, not the whole table."""
    before = timezone.now() - KEPT
    oldest = Notification.objects.order_by("id").values_list("pk", "applied_at")[:FORGET_MOST]
    old = [pk for pk, applied_at in oldest if applied_at and applied_at < before]
    Notification.objects.filter(pk__in=old).delete()
