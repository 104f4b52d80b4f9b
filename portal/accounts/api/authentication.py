"""Who calls the API: a bearer token, an access token itself, or a browser's session."""

from django.contrib.auth.models import AnonymousUser
from django.utils.translation import gettext_lazy as _
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.request import Request

from portal.accounts import bearer
from portal.accounts.actor import Actor
from portal.accounts.api.caller import plain, seen
from portal.accounts.last_use import note_actor
from portal.accounts.middleware import actor_of
from portal.accounts.models import User
from portal.kit.errors import Unauthorized

SCHEMES = frozenset({"bearer", "jwt"})
"""Docker Hub's clients write both `Bearer x` and `JWT x`."""


class BearerAuthentication(BaseAuthentication):
    """`Authorization: Bearer …` or `JWT …`, with a token of ours or with an access token.

    A wrong one is refused, also where nobody would be welcome: a pipeline must learn that its token has died.
    """

    def authenticate(self, request: Request) -> tuple[User | AnonymousUser, Actor] | None:
        scheme, _space, token = request.headers.get("Authorization", "").partition(" ")
        token = token.strip()
        if scheme.lower() not in SCHEMES:
            return None
        if not token or not token.isascii():
            raise Unauthorized(_("The token is not valid."))
        user, actor = bearer.authenticate(token)
        actor = seen(actor, request)
        note_actor(actor)
        return user, actor

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="moorage-api"'


class BrowserAuthentication(SessionAuthentication):
    """The session of a signed-in browser, with Django's CSRF check for whatever writes."""

    def authenticate(self, request: Request) -> tuple[User, Actor] | None:
        found = super().authenticate(request)
        if found is None or not isinstance(found[0], User):
            return None
        return found[0], actor_of(plain(request))
