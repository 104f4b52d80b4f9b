"""One reading statement with as little around it as possible, for the hot path only: registry tokens.

Django's cursor, its health check of the connection (a round trip in each request on PostgreSQL) and PostgreSQL's
planning cost several times the statement itself. `docs/benchmarks.md` has the figures.
"""

import logging
from collections.abc import Sequence
from functools import cache
from typing import Any

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.utils import OperationalError

try:
    import psycopg
except ImportError:  # pragma: no cover  an installation on SQLite may do without
    psycopg = None  # type: ignore[assignment]

log = logging.getLogger(__name__)


class _Prepare:
    """Whether PostgreSQL keeps our statements' plans. Off for the process once a pooler in between lost one."""

    on = True


_prepare = _Prepare()


def fetch_all(statement: str, parameters: Sequence[Any]) -> list[Any]:
    """The rows. `statement` has `%s` for each parameter, and no other `%`; only few different texts may be used.

    A connection that the server dropped is made anew, once, outside of a transaction: a read may be repeated. Raises
    Django's database errors.
    """
    wrapper = connections["default"]
    try:
        return _fetch(wrapper, statement, parameters)
    except OperationalError:
        if wrapper.in_atomic_block or wrapper.is_usable():
            raise
        wrapper.close()
        return _fetch(wrapper, statement, parameters)


def _fetch(wrapper: BaseDatabaseWrapper, statement: str, parameters: Sequence[Any]) -> list[Any]:
    if wrapper.connection is None:
        wrapper.ensure_connection()
    with wrapper.wrap_database_errors:
        if wrapper.vendor == "sqlite":
            return wrapper.connection.execute(_with_question_marks(statement), parameters).fetchall()  # type: ignore[no-any-return]
        return _fetch_prepared(wrapper.connection, statement, parameters)


def _fetch_prepared(connection: Any, statement: str, parameters: Sequence[Any]) -> list[Any]:
    """psycopg's own cursor binds at the server; Django's doesn't, so preparing touches no other query."""
    if _prepare.on:
        connection.prepare_threshold = 0
        try:
            return psycopg.Cursor(connection).execute(statement, parameters, prepare=True).fetchall()
        except (psycopg.errors.InvalidSqlStatementName, psycopg.errors.DuplicatePreparedStatement):
            _prepare.on = False
            log.warning(
                "A pooler before PostgreSQL knows no prepared statements; tokens go on more slowly without them."
            )
    return psycopg.Cursor(connection).execute(statement, parameters, prepare=False).fetchall()


@cache
def _with_question_marks(statement: str) -> str:
    return statement.replace("%s", "?")
