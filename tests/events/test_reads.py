"""The audit log's reading, compared with a list comprehension over everything."""

import itertools
import random
from datetime import UTC, datetime, timedelta

import pytest

from portal.events import reads
from portal.events.models import Event
from portal.events.reads import EVERYTHING, Filters, Part, Scope, Search, of_namespace, of_repository, of_user
from portal.kit.errors import Invalid

START = datetime(2026, 1, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
PEOPLE = {"alice": "a" * 32, "bob": "b" * 32, "acme:ci": "c" * 32, "": ""}
ACTIONS = ["repo.tag.push", "repo.create", "org.member.add", "repo.access_refused"]
TARGETS = ["acme/api", "acme/api:1", "acme/api%", "acme/ä", "ACME/api", "acme/_pi", "bob"]
REPOSITORY = 7


def make_events(count: int, seed: int) -> list[Event]:
    """A minute apart, but for clocks that differ by up to five."""
    chance = random.Random(seed)
    rows = []
    for number in range(count):
        name = chance.choice(list(PEOPLE))
        rows.append(
            Event(
                at=START + number * MINUTE + chance.randint(-150, 150) * timedelta(seconds=1),
                action=chance.choice(ACTIONS),
                actor_id=PEOPLE[name],
                actor_name=name,
                namespace=chance.choice(["acme", "bob", ""]),
                repository_id=chance.choice([REPOSITORY, 8, None]),
                target=chance.choice(TARGETS),
            )
        )
        if rows[-1].repository_id == REPOSITORY:
            rows[-1].namespace = "acme"
    Event.objects.bulk_create(rows)
    return list(Event.objects.order_by("-id"))


SCOPES = {
    "everything": (EVERYTHING, lambda event: True),
    "nothing": (Scope(()), lambda event: False),
    "namespace": (
        of_namespace("acme", START + 20 * MINUTE),
        lambda event: event.namespace == "acme" and event.at >= START + 20 * MINUTE,
    ),
    "person": (
        of_user(PEOPLE["bob"], "bob", START + 50 * MINUTE),
        lambda event: event.actor_id == PEOPLE["bob"] or (event.namespace == "bob" and event.at >= START + 50 * MINUTE),
    ),
    "repository": (
        of_repository(REPOSITORY, "acme/api", START + 10 * MINUTE),
        lambda event: (
            event.repository_id == REPOSITORY
            or (
                (event.namespace, event.repository_id, event.target, event.action)
                == ("acme", None, "acme/api", "repo.access_refused")
                and event.at >= START + 10 * MINUTE
            )
        ),
    ),
}
PERSONS = ["", "bob", "acme:ci", "nobody"]
CHOICES = [(), ("repo.create",), ("repo.tag.push", "repo.access_refused", "repo.delete"), ("gone",)]
BEGINNINGS = ["", "acme/api", "acme/api%", "acme/_", "acme/ä", "ac"]
TIMES = [(None, None), (40, None), (None, 90), (60, 61), (500, None)]


def wanted(event: Event, filters: Filters) -> bool:
    return (
        (not filters.person or event.actor_name == filters.person)
        and (not filters.actions or event.action in filters.actions)
        and event.target.startswith(filters.target)
        and (filters.since is None or event.at >= filters.since)
        and (filters.until is None or event.at <= filters.until)
    )


def all_filters():
    for person, actions, target, (since, until) in itertools.product(PERSONS, CHOICES, BEGINNINGS, TIMES):
        yield Filters(
            person=person,
            actions=actions,
            target=target,
            since=None if since is None else START + since * MINUTE,
            until=None if until is None else START + until * MINUTE,
        )


def forth(search: Search, size: int) -> tuple[list[int], list[str]]:
    """Every page from the first on; and the cursors of those that have one."""
    found: list[int] = []
    cursors: list[str] = []
    cursor = ""
    while True:
        page = search.page(cursor=cursor, size=size)
        assert len(page.rows) <= size
        assert len(page.rows) == size or page.is_cut or not page.next
        found += [row.pk for row in page.rows]
        cursor = page.next
        if not cursor:
            return found, cursors
        cursors.append(cursor)


def back(search: Search, cursor: str, size: int) -> list[int]:
    """What stands before a page, read page by page backwards."""
    found: list[int] = []
    page = search.page(cursor=cursor, size=size)
    while page.previous:
        page = search.page(cursor=page.previous, size=size)
        found = [row.pk for row in page.rows] + found
    return found


@pytest.mark.parametrize("window", [4, 25, 20_000])
@pytest.mark.parametrize("scope", SCOPES)
def test_finds_what_a_look_at_every_event_finds(db, monkeypatch, scope, window) -> None:
    monkeypatch.setattr(reads, "STEPS", (1, window // 2, window))
    monkeypatch.setattr(reads, "FEW", window)
    events = make_events(120, seed=window)
    asked, is_in = SCOPES[scope]
    found_some = False
    for filters in [*random.Random(window).sample(list(all_filters()), 60), Filters()]:
        expected = [event.pk for event in events if is_in(event) and wanted(event, filters)]
        search = Search(asked, filters)
        got, cursors = forth(search, 5)
        assert got == expected, filters
        assert [row.pk for batch in search.batches(7) for row in batch] == expected, filters
        if cursors:
            assert back(search, cursors[-1], 5) == [pk for pk in expected if pk not in _shown_at(search, cursors[-1])]
        found_some = found_some or bool(expected)
    assert found_some is (scope != "nothing")


def _shown_at(search: Search, cursor: str) -> set[int]:
    """What the page of the cursor shows, which is the last one."""
    return {row.pk for row in search.page(cursor=cursor, size=5).rows}


def test_the_filters_above_meet_every_kind_of_strand(db, monkeypatch) -> None:
    """Else the comparison would prove less than it says."""
    monkeypatch.setattr(reads, "FEW", 25)
    make_events(120, seed=1)
    kinds = set()
    for scope, _is_in in SCOPES.values():
        for filters in all_filters():
            kinds |= {(bool(s.rest), s.is_short) for s in Search(scope, filters)._strands}
    assert kinds == {(False, False), (True, False), (True, True)}


def test_the_last_page_costs_as_many_queries_as_the_first(db, django_assert_num_queries) -> None:
    make_events(120, seed=1)
    search = Search(of_namespace("acme", START), Filters(actions=("repo.create", "repo.tag.push")))
    _found, cursors = forth(search, 3)
    for cursor in ("", cursors[-1]):
        with django_assert_num_queries(1):
            search.page(cursor=cursor, size=3)


@pytest.mark.parametrize("cursor", ["x", "WzAsMSwtMV0", "WzAsMSw5MjIzMzcyMDM2ODU0Nzc1ODA4XQ"])
def test_a_cursor_that_is_not_ours_is_refused(db, cursor) -> None:
    with pytest.raises(Invalid):
        Search(EVERYTHING, Filters()).page(cursor=cursor)


def test_a_scope_says_whose_events_and_never_all_by_accident() -> None:
    assert Scope(()) != EVERYTHING
    assert EVERYTHING.parts == (Part({}),)
