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

from allauth.account.models import EmailAddress
from django.db import transaction
from django.db.models import Q, QuerySet

from portal.accounts.actor import Actor, CredentialKind
from portal.accounts.models import Namespace, OrganizationAccessToken, PersonalAccessToken, RefreshToken, User
from portal.events.record import record
from portal.kit import redis

TOKENS, REFRESH_TOKENS = "moorage:last-use:access-tokens", "moorage:last-use:refresh-tokens"
ROBOTS, USERS = "moorage:last-use:organization-tokens", "moorage:last-use:users"
REFUSED, FAILED = "moorage:refused", "moorage:failed-logins"
EXACT_TO = 30.0
"""Seconds. A credential in steady use is noted once in this time by each process: Redis costs as much as the answer."""
USERS_EXACT_TO = 300.0
"""Likewise, of when a person was last seen."""
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
    """Of the credentials of one request, and whose they are. One round trip at most, none when noted shortly before."""
    given = (
        (TOKENS, access_token_id),
        (ROBOTS, organization_token_id),
        (REFRESH_TOKENS, refresh_token_id),
        (USERS, user_id),
    )
    due = [(key, pk) for key, pk in given if pk is not None and _is_due(key, pk)]
    if due:
        use = json.dumps([time.time(), address, client[:256]])
        redis.run(lambda pipeline: [pipeline.hset(key, pk, use) for key, pk in due])


def note_actor(actor: Actor) -> None:
    """As `note_use`, of the one who sent a request, and with what."""
    credential = actor.credential
    note_use(
        access_token_id=credential.id if credential.kind is CredentialKind.ACCESS_TOKEN else None,
        organization_token_id=actor.robot_id,
        user_id=actor.user_id,
        address=actor.address,
        client=actor.client,
    )


def _is_due(key: str, pk: int) -> bool:
    now = time.monotonic()
    exact_to = USERS_EXACT_TO if key == USERS else EXACT_TO
    with _lock:
        if now - _noted.get((key, pk), -exact_to) < exact_to:
            return False
        _noted[key, pk] = now
        _noted.move_to_end((key, pk))
        while len(_noted) > _NOTED_MAX:
            _noted.popitem(last=False)
    return True


def note_refusals(actor: Actor, refused: Mapping[str, tuple[str, ...]]) -> None:
    """What somebody asked for and did not get: name in a namespace that exists -> actions. One round trip."""
    who = [actor.public_id, actor.name, actor.credential_label, actor.address, actor.client]
    fields = [json.dumps([*who, name, list(actions)]) for name, actions in refused.items()]
    redis.run(lambda pipeline: [pipeline.hincrby(REFUSED, field, 1) for field in fields])


def note_failed_robot(login: str, address: str) -> None:
    """A dead or wrong access token in an organization's name. One round trip."""
    redis.run(lambda pipeline: note_failure(pipeline, login, address))


def note_failure(pipeline: redis.Pipeline, login: str, address: str) -> None:
    """A wrong password, as one command more on the pipeline."""
    pipeline.hincrby(FAILED, json.dumps([login.lower()[:254], address]), 1)


def flush() -> None:
    """Called by a task each minute. At most once: what was taken from Redis and not written is lost."""
    taken = redis.run(_take, atomic=True)
    if taken is None:
        return
    tokens, robots, refresh_tokens, users, refused, failed = taken[::2]
    _write_uses(PersonalAccessToken.objects.all(), tokens)
    _write_uses(OrganizationAccessToken.objects.all(), robots)
    _write_uses(RefreshToken.objects.all(), refresh_tokens)
    _write_seen(users)
    with transaction.atomic():
        _record_refusals(refused)
        _record_failures(failed)


def _take(pipeline: redis.Pipeline) -> None:
    for key in (TOKENS, ROBOTS, REFRESH_TOKENS, USERS, REFUSED, FAILED):
        pipeline.hgetall(key)
        pipeline.delete(key)


def _write_uses(rows: QuerySet[Any], uses: Mapping[str, str]) -> None:
    """Short statements, each its own transaction, so that SQLite's one writer is never held for long."""
    for pk, noted in uses.items():
        at, address, client = _read(noted)
        earlier = Q(last_used_at=None) | Q(last_used_at__lt=at)
        values = {"last_used_at": at, "last_used_address": address, "last_used_client": client}
        rows.filter(earlier, pk=int(pk)).update(**values)


def _write_seen(users: Mapping[str, str]) -> None:
    for pk, noted in users.items():
        at, _address, _client = _read(noted)
        earlier = Q(last_seen_at=None) | Q(last_seen_at__lt=at)
        User.objects.filter(earlier, pk=int(pk)).update(last_seen_at=at)


def _read(noted: str) -> tuple[datetime, str, str]:
    """When, from where, with what. Earlier versions noted only when."""
    found = json.loads(noted)
    used, address, client = found if isinstance(found, list) else (found, "", "")
    return datetime.fromtimestamp(float(used), UTC), str(address)[:45].replace("\0", ""), str(client).replace("\0", "")


def _record_refusals(refused: Mapping[str, str]) -> None:
    for field, count in list(refused.items())[:EVENTS_MAX]:
        public_id, name, credential, address, client, repository, actions = json.loads(field)
        who = _Noted(public_id, name, credential, address, client)
        namespace = repository.partition("/")[0]
        new = {"actions": actions, "count": int(count)}
        record("repo.access_refused", actor=who, namespace=namespace, target=repository, new=new)


def _record_failures(failed: Mapping[str, str]) -> None:
    """Only of names and addresses that exist: what else is typed there may be a password by mistake."""
    counts = Counter({tuple(json.loads(field)): int(count) for field, count in list(failed.items())[:EVENTS_MAX]})
    names = _names_of({login for login, _address in counts})
    for (login, address), count in counts.items():
        if login in names:
            who, name = _Noted(address=address), names[login]
            record("user.login_failed", actor=who, namespace=name, target=name, new={"count": count})


def _names_of(logins: set[str]) -> dict[str, str]:
    """The name for each of the logins, which are names of people or organizations, or confirmed addresses. Three
    queries."""
    known = {login.replace("\0", "") for login in logins}
    people = User.objects.filter(username__in=known).values_list("username", "username")
    # A held name is nobody's. That organizations have namespaces is known to their room, and to the database.
    organizations = Namespace.objects.filter(name__in=known, organization__isnull=False).values_list("name", "name")
    addresses = EmailAddress.objects.filter(email__in=known, verified=True).values_list("email", "user__username")
    return {**dict(addresses), **dict(organizations), **dict(people)}


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
