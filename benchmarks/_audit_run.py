"""Fills a fresh database and asks the audit log's questions: `python -m benchmarks._audit_run EVENTS ROUNDS`.

Four in ten events happen in one organization, most of them pushes by its robot, a quarter of them to one repository.
"""

import sys
import time
from datetime import UTC, datetime, timedelta
from itertools import islice

import django

django.setup()

from django.core.management import call_command  # noqa: E402  models need the settings
from django.db import connection, transaction  # noqa: E402

from benchmarks._load import median  # noqa: E402
from portal.accounts.actor import SYSTEM  # noqa: E402
from portal.events.reads import (  # noqa: E402
    EVERYTHING,
    Filters,
    Scope,
    Search,
    of_namespace,
    of_repository,
    of_user,
)
from portal.events.record import record  # noqa: E402
from portal.events.words import expand  # noqa: E402
from portal.kit.paging import Place  # noqa: E402

BEGIN, SPAN = datetime(2023, 1, 1, tzinfo=UTC), timedelta(days=3 * 365)
SIZE = 50
EXPORTED, RECORDED = 100_000, 200
NOISE = "(n * 2654435761) % 4294967296"
FILL = """
    INSERT INTO events_event (id, public_id, at, action, actor_id, actor_name, credential, address, client, namespace,
                              repository_id, target, old, new)
    SELECT n, {public_id}, {at}, action, substr(person || '................................', 1, 32), person,
           'personal access token: ci', '203.0.113.' || (n % 250), 'docker/28.2.2 go/go1.24.3 kernel/6.8.0-60-generic',
           space, CASE WHEN action LIKE 'repo.%%' AND space = 'acme' THEN repository END,
           CASE WHEN n % 1000000 = 17 THEN 'acme/secret' ELSE space || '/app' || repository || ':v' || (n % 50) END,
           {old}, {new}
    FROM (SELECT n, h,
                 CASE WHEN (h / 1024) % 10 < 4 OR n < 20000 THEN 'acme' ELSE 'org' || (h % 2000) END AS space,
                 CASE WHEN (h / 7) % 1000 < 250 THEN 1 ELSE 2 + (h / 7) % 1000 END AS repository,
                 CASE WHEN n % 100003 = 0 THEN 'dave' WHEN (h / 64) % 1000 < 600 THEN 'acme:ci'
                      WHEN (h / 64) % 1000 < 610 THEN 'carol' ELSE 'person' || (h % 5000) END AS person,
                 CASE WHEN n < 20000 AND n % 1000 = 0 THEN 'org.settings.update'
                      WHEN (h / 3) % 100000 < 90000 THEN 'repo.tag.push'
                      WHEN (h / 3) % 100000 < 99000 THEN 'repo.access_refused'
                      WHEN (h / 3) % 100000 < 99980 THEN 'repo.star' ELSE 'org.member.add' END AS action
          FROM ({numbers}) AS numbers) AS drawn
"""
NUMBERS = {
    "sqlite": f"""WITH RECURSIVE up(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM up WHERE n < {{events}})
                  SELECT n, {NOISE} AS h FROM up""",
    "postgresql": f"SELECT n, {NOISE} AS h FROM generate_series(1::bigint, {{events}}) AS up(n)",
}
TIMES = {
    "sqlite": "datetime({begin} + n * {step}, 'unixepoch')",
    "postgresql": "to_timestamp({begin} + n * {step})",
}
IDS = {"sqlite": "printf('%032x', n)", "postgresql": "lpad(to_hex(n), 32, '0')"}


