"""Puts the actor on the request of a page."""

from collections.abc import Callable

from allauth.account.models import EmailAddress
from django.http import HttpRequest, HttpResponseBase
from django.utils.functional import SimpleLazyObject

from portal.accounts.actor import ANONYMOUS, Actor, Credential, CredentialKind, actor_for
from portal.accounts.last_use import note_actor
from portal.accounts.models import User


def client_address(request: HttpRequest) -> str:
    """The client's address as the door saw it. The door drops what the client itself claims."""
    forwarded = str(request.META.get("HTTP_X_FORWARDED_FOR", ""))
    return (forwarded.rsplit(",", 1)[-1].strip() or str(request.META.get("REMOTE_ADDR", "")))[:45]


def client_name(request: HttpRequest) -> str:
    return str(request.META.get("HTTP_USER_AGENT", ""))[:256]


def actor_of(request: HttpRequest) -> Actor:
    """The actor of a browser's session. One query for a signed-in user."""
    user = getattr(request, "user", None)
    actor = ANONYMOUS
    if isinstance(user, User) or (user is not None and user.is_authenticated):
        confirmed = EmailAddress.objects.filter(user=user.pk, verified=True).exists()
        actor = actor_for(user, confirmed=confirmed, credential=Credential(kind=CredentialKind.SESSION))
    actor = actor.seen_from(address=client_address(request), client=client_name(request))
    if actor.user_id is not None:
        note_actor(actor)
    return actor


class ActorMiddleware:
    """`request.actor`, made when it is first asked for."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        request.actor = SimpleLazyObject(lambda: actor_of(request))  # type: ignore[attr-defined]
        return self.get_response(request)
