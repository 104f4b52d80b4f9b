"""Verifies registry tokens that clients bring: what the gateway, the catalog and the explanation of a refusal trust."""

from dataclasses import dataclass

import jwt
from allauth.account.models import EmailAddress
from django.conf import settings
from django.db.models import Exists, OuterRef
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from portal.accounts.actor import ANONYMOUS, Actor, Credential, CredentialKind, actor_for, actor_for_robot
from portal.accounts.credentials import access_token_credential
from portal.accounts.models import OrganizationAccessToken, PersonalAccessToken, User
from portal.kit.errors import Unauthorized
from repositories.registry.signing import ALGORITHM, CREDENTIAL_CLAIM, Access, public_key

LEEWAY = 60
"""Seconds, as the registry allows."""


class InvalidToken(Unauthorized):
    """No registry token of ours, or one whose time is over."""

    default = _("The registry token is not valid, or no longer.")


@dataclass(frozen=True, slots=True)
class Verified:
    """`subject` is an actor's public id, empty for nobody. `credential` is what `credential_claim` wrote."""

    subject: str
    access: tuple[Access, ...]
    credential: str = ""

    def may(self, repository: str, *actions: str) -> bool:
        """Whether the token grants all the actions (pull, push, delete) on the repository."""
        granted = {action for entry in self.access if _is(entry, repository) for action in entry.actions}
        return granted.issuperset(actions)


def _is(entry: Access, repository: str) -> bool:
    return entry.type == "repository" and entry.name == repository


def verify(token: str) -> Verified:
    """Signature, issuer, audience and times, as the registry checks them. No query. Raises InvalidToken."""
    try:
        claims = jwt.decode(
            token,
            public_key(),
            algorithms=[ALGORITHM],
            audience=settings.REGISTRY_SERVICE,
            issuer=settings.TOKEN_ISSUER,
            leeway=LEEWAY,
            options={"require": ["exp", "nbf", "iss", "aud", "sub"]},
        )
        access = tuple(
            Access(str(entry["name"]), tuple(str(action) for action in entry["actions"]), str(entry["type"]))
            for entry in claims.get("access", [])
        )
    except (jwt.InvalidTokenError, KeyError, TypeError, ValueError) as error:
        raise InvalidToken from error
    return Verified(subject=claims["sub"], access=access, credential=str(claims.get(CREDENTIAL_CLAIM, "")))


def bearer(request: HttpRequest) -> Verified | None:
    """The registry token in the Authorization header; None without one. Raises InvalidToken."""
    scheme, _space, token = str(request.META.get("HTTP_AUTHORIZATION", "")).partition(" ")
    if scheme.lower() != "bearer":
        return None
    return verify(token.strip())


def credential_claim(credential: Credential) -> str:
    """What a token says of the credential that got it, for `actor_of`. Kind and row, never a secret."""
    if credential.is_token:
        return f"{credential.kind.name}:{credential.id}"
    return credential.kind.name


def actor_of(verified: Verified) -> Actor:
    """Who the token was made for, as they are now. One query; none for nobody.

    Raises InvalidToken when the person, or the access token that got it, is gone or switched off: so what needs the
    actor ends at once, although the registry itself goes on taking the token until its time is over.
    """
    if not verified.subject:
        return ANONYMOUS
    kind, _colon, pk = verified.credential.partition(":")
    actor = _by_access_token(verified.subject, pk) if kind == CredentialKind.ACCESS_TOKEN.name else None
    if kind == CredentialKind.ORGANIZATION_TOKEN.name:
        actor = _by_organization_token(verified.subject, pk)
    if kind == CredentialKind.PASSWORD.name:
        actor = _by_password(verified.subject)
    if actor is None:
        raise InvalidToken
    return actor


def _by_password(subject: str) -> Actor | None:
    user = User.objects.with_confirmed().filter(public_id=subject, is_active=True).first()
    if user is None:
        return None
    confirmed: bool = user.confirmed  # type: ignore[attr-defined]  # annotated
    return actor_for(user, confirmed=confirmed, credential=Credential(kind=CredentialKind.PASSWORD))


def _by_access_token(subject: str, pk: str) -> Actor | None:
    token = (
        PersonalAccessToken.objects.usable()
        .filter(pk=int(pk), user__public_id=subject, user__is_active=True)
        .select_related("user")
        .annotate(confirmed=Exists(EmailAddress.objects.filter(user=OuterRef("user"), verified=True)))
        .first()
    )
    if token is None:
        return None
    confirmed: bool = token.confirmed  # type: ignore[attr-defined]  # annotated
    return actor_for(
        token.user,
        confirmed=confirmed,
        credential=access_token_credential(token.pk, token.label, token.level, token.limits),
    )


def _by_organization_token(subject: str, pk: str) -> Actor | None:
    rows = OrganizationAccessToken.objects.usable().select_related("namespace")
    token = rows.filter(pk=int(pk), public_id=subject).first()
    return None if token is None else actor_for_robot(token)