def main(events: int, rounds: int) -> None:
    call_command("migrate", verbosity=0)
    call_command("migrate", "events", "0001", verbosity=0)
    seconds = _timed(lambda: _fill(events))
    print(f"{connection.vendor}, {events:,} events: filled in {seconds:.0f} s", end="", flush=True)
    seconds = _timed(lambda: call_command("migrate", "events", verbosity=0))
    print(f", indexes made in {seconds:.0f} s", flush=True)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    _ask(events, rounds)
    search = Search(of_namespace("acme", BEGIN), Filters())
    seconds = _timed(lambda: sum(len(batch) for batch in islice(search.batches(), EXPORTED // 1000)))
    print(f"export: {EXPORTED / seconds:,.0f} events/s")
    print(
        f"record: {median([_timed(_record) * 1000 for _number in range(RECORDED)]):.2f} ms for an event and its commit"
    )


def _record() -> None:
    with transaction.atomic():
        record("repo.star", actor=SYSTEM, namespace="acme", repository_id=1, target="acme/app1:v1")


def _timed(work: object) -> float:
    started = time.perf_counter()
    work()  # type: ignore[operator]
    return time.perf_counter() - started


def _fill(events: int) -> None:
    vendor = connection.vendor
    cast = "::jsonb" if vendor == "postgresql" else ""
    digest = f"""('{{"digest": "sha256:' || {IDS[vendor]} || {IDS[vendor]} || '"}}'){cast}"""
    sql = FILL.replace("%%", "%").format(
        public_id=IDS[vendor],
        at=TIMES[vendor].format(begin=int(BEGIN.timestamp()), step=SPAN.total_seconds() / events),
        numbers=NUMBERS[vendor].format(events=events),
        old=digest,
        new=digest,
    )
    with connection.cursor() as cursor:
        if vendor == "sqlite":
            cursor.execute("PRAGMA cache_size = -2000000")  # kB: else filling reads what it has just written
        cursor.execute(sql)
        if vendor == "sqlite":
            cursor.execute(
                "PRAGMA wal_checkpoint(TRUNCATE)"
            )  # that one transaction is larger than any of the product's
            cursor.execute("PRAGMA cache_size = -2000")  # SQLite's own
        if vendor == "postgresql":
            cursor.execute("SELECT setval(pg_get_serial_sequence('events_event', 'id'), %s)", [events])


def _questions() -> dict[str, tuple[Scope, Filters]]:
    acme, repository = of_namespace("acme", BEGIN), of_repository(1, "acme/app1", BEGIN)
    since, until = BEGIN + SPAN / 3, BEGIN + SPAN / 3 + timedelta(days=1)
    return {
        "organization": (acme, Filters()),
        "organization, a rare action": (acme, Filters(actions=("org.settings.update",))),
        "organization, group org": (acme, Filters(actions=expand("org"))),
        "organization, group repo": (acme, Filters(actions=expand("repo"))),
        "organization, the robot": (acme, Filters(person="acme:ci")),
        "organization, a rare person": (acme, Filters(person="dave")),
        "organization, one day": (acme, Filters(since=since, until=until)),
        "organization, one day, group org": (acme, Filters(actions=expand("org"), since=since, until=until)),
        "organization, robot and rare action": (acme, Filters(person="acme:ci", actions=("org.settings.update",))),
        "organization, a rare target": (acme, Filters(target="acme/secret")),
        "organization, a common target": (acme, Filters(target="acme/app1")),
        "repository": (repository, Filters()),
        "repository, a rare action": (repository, Filters(actions=("repo.star",))),
        "repository, a person": (repository, Filters(person="carol")),
        "person": (of_user("carol...........................", "org7", BEGIN), Filters()),
        "person, group org": (
            of_user("carol...........................", "org7", BEGIN),
            Filters(actions=expand("org")),
        ),
        "everything": (EVERYTHING, Filters()),
        "everything, a rare action": (EVERYTHING, Filters(actions=("org.settings.update",))),
        "everything, a rare person": (EVERYTHING, Filters(person="dave")),
        "everything, a rare target": (EVERYTHING, Filters(target="acme/secret")),
        "everything, one day, group org": (EVERYTHING, Filters(actions=expand("org"), since=since, until=until)),
        "everything, all at once": (
            EVERYTHING,
            Filters(person="carol", actions=expand("org"), target="acme/app2", since=since),
        ),
    }


def _ask(events: int, rounds: int) -> None:
    places = {"first": "", "middle": Place(events // 2).cursor}
    questions = [(name, *asked, where) for name, asked in _questions().items() for where in places]
    times: dict[tuple[str, str], list[float]] = {(name, where): [] for name, _s, _f, where in questions}
    found: dict[tuple[str, str], str] = {}
    for number in range(rounds + 1):
        for name, scope, filters, where in questions:
            started = time.perf_counter()
            page = Search(scope, filters).page(cursor=places[where], size=SIZE)
            if number:
                times[name, where].append((time.perf_counter() - started) * 1000)
            found[name, where] = f"{len(page.rows)}{'+' if page.is_cut else ''}"
    print(f"{'question':38}{'first ms':>10}{'rows':>6}{'middle ms':>11}{'rows':>6}   (+: it stopped looking there)")
    for name in _questions():
        cells = [f"{median(times[name, where]):10.1f}{found[name, where]:>6}" for where in places]
        print(f"{name:38}" + " ".join(cells))


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))
