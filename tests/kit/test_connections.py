"""What every new connection to the database is given."""

from contextlib import contextmanager

import pytest
from django.db.backends.signals import connection_created


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
