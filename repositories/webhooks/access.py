"""Who may see and change webhooks. Of a repository: whoever has `repository:webhooks` on it. Of a namespace: its user,
or the organization's owners. With a token: one of the level, or with the action, that webhooks need.
"""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Prefetch, QuerySet
from django.utils.translation import gettext_lazy as _

from orgs.access import OrgPermission, fetch_organization
from portal.accounts.actor import Actor
from portal.accounts.models import Namespace, TokenAction, TokenLevel
from portal.kit.errors import Forbidden, NotFound, Unauthorized
from repositories.access import Permission, fetch_repository, require
from repositories.models import Repository
from repositories.webhooks.models import Attempt, Delivery, Webhook

Place = Repository | Namespace
"""Whose webhooks: one repository's, or those of all repositories of a namespace."""
_NO_PLACE = _("There is nobody of this name whose webhooks you may see.")


def fetch_place(actor: Actor, namespace: str, name: str = "") -> Place:
    """The repository `namespace/name`, or the namespace, for an actor who may manage its webhooks. Two queries at most.

    Raises NotFound, Forbidden, Unauthorized.
    """
    if name:
        return fetch_repository(actor, namespace, name, Permission.WEBHOOKS)
    return _require_namespace(actor, _namespaces().filter(name=namespace.lower()).first())


def require_place(actor: Actor, place: Place) -> Place:
    """As it is now. Two queries at most. Raises NotFound, Forbidden, Unauthorized."""
    if isinstance(place, Repository):
        return require(actor, Permission.WEBHOOKS, place)
    return _require_namespace(actor, _namespaces().filter(pk=place.pk).first())


def _namespaces() -> QuerySet[Namespace]:
    return Namespace.objects.select_related("user", "organization")


def _require_namespace(actor: Actor, namespace: Namespace | None) -> Namespace:
    """The same 404 for a name that is nobody's, of a stranger, and of an organization one does not belong to."""
    if actor.is_anonymous:
        raise Unauthorized(_("Sign in to see webhooks."))
    if namespace is None:
        raise NotFound(_NO_PLACE)
    if getattr(namespace, "organization", None) is not None:
        if not actor.is_system:
            _require_organization(actor, namespace.name)
        return namespace
    user = getattr(namespace, "user", None)
    if user is None or (user.pk != actor.user_id and not actor.is_system):
        raise NotFound(_NO_PLACE)
    if not actor.confirmed:
        raise Forbidden(_("Confirm your e-mail address first: until then you may only look."))
    _require_credential(actor, namespace.name)
    return namespace


def _require_organization(actor: Actor, name: str) -> None:
    try:
        fetch_organization(actor, name, OrgPermission.WEBHOOKS)
    except NotFound as error:
        raise NotFound(_NO_PLACE) from error


def _require_credential(actor: Actor, name: str) -> None:
    """The person's own namespace, with a token."""
    credential = actor.credential
    if not credential.is_token:
        return
    if not any(credential.covers(path, TokenAction.WEBHOOKS) for path in (name, f"{name}/*")):
        reason = _("The access token “%(label)s” is limited, and may not manage webhooks of %(name)s.")
        raise Forbidden(reason % {"label": credential.label, "name": name})
    if credential.level != TokenLevel.ADMIN:
        reason = _("The access token “%(label)s” lacks the level “%(level)s”.")
        raise Forbidden(reason % {"label": credential.label, "level": TokenLevel.ADMIN.label})


def may_manage(actor: Actor, place: Place) -> bool:
    """Whether to offer the page. Two queries at most."""
    try:
        require_place(actor, place)
    except (NotFound, Forbidden, Unauthorized):
        return False
    return True


def place_of(webhook: Webhook) -> Place:
    place = webhook.repository or webhook.namespace
    if place is None:
        raise NotFound(_("There is no such webhook."))
    return place


def of_place(place: Place) -> QuerySet[Webhook]:
    """For a place that access has let through; each with `repository` and `namespace`."""
    rows = Webhook.objects.select_related("repository", "namespace")
    return rows.filter(repository=place) if isinstance(place, Repository) else rows.filter(namespace=place)


def visible_webhooks(actor: Actor, place: Place) -> QuerySet[Webhook]:
    """The place's webhooks, oldest first. Raises NotFound, Forbidden, Unauthorized."""
    return of_place(require_place(actor, place)).order_by("id")


def fetch_webhook(actor: Actor, namespace: str, name: str, webhook_id: int) -> Webhook:
    """One webhook of the repository `namespace/name`, or of the namespace without a name, with its place.

    Three queries at most. Raises NotFound, Forbidden, Unauthorized.
    """
    place = fetch_place(actor, namespace, name)
    webhook = of_place(place).filter(pk=webhook_id).first()
    if webhook is None:
        raise NotFound(_("There is no such webhook."))
    if isinstance(place, Repository):
        webhook.repository = place
    else:
        webhook.namespace = place
    return webhook


@dataclass(frozen=True, slots=True)
class DeliveryFilter:
    """What to leave out of a log. An empty one leaves nothing out."""

    state: str = ""
    event: str = ""
    """An event type's name."""
    since: datetime | None = None
    until: datetime | None = None
    text: str = ""
    """What the tag (or whatever it is about) or the repository's name has in it."""

    def __bool__(self) -> bool:
        return self != DeliveryFilter()


def visible_deliveries(actor: Actor, webhook: Webhook, wanted: DeliveryFilter = DeliveryFilter()) -> QuerySet[Delivery]:
    """Of one webhook, for lists: for `keyset(rows, by="-id")`, without the body. Raises NotFound or Forbidden."""
    require_place(actor, place_of(webhook))
    rows = Delivery.objects.filter(webhook=webhook).defer("body").order_by("-id")
    return filtered(rows, wanted)


def filtered(rows: QuerySet[Delivery], wanted: DeliveryFilter) -> QuerySet[Delivery]:
    if wanted.state:
        rows = rows.filter(state=wanted.state)
    if wanted.event:
        rows = rows.filter(event_type=wanted.event)
    if wanted.since:
        rows = rows.filter(created_at__gte=wanted.since)
    if wanted.until:
        rows = rows.filter(created_at__lt=wanted.until)
    if wanted.text:
        rows = rows.filter(summary__icontains=wanted.text) | rows.filter(repository_name__icontains=wanted.text)
    return rows


def fetch_delivery(actor: Actor, namespace: str, name: str, webhook_id: int, public_id: str) -> Delivery:
    """One delivery of the webhook, with `webhook`, its place and its attempts (`attempts.all()`, in order).

    `body` holds the bytes that are sent. Five queries at most. Raises NotFound, Forbidden, Unauthorized.
    """
    webhook = fetch_webhook(actor, namespace, name, webhook_id)
    attempts = Prefetch("attempts", queryset=Attempt.objects.order_by("number"))
    delivery = Delivery.objects.filter(webhook=webhook, public_id=public_id).prefetch_related(attempts).first()
    if delivery is None:
        raise NotFound(_("There is no such delivery."))
    delivery.webhook = webhook
    return delivery
