"""The registry's notifications: hints. Stored at once by event id, applied later by a task.

The registry posts one after another and waits for each answer, keeps its queue in memory, and tries for ever what gets
no 2xx or 3xx: so one bulk insert, nothing else, and no error for what can never be stored.
"""

import json
import logging
import re
import uuid
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from portal.kit import secrets
from repositories.gateway import bodies, intents
from repositories.gateway.models import Notification, PushIntent
from repositories.images import manifests, reconcile
from repositories.images.models import Tag
from repositories.models import Repository
from repositories.registry import client
from repositories.registry.signing import SERVICE_SUBJECT

log = logging.getLogger(__name__)

BODY_MAX = 16 * 1024 * 1024
BATCH = 1000
KEPT = timedelta(days=7)
"""Applied ones are kept so long, so that a late repetition is known."""
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
        except (KeyError, TypeError, ValueError, AttributeError):
            log.warning("An event of the registry is malformed and was left out.")
            continue
        if _counts(row):
            yield row


def _row(event: dict[str, Any]) -> Notification:
    target, request = event["target"], event.get("request") or {}
    at = parse_datetime(_NANOSECONDS.sub(r"\1", event["timestamp"])) or datetime.now(UTC)
    return Notification(
        event_id=_text(event["id"], 64),
        at=at,
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
    return value.replace("\0", "")[:most]


def _counts(row: Notification) -> bool:
    """Manifests only; no HEAD, which asks whether there is something new; none of our own reads."""
    if not row.event_id or row.action not in ACTIONS or row.actor == SERVICE_SUBJECT:
        return False
    manifest = row.media_type in client.MANIFEST_TYPES
    return manifest if row.action == "push" else row.action == "delete" or (manifest and row.method == "GET")


# -- applying ---------------------------------------------------------------------------------------------------------


def apply() -> None:
    """Apply what waits, in the order of arrival. Safe to run twice and in two workers: rows are claimed by update."""
    waiting = Notification.objects.filter(applied_at=None).order_by("id")[:BATCH]
    rows = list(waiting)
    if not rows:
        return
    pushes = [row for row in rows if row.action == "push"]
    with transaction.atomic():
        mine = _claim(rows)
        _see_intents(row for row in mine if row.action == "push")
        _count_pulls([row for row in mine if row.action == "pull"])
    for row in pushes:
        if row in mine:
            _look_at(row)
    forget()


def _claim(rows: list[Notification]) -> list[Notification]:
    """Those that nobody else applied. In one transaction with what is done about them."""
    ids = [row.pk for row in rows]
    free = set(
        Notification.objects.select_for_update().filter(pk__in=ids, applied_at=None).values_list("pk", flat=True)
    )
    Notification.objects.filter(pk__in=free).update(applied_at=timezone.now())
    return [row for row in rows if row.pk in free]


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
    """Add each repository's pulls at once, so that no push or page waits for a hot row.

    A multi-platform pull is two GETs (index, then one of its images) and counts once: an image that an index of the
    repository names is left out.
    """
    repositories = Repository.objects.in_bulk({row.repository for row in rows}, field_name="full_name")
    for full_name, repository in repositories.items():
        mine = [row for row in rows if row.repository == full_name]
        children = reconcile.children_among(repository, {row.digest for row in mine if not row.tag})
        counted = [row for row in mine if row.tag or row.digest not in children]
        Repository.objects.filter(pk=repository.pk).update(pull_count=F("pull_count") + len(counted))
        for tag in Counter(row.tag for row in counted if row.tag):
            at = max(row.at for row in counted if row.tag == tag)
            Tag.objects.filter(repository=repository, name=tag).update(last_pulled_at=at)


def _look_at(row: Notification) -> None:
    """A push that nobody else will record: one that came another way, or one that the gateway had given up on."""
    try:
        if intent_id := _intent_id(row):
            _settle_late(intent_id)
        else:
            _add_stray(row)
    except (client.RegistryUnavailable, client.ManifestUnknown, client.TooLarge, manifests.ManifestInvalid) as error:
        log.warning("A push to %s that the registry told of was not added: %s", row.repository, error)


def _settle_late(intent_id: uuid.UUID) -> None:
    refused = PushIntent.objects.filter(pk=intent_id, state=PushIntent.State.REFUSED)
    intent = refused.select_related("repository").first()
    if intent is not None:
        intents.settle_late(intent)


def _add_stray(row: Notification) -> None:
    """Only to a repository that we know: what others there may be is for an operator to say."""
    repository = Repository.objects.filter(full_name=row.repository).first()
    if repository is None or not row.digest:
        return
    held = client.head_manifest(row.repository, row.tag or row.digest).digest
    reconcile.add(repository, held, tag=row.tag)


def forget() -> None:
    """Drop what was applied long ago, a batch at a time."""
    old = Notification.objects.filter(applied_at__lt=timezone.now() - KEPT).order_by("id")
    Notification.objects.filter(pk__in=list(old.values_list("pk", flat=True)[:BATCH])).delete()
