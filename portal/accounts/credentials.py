"""From a name and a secret to an actor: what the API's sign-in, `docker login` and refresh tokens share.

A password that was right once is remembered in process memory as an HMAC under a random key of the process, so that
argon2 is paid once per process and password; the entry names the stored hash, so a changed password drops it.
"""

import hmac
import os
from collections import OrderedDict
from collections.abc import Sequence
from threading import Lock
from typing import Any

from allauth.account.models import EmailAddress
from django.contrib.auth.hashers import check_password, make_password
from django.db.models import Exists, OuterRef

from portal.accounts.actor import Actor, Credential, CredentialKind, actor_for, actor_for_robot, limits_of
from portal.accounts.models import OrganizationAccessToken, PersonalAccessToken, TokenLevel, User
from portal.kit import secrets
from portal.kit.errors import Unauthorized

TOKEN_PREFIXES = (PersonalAccessToken.PREFIX, OrganizationAccessToken.PREFIX)
_PROCESS_KEY = os.urandom(32)
_REMEMBERED_MAX = 10_000
_remembered: OrderedDict[bytes, None] = OrderedDict()
_lock = Lock()


def authenticate(login: str, secret: str) -> Actor:
    """The actor of a user name (or e-mail address) and a password or access token, or of an organization's name and
    its access token.

    One query, and argon2 the first time this process sees a password. Raises Unauthorized, with the same sentence for
    an unknown name, a wrong secret, and an account, a token or a password that is switched off.
    """
    if secret.startswith(OrganizationAccessToken.PREFIX):
        return authenticate_robot(secret, login=login)
    if secret.startswith(PersonalAccessToken.PREFIX):
        return authenticate_access_token(secret, login=login)
    user = _person(login.lower())
    if user is None:
        make_password(secret)  # as much work as for a name that exists, so that time tells nothing
        raise Unauthorized
    if not password_matches(secret, user.password):
        raise Unauthorized
    credential = Credential(kind=CredentialKind.PASSWORD)
    return actor_for(user, confirmed=user.confirmed, credential=credential)  # type: ignore[attr-defined]  # annotated


def _person(login: str) -> User | None:
    """By name, or by a confirmed address. Never both in one condition: an OR of the two would read the whole table."""
    if "\0" in login:
        return None  # no name holds it, and PostgreSQL takes it for an error
    people = User.objects.with_confirmed().filter(is_active=True)
    if "@" not in login:
        return people.filter(username=login).first()
    owners = EmailAddress.objects.filter(email=login, verified=True).values("user")
    return people.filter(pk__in=owners).first()


def authenticate_access_token(secret: str, *, login: str | None = None) -> Actor:
    """The actor of an access token; `login`, when given, must be its owner's. One query. Raises Unauthorized."""
    token = (
        PersonalAccessToken.objects.usable()
        .filter(hash=secrets.hash_token(secret), user__is_active=True)
        .select_related("user")
        .annotate(confirmed=Exists(EmailAddress.objects.filter(user=OuterRef("user"), verified=True)))
        .first()
    )
    if token is None or (login is not None and login.lower() not in {token.user.username, token.user.email.lower()}):
        raise Unauthorized
    return token_owner(token)


def token_owner(token: PersonalAccessToken) -> Actor:
    """The actor of a token that came with its `user`, and with `confirmed`."""
    credential = access_token_credential(token.pk, token.label, token.level, token.limits)
    return actor_for(token.user, confirmed=token.confirmed, credential=credential)  # type: ignore[attr-defined]  # annotated


def authenticate_robot(secret: str, *, login: str | None = None) -> Actor:
    """The actor of an organization access token; `login`, when given, must be the organization's name.

    After a rotation the secret before is taken for as long as its owner chose. One query. Raises Unauthorized.
    """
    tokens = OrganizationAccessToken.objects.usable().with_secret(secrets.hash_token(secret))
    token = tokens.select_related("namespace").first()
    if token is None or (login is not None and login.lower() != token.namespace.name):
        raise Unauthorized
    return actor_for_robot(token)


def access_token_credential(pk: int, label: str, level: str, limits: Sequence[Any] | None = None) -> Credential:
    """`limits` as they are stored."""
    kind = CredentialKind.ACCESS_TOKEN
    return Credential(kind=kind, id=pk, label=label, level=TokenLevel(level), limits=limits_of(limits))


def password_matches(password: str, encoded: str) -> bool:
    """Compare with the stored hash: argon2 (19 ms) at first, an HMAC after that. Wrong ones are not remembered."""
    if remembers(password, encoded):
        return True
    if not check_password(password, encoded):
        return False
    with _lock:
        _remembered[_mark(password, encoded)] = None
        while len(_remembered) > _REMEMBERED_MAX:
            _remembered.popitem(last=False)
    return True


def remembers(password: str, encoded: str) -> bool:
    """Whether this process knows already that the password is right. Costs microseconds; no says nothing."""
    key = _mark(password, encoded)
    with _lock:
        if key not in _remembered:
            return False
        _remembered.move_to_end(key)
        return True


def _mark(password: str, encoded: str) -> bytes:
    return hmac.digest(_PROCESS_KEY, f"{encoded}\0{password}".encode(), "sha256")


def password_stamp(user: User) -> str:
    """Changes whenever the password does: what is bound to a password carries it. Tells nothing about the password."""
    return user.get_session_auth_hash()[:64]
