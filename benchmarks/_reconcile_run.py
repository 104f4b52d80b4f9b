"""Inside the settings of one benchmark: rounds and bare requests, timed. Started by `benchmarks.reconcile`."""

import statistics
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import django

django.setup()

from django.conf import settings  # noqa: E402  after setup
from django.core.management import call_command  # noqa: E402  likewise

from portal.accounts.actions import create_user  # noqa: E402  likewise
from portal.accounts.actor import SYSTEM  # noqa: E402  likewise
from portal.kit.http import internal_session  # noqa: E402  likewise
from repositories.images.models import Manifest, Tag  # noqa: E402  likewise
from repositories.models import Repository  # noqa: E402  likewise
from repositories.sync import runs  # noqa: E402  likewise
from repositories.sync.actions import request_reconcile  # noqa: E402  likewise

OCI = "application/vnd.oci.image.manifest.v1+json"
CONNECTIONS = 4


def main(repositories: int, rounds: int, digests: list[str]) -> None:
    names = [f"bench/app-{number:05}" for number in range(repositories)]
    tags = [f"1.{number}" for number in range(len(digests))]
    seed(names, dict(zip(tags, digests, strict=True)))
    took: dict[str, list[tuple[float, float]]] = {"bare requests": [], "a round": []}
    for _round in range(rounds):
        took["bare requests"].append(timed(lambda: look_barely(names, tags)))
        took["a round"].append(timed(look_round))
    print(f"{repositories} repositories x {len(tags)} tags, {CONNECTIONS} connections; medians of {rounds}")
    middle = {}
    for what, times in took.items():
        wall, cpu = (statistics.median(part) for part in zip(*times, strict=True))
        middle[what] = wall
        print(f"{what:14} {wall:6.1f} s, of our own processor time {cpu:6.1f} s")
    print(f"paused for pulls by {runs.pace.paused / CONNECTIONS / rounds:.1f} s in each round")
    print(f"ratio          {middle['a round'] / middle['bare requests']:6.2f}")


def timed(function: Callable[[], None]) -> tuple[float, float]:
    started, used = time.perf_counter(), time.process_time()
    function()
    return time.perf_counter() - started, time.process_time() - used


def seed(names: list[str], digests: dict[str, str]) -> None:

    call_command("migrate", verbosity=0)
    namespace = create_user(username="bench", email="bench@example.org", password="correct horse").namespace
    rows = Repository.objects.bulk_create(
        [
            Repository(namespace=namespace, name=name.split("/")[1], full_name=name, tag_count=len(digests))
            for name in names
        ]
    )
    made: dict[str, Any] = {"media_type": OCI, "kind": "image", "size": 500}
    manifests = Manifest.objects.bulk_create(
        [Manifest(repository=row, digest=digest, **made) for row in rows for digest in digests.values()],
        batch_size=1000,
    )
    tags = list(digests) * len(rows)
    Tag.objects.bulk_create(
        [
            Tag(repository_id=manifest.repository_id, name=tag, manifest=manifest)
            for tag, manifest in zip(tags, manifests, strict=True)
        ],
        batch_size=1000,
    )


def look_barely(names: list[str], tags: list[str]) -> None:

    own = threading.local()

    def look(name: str) -> None:
        if not hasattr(own, "session"):
            own.session = internal_session(connections=1)
        base = f"{settings.REGISTRY_URL}/v2/{name}"
        own.session.request("GET", f"{base}/tags/list", timeout=10).close()
        for tag in tags:
            answer = own.session.request("HEAD", f"{base}/manifests/{tag}", headers={"Accept": OCI}, timeout=10)
            assert answer.status_code == 200, answer.status_code

    with ThreadPoolExecutor(CONNECTIONS) as pool:
        list(pool.map(look, names))


def look_round() -> None:

    run = request_reconcile(actor=SYSTEM, wake=False)
    assert runs.work_on(run.pk, turn=float("inf"))
    run.refresh_from_db()
    assert (run.state, run.added, run.moved, run.missing, run.errors) == ("done", 0, 0, 0, 0), vars(run)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
