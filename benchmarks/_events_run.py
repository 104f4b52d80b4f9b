"""The portal's part of benchmarks.events: `python -m benchmarks._events_run seed | apply | counted`."""

import json
import sys
import threading
import time

import django

django.setup()

from django.core.management import call_command  # noqa: E402  models need the settings
from django.db.models import Sum  # noqa: E402

from benchmarks import dataset  # noqa: E402
from repositories.gateway import notifications  # noqa: E402
from repositories.gateway.models import Notification  # noqa: E402
from repositories.images.models import Tag, TagPulls  # noqa: E402
from repositories.models import Repository  # noqa: E402

EVERY = 5.0
"""Seconds, as settings.CELERY_BEAT_SCHEDULE has it."""


def seed() -> None:
    """Prints what can be pulled: (repository, tag, digest) of each tag."""
    call_command("migrate", verbosity=0)
    dataset.fill(dataset.Size(repositories=300, namespaces=10, tags=8_000, big=2_000, middle=1_000))
    rows = Tag.objects.order_by("pk").values_list("repository__full_name", "name", "manifest__digest")
    print(json.dumps([list(row) for row in rows]))


def apply() -> None:
    """As the worker does, in rounds, until the other side closes our standard input and nothing waits any more.

    Prints how long each round took, how long it went on after the end, and the CPU seconds of all.
    """
    ended, used = threading.Event(), time.process_time()

    def wait_for_end() -> None:
        sys.stdin.read()
        ended.set()

    threading.Thread(target=wait_for_end, daemon=True).start()
    rounds, end = [], 0.0
    while True:
        over = ended.is_set()
        end = end or (time.monotonic() if over else 0.0)
        started = time.monotonic()
        notifications.apply()
        rounds.append(time.monotonic() - started)
        if over and not Notification.objects.filter(applied_at=None).exists():
            break
        ended.wait(max(EVERY - rounds[-1], 0))
    print(json.dumps({"rounds": rounds, "late": time.monotonic() - end, "cpu": time.process_time() - used}))


def counted() -> None:
    """Prints the pulls of the repositories, of the tags and of their days, which are none before the benchmark."""
    sums = [
        Repository.objects.aggregate(n=Sum("pull_count"))["n"],
        Tag.objects.aggregate(n=Sum("pull_count"))["n"],
        TagPulls.objects.aggregate(n=Sum("count"))["n"] or 0,
    ]
    print(json.dumps(sums))


if __name__ == "__main__":
    {"seed": seed, "apply": apply, "counted": counted}[sys.argv[1]]()
