"""What stands behind `Authorization: Bearer`: an access token, or a JWT that names a user and how they signed in.

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
from django.db.models import Exists, OuterRef
from django.utils.translation import gettext_lazy as _

from portal.accounts.actor import Actor, Credential, CredentialKind, actor_for
from portal.accounts.credentials import access_token_credential, authenticate_access_token, password_stamp
from portal.accounts.models import PersonalAccessToken, User
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


def issue(actor: Actor, *, lifetime: timedelta) -> str:
    """A bearer token for an actor that a password or an access token just proved. One query with a password."""
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
    else:
        claims["stamp"] = password_stamp(User.objects.get(public_id=actor.public_id))
    return jwt.encode(claims, _key(settings.SECRET_KEY), algorithm=ALGORITHM)


def authenticate(token: str) -> tuple[User, Actor]:
    """The user and actor of a bearer token, as they are now. One query, two with an access token itself.

    Raises Unauthorized when the token is not ours, was changed or has expired, when the password was changed since, and
    when the access token or the account was switched off or deleted.
    """
    if token.startswith(PersonalAccessToken.PREFIX):
        return _by_secret(token)
    claims = _decode(token)
    found = _by_access_token(claims) if "pat" in claims else _by_password(claims)
    if found is None:
        raise Unauthorized(_("The token is not valid any more. Sign in again."))
    return found


def _by_secret(secret: str) -> tuple[User, Actor]:
    try:
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


def _by_access_token(claims: dict[str, Any]) -> tuple[User, Actor] | None:
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
    credential = access_token_credential(token.pk, token.label, token.level)
    return token.user, actor_for(token.user, confirmed=token.confirmed, credential=credential)  # type: ignore[attr-defined]  # annotated


def _by_password(claims: dict[str, Any]) -> tuple[User, Actor] | None:
    user = User.objects.with_confirmed().filter(public_id=claims["sub"], is_active=True).first()
    if user is None or not secrets.same(str(claims.get("stamp", "")), password_stamp(user)):
        return None
    credential = Credential(kind=CredentialKind.PASSWORD)
    return user, actor_for(user, confirmed=user.confirmed, credential=credential)  # type: ignore[attr-defined]  # annotated
