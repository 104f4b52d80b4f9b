"""The one SQL statement of a token: who asks, and what the database says of each repository that is asked for.

Raw, because a queryset built and run costs four times the statement. The same text runs on SQLite and PostgreSQL. It
reads; what follows from it is decided in `repositories.access`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.db import connection
from django.utils import timezone

from portal.accounts.actor import ANONYMOUS, Actor, Credential, CredentialKind
from portal.accounts.credentials import access_token_credential
from portal.kit.raw_sql import fetch_all
from portal.kit.secrets import hash_token
from repositories.access import OWNS_SQL, ROLE_SQL


@dataclass(frozen=True, slots=True)
class Row:
    """What is known of one name. `full_role` is before what caps the actor; `visibility` is empty when there is no row.

    `owns` and `create_on_push` are of its namespace.
    """

    full_role: int = 0
    visibility: str = ""
    owns: bool = False
    create_on_push: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """`password` is the stored hash, `refresh_id` and `stamp` are of the refresh token, where they took part."""

    actor: Actor
    rows: dict[str, Row]
    password: str = ""
    refresh_id: int | None = None
    stamp: str = ""


_CONFIRMED = "EXISTS (SELECT 1 FROM account_emailaddress e WHERE e.user_id = u.id AND e.verified)"
_PERSON = f"u.id, u.public_id, u.username, u.is_superuser, u.password, {_CONFIRMED}"
_USABLE = "t.is_active AND (t.expires_at IS NULL OR t.expires_at > %s)"
# How each credential finds its person, and the columns it adds: key, label and level of an access token, key and stamp
# of a refresh token.
_BY_ACCESS_TOKEN = (
    "t.id, t.label, t.level, NULL, ''",
    "accounts_personalaccesstoken t JOIN accounts_user u ON u.id = t.user_id",
    f"t.hash = %s AND {_USABLE} AND u.is_active AND (u.username = %s OR LOWER(u.email) = %s)",
)
_BY_NAME = ("NULL, '', '', NULL, ''", "accounts_user u", "u.username = %s AND u.is_active")
_BY_EMAIL = (
    "NULL, '', '', NULL, ''",
    "account_emailaddress m JOIN accounts_user u ON u.id = m.user_id",
    "m.email = %s AND m.verified AND u.is_active",
)
_BY_REFRESH_TOKEN = (
    "t.id, t.label, t.level, f.id, f.password_stamp",
    """accounts_refreshtoken f JOIN accounts_user u ON u.id = f.user_id
    LEFT JOIN accounts_personalaccesstoken t ON t.id = f.access_token_id""",
    f"f.hash = %s AND f.service = %s AND u.is_active AND (f.access_token_id IS NULL OR ({_USABLE}))",
)


def find_nobody(names: Sequence[str]) -> Found:
    """Nobody, and the repositories that exist. One statement; none for no names."""
    if not names:
        return Found(ANONYMOUS, {})
    rows = fetch_all(_statement_for_nobody(len(names)), names)
    return Found(ANONYMOUS, {name: Row(role, visibility) for name, visibility, role in rows})


def find_by_access_token(login: str, secret: str, names: Sequence[str]) -> Found | None:
    """The owner of a usable access token, whose name or address `login` must be."""
    parameters = [hash_token(secret), _now(), login.lower(), login.lower()]
    return _find(_BY_ACCESS_TOKEN, parameters, names)


def find_by_login(login: str, names: Sequence[str]) -> Found | None:
    """The person of a user name or a confirmed address, with the stored password, which the caller compares."""
    source = _BY_EMAIL if "@" in login else _BY_NAME  # an OR of the two would read the whole table
    return _find(source, [login.lower()], names)


def find_by_refresh_token(secret: str, service: str, names: Sequence[str]) -> Found | None:
    """The person whom a refresh token stands for; the caller compares the stamp when a password made it."""
    return _find(_BY_REFRESH_TOKEN, [hash_token(secret), service, _now()], names)


def _find(source: tuple[str, str, str], parameters: list[Any], names: Sequence[str]) -> Found | None:
    asked = [part for name in names for part in (name, name.partition("/")[0])]
    rows = fetch_all(_statement(source, len(names)), [*asked, *parameters])
    if not rows:
        return None
    person, token, refresh = rows[0][:6], rows[0][6:9], rows[0][9:11]
    user_id, public_id, username, is_superuser, password, confirmed = person
    credential = access_token_credential(*token) if token[0] is not None else Credential(kind=CredentialKind.PASSWORD)
    actor = Actor(
        user_id=user_id,
        public_id=public_id,
        name=username,
        confirmed=bool(confirmed),
        is_operator=bool(is_superuser),
        credential=credential,
    )
    known = {row[11]: Row(row[12], row[13] or "", bool(row[14]), row[15] or "") for row in rows if names}
    return Found(actor, known, password=password, refresh_id=refresh[0], stamp=refresh[1])


@cache
def _statement(how: tuple[str, str, str], count: int) -> str:
    """For `count` names: one row each, also for those that don't exist; one row without names. `count` is bounded."""
    columns, source, condition = how
    if not count:
        return f"SELECT {_PERSON}, {columns} FROM {source} WHERE {condition}"  # noqa: S608  our own texts
    asked = " UNION ALL ".join(["SELECT %s AS name, %s AS namespace"] * count)
    role = ROLE_SQL.format(repository="r", user="u.id")
    owns = OWNS_SQL.format(namespace="n.id", user="u.id")
    return f"""
        SELECT {_PERSON}, {columns}, a.name, {role}, r.visibility, {owns}, n.create_on_push
        FROM {source}
        CROSS JOIN ({asked}) a
        LEFT JOIN repositories_repository r ON r.full_name = a.name
        LEFT JOIN accounts_namespace n ON n.name = a.namespace
        WHERE {condition}
    """  # noqa: S608  likewise


@cache
def _statement_for_nobody(count: int) -> str:
    role = ROLE_SQL.format(repository="r", user="NULL")
    marks = ", ".join(["%s"] * count)
    return f"SELECT r.full_name, r.visibility, {role} FROM repositories_repository r WHERE r.full_name IN ({marks})"  # noqa: S608  likewise


def _now() -> Any:
    return connection.ops.adapt_datetimefield_value(timezone.now())
