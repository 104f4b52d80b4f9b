"""When credentials were last used, and what was refused: noted in Redis, written to the database once a minute.

So that a request for a registry token writes nothing. What Redis loses here is lost; nothing waits for it.
"""

import json
import time
from collections import Counter, OrderedDict
from collections.abc import Mapping
from datetime import UTC, datetime
from threading import Lock
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet

from portal.accounts.actor import Actor
from portal.accounts.models import PersonalAccessToken, RefreshToken, User
from portal.events.record import record
from portal.kit import redis

TOKENS, REFRESH_TOKENS = "moorage:last-use:access-tokens", "moorage:last-use:refresh-tokens"
REFUSED, FAILED = "moorage:refused", "moorage:failed-logins"
EXACT_TO = 30.0
"""Seconds. A credential in steady use is noted once in this time by each process: Redis costs as much as the answer."""
EVENTS_MAX = 500
"""Events that one flush writes of a kind: an attack fills a minute's share of the audit log, not the disk."""
_NOTED_MAX = 10_000

_noted: OrderedDict[tuple[str, int], float] = OrderedDict()
_lock = Lock()


def note_use(
    *,
    access_token_id: int | None = None,
    organization_token_id: int | None = None,
    refresh_token_id: int | None = None,
    user_id: int | None = None,
    address: str = "",
    client: str = "",
) -> None:
    """Of the credentials of one request. One round trip at most, none when they were noted shortly before."""
    given = ((TOKENS, access_token_id), (REFRESH_TOKENS, refresh_token_id))
    due = [(key, pk) for key, pk in given if pk is not None and _is_due(key, pk)]
    if due:
        now = repr(time.time())
        redis.run(lambda pipeline: [pipeline.hset(key, pk, now) for key, pk in due])


def _is_due(key: str, pk: int) -> bool:
    now = time.monotonic()
    with _lock:
        if now - _noted.get((key, pk), -EXACT_TO) < EXACT_TO:
            return False
        _noted[key, pk] = now
        _noted.move_to_end((key, pk))
        while len(_noted) > _NOTED_MAX:
            _noted.popitem(last=False)
    return True


def note_refusals(actor: Actor, refused: Mapping[str, tuple[str, ...]]) -> None:
    """What somebody asked for and did not get: repository that exists -> actions. One round trip."""
    who = [actor.public_id, actor.name, actor.credential_label, actor.address, actor.client]
    fields = [json.dumps([*who, name, list(actions)]) for name, actions in refused.items()]
    redis.run(lambda pipeline: [pipeline.hincrby(REFUSED, field, 1) for field in fields])


def flush() -> None:
    """Called by a task each minute. At most once: what was taken from Redis and not written is lost."""
    taken = redis.run(_take, atomic=True)
    if taken is None:
        return
    tokens, refresh_tokens, refused, failed = taken[::2]
    _write_uses(PersonalAccessToken.objects.all(), tokens)
    _write_uses(RefreshToken.objects.all(), refresh_tokens)
    with transaction.atomic():
        _record_refusals(refused)
        _record_failures(failed)


def _take(pipeline: redis.Pipeline) -> None:
    for key in (TOKENS, REFRESH_TOKENS, REFUSED, FAILED):
        pipeline.hgetall(key)
        pipeline.delete(key)


def _write_uses(rows: QuerySet[Any], uses: Mapping[str, str]) -> None:
    """Short statements, each its own transaction, so that SQLite's one writer is never held for long."""
    for pk, used in uses.items():
        at = datetime.fromtimestamp(float(used), UTC)
        earlier = Q(last_used_at=None) | Q(last_used_at__lt=at)
        rows.filter(earlier, pk=int(pk)).update(last_used_at=at)


def _record_refusals(refused: Mapping[str, str]) -> None:
    for field, count in list(refused.items())[:EVENTS_MAX]:
        public_id, name, credential, address, client, repository, actions = json.loads(field)
        who = _Noted(public_id, name, credential, address, client)
        namespace = repository.partition("/")[0]
        new = {"actions": actions, "count": int(count)}
        record("repo.access_refused", actor=who, namespace=namespace, target=repository, new=new)


def _record_failures(failed: Mapping[str, str]) -> None:
    """Only of names that exist: what else is typed there may be a mail address, or a password by mistake."""
    counts = Counter({tuple(json.loads(field)): int(count) for field, count in list(failed.items())[:EVENTS_MAX]})
    users = User.objects.filter(username__in={login for login, _address in counts}).in_bulk(field_name="username")
    for (login, address), count in counts.items():
        if login in users:
            who = _Noted(address=address)
            record("user.login_failed", actor=who, namespace=login, target=login, new={"count": count})


class _Noted:
    """Who an event is about, from what was noted."""

    def __init__(
        self, public_id: str = "", name: str = "", credential_label: str = "", address: str = "", client: str = ""
    ) -> None:
        self.public_id = public_id
        self.name = name
        self.credential_label = credential_label
        self.address = address
        self.client = client
