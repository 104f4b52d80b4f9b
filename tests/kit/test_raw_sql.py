"""The hot path's way to the database, on whichever the suite runs."""

from typing import Any

import psycopg
import pytest
from django.db import OperationalError, ProgrammingError, connection, connections

from portal.kit import raw_sql
from portal.kit.raw_sql import fetch_all


@pytest.mark.django_db
def test_rows_with_parameters() -> None:
    assert fetch_all("SELECT %s, 2 UNION ALL SELECT %s, 3", ["it's", "ä"]) == [("it's", 2), ("ä", 3)]


@pytest.mark.django_db
def test_errors_are_djangos() -> None:
    with pytest.raises((ProgrammingError, OperationalError)):
        fetch_all("SELECT nothing FROM nowhere", [])


@pytest.mark.django_db(transaction=True)
def test_a_connection_that_is_closed_is_made() -> None:
    connection.close()
    assert fetch_all("SELECT 1", []) == [(1,)]


@pytest.mark.django_db(transaction=True)
def test_a_connection_that_the_server_dropped_is_made_anew_once(monkeypatch) -> None:
    wrapper = connections["default"]
    tries: list[int] = []
    fetch = raw_sql._fetch

    def dropped(*arguments: Any) -> list[Any]:
        tries.append(1)
        if len(tries) == 1:
            raise OperationalError("server closed the connection unexpectedly")
        return fetch(*arguments)

    monkeypatch.setattr(raw_sql, "_fetch", dropped)
    monkeypatch.setattr(type(wrapper), "is_usable", lambda self: False)
    assert fetch_all("SELECT 1", []) == [(1,)]
    assert len(tries) == 2


@pytest.mark.django_db
def test_inside_a_transaction_nothing_is_repeated(monkeypatch) -> None:
    def dropped(*_arguments: Any) -> list[Any]:
        raise OperationalError("server closed the connection unexpectedly")

    monkeypatch.setattr(raw_sql, "_fetch", dropped)
    with pytest.raises(OperationalError):
        fetch_all("SELECT 1", [])


class _Cursor:
    """psycopg's, before a pooler that hands each statement to another server connection."""

    calls: list[bool]

    def __init__(self, connection: Any) -> None:
        self.connection = connection

    def execute(self, statement: str, parameters: Any, *, prepare: bool) -> "_Cursor":
        self.connection.calls.append(prepare)
        if prepare:
            raise psycopg.errors.InvalidSqlStatementName
        return self

    def fetchall(self) -> list[Any]:
        return [(1,)]


class _Connection:
    def __init__(self) -> None:
        self.calls: list[bool] = []


def test_a_pooler_without_prepared_statements_switches_them_off(monkeypatch) -> None:
    monkeypatch.setattr(psycopg, "Cursor", _Cursor)
    monkeypatch.setattr(raw_sql._prepare, "on", True)
    made = _Connection()
    assert raw_sql._fetch_prepared(made, "SELECT 1", []) == [(1,)]
    assert raw_sql._fetch_prepared(made, "SELECT 1", []) == [(1,)]
    assert made.calls == [True, False, False]


@pytest.mark.django_db
def test_the_server_plans_a_statement_once() -> None:
    for _time in range(2):
        assert fetch_all("SELECT %s || 'kept'", ["x"]) == [("xkept",)]
    if connection.vendor == "postgresql":  # SQLite has no server, and its module keeps statements by itself
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE %s", ["%kept%"])
            assert cursor.fetchone() == (1,)
