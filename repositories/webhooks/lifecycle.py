"""How webhooks go, and that a namespace's go with its user or organization: what is left is a held name, and a later
owner's events would reach their receivers.

By signal, which our own logic else has none of: an organization is deleted in a room below this one, a person on the
operators' pages of the framework.
"""

from typing import Any

from django.db.models import QuerySet
from django.db.models.signals import post_delete

from orgs.models import Organization
from portal.accounts.models import Namespace, User
from repositories.models import Repository
from repositories.webhooks.models import Attempt, BuildStatus, Delivery, Webhook


def connect() -> None:
    """Called once, when the app is ready."""
    for owner in (Organization, User):
        post_delete.connect(_forget, sender=owner, dispatch_uid=f"repositories.webhooks.forget.{owner.__name__}")


def _forget(*, instance: Organization | User, **_more: Any) -> None:
    """In the transaction of the deletion. Whoever creates one at this moment holds the namespace, or waits, and then
    finds it without an owner.
    """
    list(Namespace.objects.select_for_update(no_key=True).filter(pk=instance.namespace_id).values_list("pk"))
    delete_webhooks(Webhook.objects.filter(namespace=instance.namespace_id))


def forget_repository(repository: Repository) -> None:
    """Named in `settings.REPOSITORY_REMOVED`: its webhooks, and what receivers told of its tags. Six statements."""
    delete_webhooks(Webhook.objects.filter(repository=repository))
    BuildStatus.objects.filter(repository=repository).delete()


def delete_webhooks(rows: QuerySet[Webhook]) -> None:
    """With their deliveries and attempts: four statements, however long the logs are. Inside a transaction.

    The framework's own cascade reads every delivery first (5 s for 20,000 rather than 0.2 s, in which SQLite lets
    nobody else write); what only a delivery of the same webhook refers to needs none.
    """
    pks = list(rows.values_list("pk", flat=True))
    Attempt.objects.filter(delivery__webhook__in=pks).delete()
    log = Delivery.objects.filter(webhook__in=pks)
    log._raw_delete(log.db)  # noqa: SLF001  there is no public way past the cascade
    rows.filter(pk__in=pks).delete()
