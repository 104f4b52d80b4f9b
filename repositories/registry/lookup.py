"""The one SQL statement of a token: who asks, and what the database says of each repository that is asked for.

Raw, because a queryset built and run costs four times the statement. The same text runs on SQLite and PostgreSQL. It
reads; what follows from it is decided in `repositories.access`.
"""

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.db import connection
from django.utils import timezone

from portal.accounts.actor import ANONYMOUS, Actor, Credential, CredentialKind, actor_for_robot
from portal.accounts.credentials import access_token_credential
from portal.accounts.models import Namespace, OrganizationAccessToken
from portal.kit.raw_sql import fetch_all
from portal.kit.secrets import hash_token
from repositories.access import Creating, Place, creating_columns, creating_of, role_sql

NOTHING = Creating()


@dataclass(frozen=True, slots=True)
class Row:
    """What is known of one name. `full_role` is before what caps the actor; `visibility` is empty when there is no row,
    and only then `creating` says something.
    """

    full_role: int = 0
    visibility: str = ""
    creating: Creating = NOTHING
    is_archived: bool = False
    in_namespace: bool = False
    """Whether there is at least the namespace. Not read for nobody."""


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
_PERSON_COLUMNS = 12
_USABLE = "t.is_active AND (t.expires_at IS NULL OR t.expires_at > %s)"
# How each credential finds its person, and the columns it adds: key, label, level and limits of an access token, key
# and stamp of a refresh token.
_BY_ACCESS_TOKEN = (
    "t.id, t.label, t.level, t.limits, NULL, ''",
    "accounts_personalaccesstoken t JOIN accounts_user u ON u.id = t.user_id",
    f"t.hash = %s AND {_USABLE} AND u.is_active AND (u.username = %s OR LOWER(u.email) = %s)",
)
_BY_NAME = ("NULL, '', '', NULL, NULL, ''", "accounts_user u", "u.username = %s AND u.is_active")
_BY_EMAIL = (
    "NULL, '', '', NULL, NULL, ''",
    "account_emailaddress m JOIN accounts_user u ON u.id = m.user_id",
    "m.email = %s AND m.verified AND u.is_active",
)
_BY_REFRESH_TOKEN = (
    "t.id, t.label, t.level, t.limits, f.id, f.password_stamp",
    """accounts_refreshtoken f JOIN accounts_user u ON u.id = f.user_id
    LEFT JOIN accounts_personalaccesstoken t ON t.id = f.access_token_id""",
    f"f.hash = %s AND f.service = %s AND u.is_active AND (f.access_token_id IS NULL OR ({_USABLE}))",
)
_ROBOT = "t.id, t.public_id, t.label, t.limits, o.name"
_ROBOT_COLUMNS = 5
_BY_ORGANIZATION_TOKEN = (
    "accounts_organizationaccesstoken t JOIN accounts_namespace o ON o.id = t.namespace_id",
    f"(t.hash = %s OR (t.old_hash = %s AND t.old_hash_until > %s)) AND {_USABLE} AND o.name = %s",
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


def find_by_organization_token(login: str, secret: str, names: Sequence[str]) -> Found | None:
    """A robot, by its secret or, for a while after a rotation, the one before; `login` is its organization's name."""
    now, hashed = _now(), hash_token(secret)
    parameters = [hashed, hashed, now, now, login.lower()]
    source, condition = _BY_ORGANIZATION_TOKEN
    rows = fetch_all(_statement(_ROBOT, source, condition, "t.id", len(names)), [*_asked(names, []), *parameters])
    if not rows:
        return None
    pk, public_id, label, limits, organization = rows[0][:_ROBOT_COLUMNS]
    token = OrganizationAccessToken(pk=pk, label=label, limits=_json(limits), namespace=Namespace(name=organization))
    token.public_id = uuid.UUID(str(public_id))
    return Found(actor_for_robot(token), _rows(rows, _ROBOT_COLUMNS, names))


def find_by_login(login: str, names: Sequence[str]) -> Found | None:
    """The person of a user name or a confirmed address, with the stored password, which the caller compares."""
    source = _BY_EMAIL if "@" in login else _BY_NAME  # an OR of the two would read the whole table
    return _find(source, [login.lower()], names)


def find_by_refresh_token(secret: str, service: str, names: Sequence[str]) -> Found | None:
    """The person whom a refresh token stands for; the caller compares the stamp when a password made it."""
    return _find(_BY_REFRESH_TOKEN, [hash_token(secret), service, _now()], names)


def _find(how: tuple[str, str, str], parameters: list[Any], names: Sequence[str]) -> Found | None:
    columns, source, condition = how
    statement = _statement(f"{_PERSON}, {columns}", source, condition, "u.id", len(names))
    rows = fetch_all(statement, [*_asked(names, [_now()] * 2), *parameters])
    if not rows:
        return None
    user_id, public_id, username, is_superuser, password, confirmed = rows[0][:6]
    token_id, label, level, limits, refresh_id, stamp = rows[0][6:12]
    credential = Credential(kind=CredentialKind.PASSWORD)
    if token_id is not None:
        credential = access_token_credential(token_id, label, level, _json(limits))
    actor = Actor(
        user_id=user_id,
        public_id=public_id,
        name=username,
        confirmed=bool(confirmed),
        is_operator=bool(is_superuser),
        credential=credential,
    )
    return Found(actor, _rows(rows, _PERSON_COLUMNS, names), password=password, refresh_id=refresh_id, stamp=stamp)


def _asked(names: Sequence[str], times: list[Any]) -> list[Any]:
    """The parameters before those of the credential: the times of the role and of creating, and the names."""
    parts = [part for name in names for part in (name, *name.partition("/")[::2])]
    return [*times, *parts] if names else []


def _rows(rows: list[Any], start: int, names: Sequence[str]) -> dict[str, Row]:
    """By name, from the columns that `_statement` adds. Nothing is read of creating where the repository exists."""
    if not names:
        return {}
    found = {}
    for row in rows:
        name, role, visibility, is_archived, create_on_push, *creating = row[start:]
        new = NOTHING if visibility or not create_on_push else creating_of(tuple(creating), create_on_push)
        in_namespace = create_on_push is not None
        found[name] = Row(role, visibility or "", new, is_archived=bool(is_archived), in_namespace=in_namespace)
    return found


def _json(stored: Any) -> Any:
    """SQLite gives text; what PostgreSQL gives depends on who set up the connection."""
    return json.loads(stored) if isinstance(stored, str) else stored


@cache
def _statement(columns: str, source: str, condition: str, who: str, count: int) -> str:
    """For `count` names: one row each, also for those that don't exist; one row without names. `count` is bounded.

    `who` is the key of a user (`u.id`) or of a robot.
    """
    if not count:
        return f"SELECT {columns} FROM {source} WHERE {condition}"  # noqa: S608  our own texts
    user, robot = (who, "NULL") if who == "u.id" else ("NULL", who)
    asked = " UNION ALL ".join(["SELECT %s AS name, %s AS namespace, %s AS part"] * count)
    role = role_sql(Place.row("r"), user=who if robot == "NULL" else "", robot=who if user == "NULL" else "")
    return f"""
        SELECT {columns}, a.name, {role}, r.visibility, r.archived_at IS NOT NULL, n.create_on_push,
            {creating_columns("n.id", "a.part", user=user, robot=robot, when="r.id IS NULL")}
        FROM {source}
        CROSS JOIN ({asked}) a
        LEFT JOIN repositories_repository r ON r.full_name = a.name
        LEFT JOIN accounts_namespace n ON n.name = a.namespace
        WHERE {condition}
    """  # noqa: S608  likewise


@cache
def _statement_for_nobody(count: int) -> str:
    role = role_sql(Place.row("r"))
    marks = ", ".join(["%s"] * count)
    return f"SELECT r.full_name, r.visibility, {role} FROM repositories_repository r WHERE r.full_name IN ({marks})"  # noqa: S608  likewise


def _now() -> Any:
    return connection.ops.adapt_datetimefield_value(timezone.now())
