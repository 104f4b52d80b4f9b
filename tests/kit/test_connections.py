"""What every new connection to the database is given."""

from contextlib import contextmanager

import pytest
from django.db import connection, transaction
from django.db.backends.signals import connection_created

from portal.kit.connections import hurried


class Connection:
    """A new one, which takes down what it is told."""

    def __init__(self, vendor: str) -> None:
        self.vendor = vendor
        self.told: list[str] = []

    @contextmanager
    def cursor(self):
        yield self

    def execute(self, statement: str) -> None:
        self.told.append(statement)


@pytest.mark.parametrize(("vendor", "expected"), [("postgresql", ["SET jit = off"]), ("sqlite", [])])
def test_postgresql_is_told_to_compile_no_statement(vendor: str, expected: list[str]) -> None:
    connection = Connection(vendor)
    connection_created.send(sender=Connection, connection=connection)
    assert connection.told == expected


@pytest.mark.django_db(transaction=True)
def test_only_what_is_hurried_does_not_wait_for_the_disk() -> None:
    def waits() -> bool:
        if connection.vendor != "sqlite":
            return True
        with connection.cursor() as cursor:
            return bool(cursor.execute("PRAGMA synchronous").fetchone()[0] == 2)

    def fail() -> None:
        assert waits() is (connection.vendor != "sqlite")
        raise RuntimeError

    with pytest.raises(RuntimeError), hurried():
        fail()
    assert waits()
    with transaction.atomic(), hurried():
        assert connection.in_atomic_block
