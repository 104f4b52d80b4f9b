"""Who may see and change a repository's webhooks: whoever has `repository:webhooks` on it. The rule itself is there."""

from django.db.models import OuterRef, Prefetch, QuerySet, Subquery
from django.utils.translation import gettext_lazy as _

from portal.accounts.actor import Actor
from portal.kit.errors import NotFound
from repositories.access import Permission, fetch_repository, require
from repositories.models import Repository
from repositories.webhooks.models import Attempt, Delivery, Webhook


def visible_webhooks(actor: Actor, repository: Repository) -> QuerySet[Webhook]:
    """The repository's webhooks, oldest first. One query now, one when evaluated. Raises NotFound or Forbidden."""
    row = require(actor, Permission.WEBHOOKS, repository)
    return Webhook.objects.filter(repository=row).order_by("id")


def fetch_webhook(actor: Actor, namespace: str, name: str, webhook_id: int) -> Webhook:
    """One webhook of the repository `namespace/name`, with `repository`. Two queries. Raises NotFound or Forbidden."""
    repository = fetch_repository(actor, namespace, name, Permission.WEBHOOKS)
    webhook = Webhook.objects.filter(repository=repository, pk=webhook_id).first()
    if webhook is None:
        raise NotFound(_("There is no such webhook."))
    webhook.repository = repository
    return webhook


def visible_deliveries(actor: Actor, repository: Repository, *, webhook: Webhook | None = None) -> QuerySet[Delivery]:
    """Deliveries for lists, of all the repository's webhooks or of one: for `keyset(rows, by="-id")`.

    Each with `webhook`, and with what its last attempt told: `last_status`, `last_error`, `last_duration_ms` (None
    without an attempt). The body is left out. One query now, one when evaluated. Raises NotFound or Forbidden.
    """
    row = require(actor, Permission.WEBHOOKS, repository)
    rows = Delivery.objects.filter(webhook__repository=row)
    if webhook is not None:
        rows = rows.filter(webhook=webhook)
    last = Attempt.objects.filter(delivery=OuterRef("pk")).order_by("-number")
    told = {f"last_{name}": Subquery(last.values(name)[:1]) for name in ("status", "error", "duration_ms")}
    return rows.select_related("webhook").defer("body").annotate(**told).order_by("-id")


def fetch_delivery(actor: Actor, namespace: str, name: str, public_id: str) -> Delivery:
    """One delivery with `webhook`, `webhook.repository` and its attempts (`attempts.all()`, in order). Three queries.

    `body` holds the bytes that are sent: `bytes(delivery.body).decode()`. Raises NotFound or Forbidden.
    """
    repository = fetch_repository(actor, namespace, name, Permission.WEBHOOKS)
    delivery = (
        Delivery.objects.filter(webhook__repository=repository, public_id=public_id)
        .select_related("webhook")
        .prefetch_related(Prefetch("attempts", queryset=Attempt.objects.order_by("number")))
        .first()
    )
    if delivery is None:
        raise NotFound(_("There is no such delivery."))
    delivery.webhook.repository = repository
    return delivery
