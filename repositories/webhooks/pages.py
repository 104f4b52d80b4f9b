"""What all pages of webhooks share, of a repository and of a namespace: the frame around them, and their addresses."""

from typing import Any

from django.urls import reverse
from django.utils import timezone

from orgs import pages as organizations
from orgs.access import OrgPermission, fetch_organization
from portal.accounts.http import PortalRequest
from repositories import pages as repositories
from repositories.models import Repository
from repositories.webhooks.access import Place, place_of
from repositories.webhooks.models import Webhook

SECTION = "webhooks"
"""In the navigation of a person's settings, where the webhooks of their namespace are."""


def address(place: Place, page: str, *args: object) -> str:
    """`address(place, "webhook_edit", 7)` is the page `repository_webhook_edit`, or `namespace_webhook_edit`."""
    if isinstance(place, Repository):
        return reverse(f"repository_{page}", args=[place.namespace_name, place.name, *args])
    return reverse(f"namespace_{page}", args=[place.name, *args])


def frame(request: PortalRequest, place: Place) -> dict[str, Any]:
    """The context that the template `frame_template` wants, for `{% extends frame_template %}`. One query.

    All frames have the blocks `page_title`, `styles` and `page`.
    """
    if isinstance(place, Repository):
        around = repositories.frame(request, place, "repository_webhooks")
        template = "repositories/frame.html"
    elif repositories.organization_of(place) is not None:
        organization = fetch_organization(request.actor, place.name, OrgPermission.WEBHOOKS)
        around = organizations.frame(request, organization, "namespace_webhooks")
        template = "orgs/frame.html"
    else:
        around, template = {"section": SECTION}, "webhooks/frame_person.html"
    return around | {"frame_template": template, "place": place, "is_namespace": not isinstance(place, Repository)}


def webhook_frame(request: PortalRequest, webhook: Webhook) -> dict[str, Any]:
    until = webhook.old_secret_until
    overlap = until if until is not None and until > timezone.now() else None
    return frame(request, place_of(webhook)) | {"webhook": webhook, "two_secrets_until": overlap}
