"""What stands behind `Authorization: Bearer`: an access token, or a JWT that names who signed in and how.

The JWT is signed with a key that is derived from the secret key and used for nothing else, with an algorithm and an
audience of its own: a registry token is no API token, and the other way round. Every use asks the database whether the
credential still holds, so that a changed password or a deleted access token ends it at once.
"""

import hmac
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

import jwt
from allauth.account.models import EmailAddress
from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.db.models import Exists, OuterRef
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from portal.accounts.actor import Actor, Credential, CredentialKind, actor_for, actor_for_robot
from portal.accounts.credentials import (
    TOKEN_PREFIXES,
    authenticate_access_token,
    authenticate_robot,
    password_stamp,
    token_owner,
)
from portal.accounts.models import OrganizationAccessToken, PersonalAccessToken, User
from portal.kit import secrets
from portal.kit.errors import Unauthorized

ALGORITHM = "HS256"
AUDIENCE = "moorage-api"
LIFETIME = timedelta(minutes=10)
"""Of `/v2/auth/token`, as on Docker Hub."""
LOGIN_LIFETIME = timedelta(hours=24)
"""Of `/v2/users/login`: a run of Terraform must fit in."""
_CLAIMS = ["aud", "exp", "iat", "iss", "sub"]


@lru_cache(maxsize=1)
def _key(secret_key: str) -> bytes:
    return hmac.digest(secret_key.encode(), b"moorage api bearer token, version 1", "sha256")


def issue(actor: Actor, *, secret: str, lifetime: timedelta) -> str:
    """A bearer token for an actor whom `secret` just proved. One query with a password."""
    now = datetime.now(UTC)
    claims: dict[str, Any] = {
        "iss": settings.TOKEN_ISSUER,
        "aud": AUDIENCE,
        "sub": actor.public_id,
        "iat": now,
        "exp": now + lifetime,
        "username": actor.name,
    }
    if actor.credential.kind is CredentialKind.ACCESS_TOKEN:
        claims["pat"] = actor.credential.id
    elif actor.credential.kind is CredentialKind.ORGANIZATION_TOKEN:
        claims["oat"] = actor.credential.id
        claims["stamp"] = _stamp(secrets.hash_token(secret))
    else:
        claims["stamp"] = password_stamp(User.objects.get(public_id=actor.public_id))
    return jwt.encode(claims, _key(settings.SECRET_KEY), algorithm=ALGORITHM)


def _stamp(hashed: str) -> str:
    """Of an organization token's secret: what was made with it dies with it, also when the token is rotated."""
    return secrets.hash_token(hashed)[:32]


Caller = tuple[User | AnonymousUser, Actor]
"""What Django's framework takes for the user, and our actor. A robot is no user."""


def authenticate(token: str) -> Caller:
    """The user and actor of a bearer token, as they are now. One query, two with a personal access token itself.

    Raises Unauthorized when the token is not ours, was changed or has expired, when the password was changed since, and
    when the access token or the account was switched off or deleted.
    """
    if token.startswith(TOKEN_PREFIXES):
        return _by_secret(token)
    claims = _decode(token)
    if "oat" in claims:
        found = _by_robot(claims)
    else:
        found = _by_access_token(claims) if "pat" in claims else _by_password(claims)
    if found is None:
        raise Unauthorized(_("The token is not valid any more. Sign in again."))
    return found


def _by_secret(secret: str) -> Caller:
    try:
        if secret.startswith(OrganizationAccessToken.PREFIX):
            return AnonymousUser(), authenticate_robot(secret)
        actor = authenticate_access_token(secret)
    except Unauthorized as error:
        raise Unauthorized(_("The access token is not valid.")) from error
    return User.objects.get(public_id=actor.public_id), actor


def _decode(token: str) -> dict[str, Any]:
    try:
        claims: dict[str, Any] = jwt.decode(
            token,
            _key(settings.SECRET_KEY),
            algorithms=[ALGORITHM],
            audience=AUDIENCE,
            issuer=settings.TOKEN_ISSUER,
            options={"require": _CLAIMS},
        )
    except jwt.ExpiredSignatureError as error:
        raise Unauthorized(_("The token has expired. Sign in again.")) from error
    except jwt.InvalidTokenError as error:
        raise Unauthorized(_("The token is not valid.")) from error
    return claims


def _by_access_token(claims: dict[str, Any]) -> Caller | None:
    if not isinstance(claims["pat"], int):
        return None
    token = (
        PersonalAccessToken.objects.usable()
        .filter(pk=claims["pat"], user__public_id=claims["sub"], user__is_active=True)
        .select_related("user")
        .annotate(confirmed=Exists(EmailAddress.objects.filter(user=OuterRef("user"), verified=True)))
        .first()
    )
    if token is None:
        return None
    return token.user, token_owner(token)


def _by_robot(claims: dict[str, Any]) -> Caller | None:
    if not isinstance(claims["oat"], int):
        return None
    token = OrganizationAccessToken.objects.usable().filter(pk=claims["oat"]).select_related("namespace").first()
    if token is None or token.public_id.hex != claims["sub"]:
        return None
    stamp = str(claims.get("stamp", ""))
    if not any(secrets.same(stamp, _stamp(hashed)) for hashed in token.hashes(timezone.now())):
        return None
    return AnonymousUser(), actor_for_robot(token)


def _by_password(claims: dict[str, Any]) -> Caller | None:
    user = User.objects.with_confirmed().filter(public_id=claims["sub"], is_active=True).first()
    if user is None or not secrets.same(str(claims.get("stamp", "")), password_stamp(user)):
        return None
    credential = Credential(kind=CredentialKind.PASSWORD)
    return user, actor_for(user, confirmed=user.confirmed, credential=credential)  # type: ignore[attr-defined]  # annotated
