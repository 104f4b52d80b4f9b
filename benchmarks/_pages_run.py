"""Fills the database and measures in this process: `python -m benchmarks._pages_run SCALE ROUNDS`."""

import json
import re
import statistics
import sys
import time

import django

django.setup()

from django.core.management import call_command  # noqa: E402  models need the settings
from django.db import connection  # noqa: E402
from django.test import Client  # noqa: E402
from django.test.utils import CaptureQueriesContext  # noqa: E402

from benchmarks import dataset  # noqa: E402
from portal.accounts.models import User  # noqa: E402
from portal.kit.paging import keyset  # noqa: E402
from repositories.images.models import Tag, TagHistory  # noqa: E402
from repositories.models import Repository  # noqa: E402

HEADERS = {"host": "localhost:8000"}


def main(scale: float, rounds: int) -> None:
    call_command("migrate", verbosity=0)
    call_command("collectstatic", verbosity=0, interactive=False)
    started = time.monotonic()
    dataset.fill(dataset.Size.scaled(scale))
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
    filled = time.monotonic() - started
    print(json.dumps({"filled": filled, "cases": _measure(_cases(), rounds)}))


def _cases() -> dict[str, str]:
    """Case -> address. `org0/big` has 50 times the tags of `org0/middle`."""
    found: dict[str, str] = {}
    for name in (dataset.MIDDLE, dataset.BIG):
        row = Repository.objects.get(full_name=name)
        last = _last_cursor(row)
        api = f"/v2/namespaces/{name.replace('/', '/repositories/')}/tags?page_size=100"
        short = f"{name.rpartition('/')[2]} ({row.tag_count:,} tags)"
        found |= {
            f"overview, {short}": f"/{name}",
            f"tags, {short}": f"/{name}/-/tags",
            f"tags, last page, {short}": f"/{name}/-/tags?cursor={last}",
            f"tags by version, {short}": f"/{name}/-/tags?order=version",
            f"tags by size, {short}": f"/{name}/-/tags?order=size",
            f"tags with 99 in the name, {short}": f"/{name}/-/tags?q=99",
            f"tags, none matches, {short}": f"/{name}/-/tags?q=nothing",
            f"one tag, {short}": f"/{name}/-/tags/0.1",
            f"history, {short}": f"/{name}/-/history",
            f"history, last page, {short}": f"/{name}/-/history?cursor={_last_history(row)}",
            f"history of a tag, {short}": f"/{name}/-/history?tag=0.3",
            f"untagged, {short}": f"/{name}/-/untagged",
            f"API tags, {short}": api,
            f"API tags, page 9, {short}": f"{api}&page=9",
        }
    big = dataset.BIG.replace("/", "/repositories/")
    found["API tags, page 450, big"] = f"/v2/namespaces/{big}/tags?page_size=100&page=450"
    return found | {
        "dashboard": "/",
        "repositories of an organization": "/org0",
        "explore": "/explore",
        "search, one word": "/search?q=billing",
        "search, two words": "/search?q=billing+team",
        "search, nothing": "/search?q=nothing",
        "API search, one word": "/v2/search/repositories?query=billing",
        "API repositories of an organization": "/v2/namespaces/org0/repositories",
    }


def _last_cursor(repository: Repository) -> str:
    """Of the page before the oldest tags."""
    rows = Tag.objects.filter(repository=repository)
    oldest = rows.order_by("pushed_at", "id")[30]
    page = keyset(rows.filter(pushed_at__gte=oldest.pushed_at), by="-pushed_at", size=10_000_000)
    assert page.rows[-1] == oldest
    return keyset(rows.filter(pk=oldest.pk) | rows.filter(pushed_at__lt=oldest.pushed_at), by="-pushed_at", size=1).next


def _last_history(repository: Repository) -> str:
    rows = TagHistory.objects.filter(repository=repository)
    oldest = rows.order_by("id")[30]
    return keyset(rows.filter(id__lte=oldest.pk), by="-id", size=1).next


def _measure(cases: dict[str, str], rounds: int) -> dict[str, tuple[float, float, int]]:
    """The first round is not counted. An answer other than 200 ends the run: it would be quick for nothing."""
    client = Client()
    client.force_login(User.objects.get(username="alice"))
    times: dict[str, list[float]] = {name: [] for name in cases}
    queries: dict[str, int] = {}
    for number in range(rounds + 1):
        for name, address in cases.items():
            if number == 0:
                with CaptureQueriesContext(connection) as seen:
                    answer = client.get(address, headers=HEADERS)
                queries[name] = len([q for q in seen if not re.match("BEGIN|COMMIT|SAVEPOINT", q["sql"])])
                if answer.status_code != 200:
                    raise SystemExit(f"{address} was answered {answer.status_code}")
                continue
            started = time.perf_counter()
            client.get(address, headers=HEADERS)
            times[name].append((time.perf_counter() - started) * 1000)
    return {
        name: (statistics.median(found), sorted(found)[int(len(found) * 0.95) - 1], queries[name])
        for name, found in times.items()
    }


if __name__ == "__main__":
    main(float(sys.argv[1]), int(sys.argv[2]))
