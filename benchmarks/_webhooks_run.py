"""Inside the settings of one installation, for benchmarks.webhooks: a line of JSON in, a line of JSON out."""

import json
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import django

django.setup()

from allauth.account.models import EmailAddress  # noqa: E402  models need the settings
from django.conf import settings  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connection, transaction  # noqa: E402
from django.db.models import Count  # noqa: E402

from benchmarks import dataset  # noqa: E402
from portal.accounts.actions import create_user  # noqa: E402
from portal.accounts.actor import SYSTEM  # noqa: E402
from portal.accounts.models import User  # noqa: E402
from portal.events.models import Unread  # noqa: E402
from portal.events.record import record  # noqa: E402
from portal.kit import http  # noqa: E402
from repositories.models import Repository  # noqa: E402
from repositories.webhooks import signing  # noqa: E402
from repositories.webhooks.models import Delivery, Webhook  # noqa: E402

DEADLINE = 10.0
TAGS = 1_000


def migrate() -> None:
    call_command("migrate", verbosity=0)
    call_command("collectstatic", verbosity=0, interactive=False)


def person(name: str, password: str) -> None:
    user = create_user(username=name, email=f"{name}@example.org", password=password)
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)


def repository(full_name: str, *, with_tags: bool = False) -> None:
    """A public one of a person's. With tags: those of the benchmarks of pages."""
    owner, _, name = full_name.partition("/")
    namespace = User.objects.get(username=owner).namespace
    row = Repository.objects.create(namespace=namespace, name=name, full_name=full_name, visibility="public")
    if with_tags:
        dataset._images(iter([(row.pk, TAGS)]))  # noqa: SLF001  the same rows as everywhere


def hooks(full_name: str, urls: list[str]) -> None:
    """As `create_webhook` makes them: each signs. Rows, since ten thousand calls would take minutes."""
    row = Repository.objects.get(full_name=full_name)
    made = []
    for number, url in enumerate(urls):
        hook = Webhook(repository=row, name=f"{number}")
        hook.url = url
        hook.set_secret(signing.new_secret())
        made.append(hook)
    Webhook.objects.bulk_create(made, batch_size=500)


def analyze() -> None:
    """What PostgreSQL does by itself after a minute."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")


def push(full_name: str, tag: str) -> float:
    """Recorded as the gateway does. When it was committed, by the machine's monotonic clock."""
    row = Repository.objects.get(full_name=full_name)
    told = {"tag": tag, "digest": "sha256:" + "a" * 64, "media_type": dataset.IMAGE}
    with transaction.atomic():
        record(
            "repo.tag.push",
            actor=SYSTEM,
            namespace=row.namespace_name,
            repository_id=row.pk,
            target=f"{row.full_name}:{tag}",
            new=told,
        )
    return time.monotonic()


def states() -> dict[str, int]:
    rows = Delivery.objects.order_by().values("state").annotate(count=Count("pk"))
    return {"unread": Unread.objects.filter(reader="webhooks").count()} | {row["state"]: row["count"] for row in rows}


def bare(urls: list[str], count: int, threads: int) -> float:
    """Seconds that the same requests take without a queue: the HTTP client alone, so many at once."""
    body, allowed = b"x" * 900, http.parse_networks(settings.WEBHOOK_NETWORKS)
    body = json.dumps({"push_data": {"tag": "bare"}, "padding": body.decode()}).encode()

    def send(number: int) -> None:
        url = urls[number % len(urls)]
        http.send("POST", url, body=body, headers={}, deadline=DEADLINE, max_answer=65536, allowed_networks=allowed)

    began = time.monotonic()
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(send, range(count)))
    return time.monotonic() - began


CALLS: dict[str, Callable[..., Any]] = {
    call.__name__: call for call in (migrate, person, repository, hooks, analyze, push, states, bare)
}

if __name__ == "__main__":
    for line in sys.stdin:
        called, arguments, named = json.loads(line)
        sys.stdout.write(json.dumps(CALLS[called](*arguments, **named)) + "\n")
        sys.stdout.flush()
