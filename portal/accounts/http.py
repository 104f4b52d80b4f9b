"""The request of our pages, which carries an actor."""

from typing import TYPE_CHECKING

from django.http import HttpRequest

from portal.accounts.actor import Actor


class PortalRequest(HttpRequest):
    """For annotations: what a view gets behind ActorMiddleware and HtmxMiddleware."""

    if TYPE_CHECKING:
        from django_htmx.middleware import HtmxDetails  # noqa: PLC0415  for annotations only

        actor: Actor
        htmx: HtmxDetails
