"""What a request of the framework tells of who sent it."""

from django.http import HttpRequest
from rest_framework.request import Request

from portal.accounts.actor import Actor
from portal.accounts.middleware import client_address, client_name


def plain(request: Request) -> HttpRequest:
    """Django's request behind it; the framework offers no public way there."""
    return request._request  # noqa: SLF001


def address_of(request: Request) -> str:
    return client_address(plain(request))


def seen(actor: Actor, request: Request) -> Actor:
    """The actor, with the address and the client that the request came from."""
    return actor.seen_from(address=address_of(request), client=client_name(plain(request)))
