"""Who calls the API: a bearer token, an access token itself, or a browser's session."""

from django.utils.translation import gettext_lazy as _
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.request import Request

from portal.accounts.actor import Actor
from portal.accounts.api import tokens
from portal.accounts.api.caller import plain, seen
from portal.accounts.credentials import authenticate_access_token
from portal.accounts.last_use import note_use
from portal.accounts.middleware import actor_of
from portal.accounts.models import PersonalAccessToken, User
from portal.kit.errors import Unauthorized

SCHEMES = frozenset({"bearer", "jwt"})
"""Docker Hub's clients write both `Bearer x` and `JWT x`."""


class BearerAuthentication(BaseAuthentication):
    """`Authorization: Bearer …` or `JWT …`, with a token of ours or with an access token.

    A wrong one is refused, also where nobody would be welcome: a pipeline must learn that its token has died.
    """

    def authenticate(self, request: Request) -> tuple[User, Actor] | None:
        scheme, _space, token = request.headers.get("Authorization", "").partition(" ")
        token = token.strip()
        if scheme.lower() not in SCHEMES:
            return None
        if not token or not token.isascii():
            raise Unauthorized(_("The token is not valid."))
        user, actor = _authenticate_access_token(token) if _is_access_token(token) else tokens.authenticate(token)
        note_use(access_token_id=actor.credential.id)
        return user, seen(actor, request)

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="moorage-api"'


def _is_access_token(token: str) -> bool:
    return token.startswith(PersonalAccessToken.PREFIX)


def _authenticate_access_token(token: str) -> tuple[User, Actor]:
    try:
        actor = authenticate_access_token(token)
    except Unauthorized as error:
        raise Unauthorized(_("The access token is not valid.")) from error
    return User.objects.get(public_id=actor.public_id), actor


class BrowserAuthentication(SessionAuthentication):
    """The session of a signed-in browser, with Django's CSRF check for whatever writes."""

    def authenticate(self, request: Request) -> tuple[User, Actor] | None:
        found = super().authenticate(request)
        if found is None or not isinstance(found[0], User):
            return None
        return found[0], actor_of(plain(request))
