"""What is set up on every new connection to the database."""

from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created


def connect() -> None:
    connection_created.connect(_compile_nothing)


def _compile_nothing(connection: BaseDatabaseWrapper, **_more: Any) -> None:
    """PostgreSQL compiles a statement whose cost it guesses high, which takes seconds where a list takes milliseconds.

    By a statement, since poolers refuse it as an option of the connection.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET jit = off")
