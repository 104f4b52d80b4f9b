"""No event is ever changed: not by our code, and not past it either."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.db import DatabaseError, connection, transaction

from portal.accounts.actor import SYSTEM
from portal.events.models import Event
from portal.events.record import record

CODE = sorted(
    path for room in ("portal", "orgs", "repositories") for path in (Path(settings.BASE_DIR) / room).rglob("*.py")
)
CHANGES = {"update", "delete", "bulk_update", "update_or_create", "_raw_delete", "save"}


@pytest.fixture
def event(db) -> Event:
    with transaction.atomic():
        return record("repo.create", actor=SYSTEM, target="alice/app")


def execute(statement: str) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


@pytest.mark.parametrize("column", ["actor_name", "target", "address"])
def test_the_database_refuses_to_change_one(event, column) -> None:
    with pytest.raises(DatabaseError, match="appended, and never changed"):
        execute(f"UPDATE events_event SET {column} = 'mallory'")
    event.refresh_from_db()
    assert event.target == "alice/app"


def test_postgresql_refuses_to_delete_one(event) -> None:
    """SQLite cannot, because tests there empty the tables by DELETE; the test below stands in."""
    if connection.vendor == "postgresql":
        with pytest.raises(DatabaseError, match="appended, and never changed"):
            execute("DELETE FROM events_event")
    assert Event.objects.count() == 1


def test_the_rows_refuse_it_on_every_database(event) -> None:
    event.target = "bob/app"
    for change in (
        event.save,
        event.delete,
        Event.objects.all().delete,
        lambda: Event.objects.filter(pk=event.pk).update(target="bob/app"),
        lambda: Event.objects.bulk_update([event], ["target"]),
        lambda: Event.objects.update_or_create(pk=event.pk, defaults={"target": "bob/app"}),
    ):
        with pytest.raises(TypeError, match="never changed"), transaction.atomic():
            change()
    event.refresh_from_db()
    assert event.target == "alice/app"


def changes_in(source: str) -> Iterator[int]:
    """Lines that change or delete events: by a queryset that begins with `Event`, or in SQL."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CHANGES:
            if "Event" in names_in_chain(node.func.value):
                yield node.lineno
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            text = " ".join(node.value.lower().split())
            if any(words in text for words in ("update events_event", "delete from events_event")):
                yield node.lineno


def names_in_chain(node: ast.expr) -> set[str]:
    """`events.Event.objects.filter(…).order_by(…)` -> {"events", "Event", "objects", …}, whatever it is called with."""
    found = set()
    while True:
        if isinstance(node, ast.Call):
            node = node.func
        elif isinstance(node, ast.Attribute):
            found.add(node.attr)
            node = node.value
        else:
            return found | ({node.id} if isinstance(node, ast.Name) else set())


@pytest.mark.parametrize(
    "source",
    [
        "Event.objects.filter(pk=1).update(target='x')",
        "events.Event.objects.all().delete()",
        "cursor.execute('UPDATE  events_event SET x = 1')",
        "cursor.execute('delete from\\n events_event')",
    ],
)
def test_the_rule_below_can_fail(source) -> None:
    assert list(changes_in(source)) == [1]


def test_no_code_changes_or_deletes_events() -> None:
    strays = [f"{path}:{line}" for path in CODE for line in changes_in(path.read_text())]
    assert strays == []
