"""What is set up on every new connection to the database."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection as default
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


@contextmanager
def hurried() -> Iterator[None]:
    """On SQLite, commits within do not wait for the disk: of 3.3 ms that leaves 0.7.

    For what may be lost, and nothing else with it, when the power fails; the end of a process loses nothing. Inside a
    transaction it changes nothing, since SQLite can't there.
    """
    if default.vendor != "sqlite" or default.in_atomic_block:
        yield
        return
    _synchronous("NORMAL")
    try:
        yield
    finally:
        _synchronous("FULL")  # as settings.DATABASES begins


def _synchronous(how: str) -> None:
    with default.cursor() as cursor:
        cursor.execute(f"PRAGMA synchronous={how}")
