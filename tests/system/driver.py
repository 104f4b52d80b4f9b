"""Runs inside a stack's environment and does what its tests ask for: a line of JSON in, a line of JSON out.

A process of its own, since the test's process has the test settings and another database.
"""

import json
import sys
import time
from datetime import timedelta
from typing import Any

import django

django.setup()

from allauth.account.models import EmailAddress  # noqa: E402  Django has to be set up first
from django.core.management import call_command  # noqa: E402
from django.db import connections, transaction  # noqa: E402
from django.db.backends.base.base import BaseDatabaseWrapper  # noqa: E402
from django.db.models import F  # noqa: E402

from portal.accounts import actions as accounts  # noqa: E402
from portal.accounts.actor import Actor, Credential, CredentialKind, actor_for  # noqa: E402
from portal.accounts.models import Namespace, User  # noqa: E402
from portal.events.models import Unread  # noqa: E402
from portal.events.record import record  # noqa: E402
from repositories import actions as repositories  # noqa: E402
from repositories.models import Repository  # noqa: E402
from repositories.webhooks import actions, fanout  # noqa: E402
from repositories.webhooks.models import Attempt, Delivery, Webhook  # noqa: E402


def migrate() -> None:
    call_command("migrate", verbosity=0)
    user = accounts.create_user(username="alice", email="alice@example.org", password="correct horse battery")
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)


def _alice() -> Actor:
    user = User.objects.get(username="alice")
    return actor_for(user, confirmed=True, credential=Credential(kind=CredentialKind.SESSION))


def create_repository(name: str) -> None:
    repositories.create_repository(actor=_alice(), namespace="alice", name=name)


def delete_repository(name: str) -> None:
    row = Repository.objects.get(full_name=f"alice/{name}")
    repositories.delete_repository(actor=_alice(), repository=row, typed_name=row.full_name)


def create_webhook(repository: str, url: str) -> int:
    """Of the repository, or of the namespace when there is none."""
    place = (
        Repository.objects.get(full_name=f"alice/{repository}") if repository else Namespace.objects.get(name="alice")
    )
    return actions.create_webhook(actor=_alice(), place=place, name=url[-40:], url=url).pk


def push(repository: str, tag: str) -> float:
    """Record a push as the gateway does; how many seconds that took."""
    row = Repository.objects.get(full_name=f"alice/{repository}")
    begun = time.monotonic()
    with transaction.atomic():
        record(
            "repo.tag.push",
            actor=_alice(),
            namespace="alice",
            repository_id=row.pk,
            target=f"{row.full_name}:{tag}",
            new={
                "tag": tag,
                "digest": "sha256:" + "a" * 64,
                "media_type": "application/vnd.oci.image.manifest.v1+json",
            },
        )
    return time.monotonic() - begun


def push_many(repository: str, tag: str, count: int) -> float:
    return sum(push(repository, tag) for _ in range(count))


def fan_out() -> None:
    """What a worker does that is killed right afterwards: deliveries are there, and nobody was told."""
    fanout.fan_out_unread()


def deliveries(webhook_id: int) -> list[dict[str, Any]]:
    fields = ("number", "status", "error", "duration_ms", "response_truncated", "is_interrupted")
    rows = Delivery.objects.filter(webhook_id=webhook_id).order_by("id")
    return [
        {
            "tag": row.summary,
            "event": row.event_id,
            "state": row.state,
            "attempts": list(row.attempts.order_by("number").values(*fields)),
        }
        for row in rows
    ]


def states() -> dict[str, int]:
    rows = Delivery.objects.values_list("state", flat=True)
    return {state: sum(row == state for row in rows) for state in set(rows)}


def unread() -> int:
    return Unread.objects.count()


def delete_webhook(webhook_id: int) -> None:
    actions.delete_webhook(actor=_alice(), webhook=Webhook.objects.get(pk=webhook_id))


def pass_time(seconds: int) -> None:
    """As if so much time had gone by since deliveries were claimed, and since they were tried."""
    gone = timedelta(seconds=seconds)
    Delivery.objects.exclude(leased_until=None).update(leased_until=F("leased_until") - gone)
    Delivery.objects.exclude(next_attempt_at=None).update(next_attempt_at=F("next_attempt_at") - gone)


def set_clock_back(days: int) -> None:
    """As if all that is stored had been written by a clock that was so many days ahead."""
    ahead = timedelta(days=days)
    for name in ("leased_until", "next_attempt_at", "trying_since", "created_at"):
        Delivery.objects.exclude(**{name: None}).update(**{name: F(name) + ahead})
    for name in ("not_before", "failing_since", "created_at"):
        Webhook.objects.exclude(**{name: None}).update(**{name: F(name) + ahead})


_held: list[BaseDatabaseWrapper] = []


def lock() -> None:
    """Nobody else writes until `unlock`."""
    connection = connections.create_connection("default")
    _held.append(connection)
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("BEGIN IMMEDIATE")
        else:
            tables = ", ".join(model._meta.db_table for model in (Webhook, Delivery, Attempt, Unread))
            cursor.execute("BEGIN")
            cursor.execute(f"LOCK TABLE {tables} IN EXCLUSIVE MODE")


def unlock() -> None:
    connection = _held.pop()
    with connection.cursor() as cursor:
        cursor.execute("ROLLBACK")
    connection.close()


CALLS = {
    call.__name__: call
    for call in (
        *(migrate, create_repository, delete_repository, create_webhook, delete_webhook),
        *(push, push_many, fan_out, deliveries, states, unread),
        *(pass_time, set_clock_back, lock, unlock),
    )
}

if __name__ == "__main__":
    for line in sys.stdin:
        name, arguments = json.loads(line)
        sys.stdout.write(json.dumps(CALLS[name](*arguments)) + "\n")
        sys.stdout.flush()
