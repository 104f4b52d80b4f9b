"""What every page's template may read."""

from typing import Any

from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest

from portal.accounts.actor import ANONYMOUS, Actor


def portal(request: HttpRequest) -> dict[str, Any]:
    """`registry_host` for commands to copy, `actor`, and `email_unconfirmed`.

    Costs no query for anonymous visitors, and the actor's one for everybody else (made once per request).
    """
    actor: Actor = getattr(request, "actor", ANONYMOUS)
    return {
        "actor": actor,
        "registry_host": _host(request),
        "email_unconfirmed": not actor.is_anonymous and not actor.confirmed,
        "signup": settings.SIGNUP,
        "version": settings.VERSION,
    }


def _host(request: HttpRequest) -> str:
    """The address that the visitor used, so that a command copied from localhost works on localhost."""
    try:
        return request.get_host()
    except DisallowedHost:
        return str(settings.REGISTRY_HOST)
