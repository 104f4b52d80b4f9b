"""A namespace whose user or organization is gone is a held name: its webhooks go, or a later owner's events would reach
their receivers.

By signal, which our own logic else has none of: an organization is deleted in a room below this one, a person on the
operators' pages of the framework.
"""

from typing import Any

from django.db.models.signals import post_delete

from orgs.models import Organization
from portal.accounts.models import Namespace, User
from repositories.webhooks.models import Webhook


def connect() -> None:
    """Called once, when the app is ready."""
    for owner in (Organization, User):
        post_delete.connect(_forget, sender=owner, dispatch_uid=f"repositories.webhooks.forget.{owner.__name__}")


def _forget(*, instance: Organization | User, **_more: Any) -> None:
    """In the transaction of the deletion. Whoever creates one at this moment holds the namespace, or waits, and then
    finds it without an owner.
    """
    list(Namespace.objects.select_for_update(no_key=True).filter(pk=instance.namespace_id).values_list("pk"))
    Webhook.objects.filter(namespace=instance.namespace_id).delete()
