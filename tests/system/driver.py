"""Runs inside a stack's environment and does what its tests ask for: a line of JSON in, a line of JSON out.

A process of its own, since the test's process has the test settings and another database.
"""

import json
import sys
import time
from typing import Any

import django

django.setup()

from allauth.account.models import EmailAddress  # noqa: E402  Django has to be set up first
from django.core.management import call_command  # noqa: E402
from django.db import transaction  # noqa: E402

from portal.accounts import actions as accounts  # noqa: E402
from portal.accounts.actor import Actor, Credential, CredentialKind, actor_for  # noqa: E402
from portal.accounts.models import User  # noqa: E402
from portal.events.models import Unread  # noqa: E402
from portal.events.record import record  # noqa: E402
from repositories import actions as repositories  # noqa: E402
from repositories.models import Repository  # noqa: E402
from repositories.webhooks import actions  # noqa: E402
from repositories.webhooks.models import Delivery, Webhook  # noqa: E402


def migrate() -> None:
    call_command("migrate", verbosity=0)
    user = accounts.create_user(username="alice", email="alice@example.org", password="correct horse battery")
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)


def _alice() -> Actor:
    user = User.objects.get(username="alice")
    return actor_for(user, confirmed=True, credential=Credential(kind=CredentialKind.SESSION))


def create_repository(name: str) -> None:
    repositories.create_repository(actor=_alice(), namespace="alice", name=name)


def create_webhook(repository: str, url: str) -> int:
    row = Repository.objects.get(full_name=f"alice/{repository}")
    return actions.create_webhook(actor=_alice(), place=row, name=url[-40:], url=url).pk


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


def deliveries(webhook_id: int) -> list[dict[str, Any]]:
    fields = ("number", "status", "error", "duration_ms", "response_truncated")
    rows = Delivery.objects.filter(webhook_id=webhook_id).order_by("id")
    return [
        {"tag": row.summary, "state": row.state, "attempts": list(row.attempts.order_by("number").values(*fields))}
        for row in rows
    ]


def states() -> dict[str, int]:
    rows = Delivery.objects.values_list("state", flat=True)
    return {state: sum(row == state for row in rows) for state in set(rows)}


def unread() -> int:
    return Unread.objects.count()


def delete_webhook(webhook_id: int) -> None:
    actions.delete_webhook(actor=_alice(), webhook=Webhook.objects.get(pk=webhook_id))


CALLS = {
    call.__name__: call
    for call in (migrate, create_repository, create_webhook, push, deliveries, states, unread, delete_webhook)
}

if __name__ == "__main__":
    for line in sys.stdin:
        name, arguments = json.loads(line)
        sys.stdout.write(json.dumps(CALLS[name](*arguments)) + "\n")
        sys.stdout.flush()
