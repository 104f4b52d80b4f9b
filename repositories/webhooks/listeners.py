"""Which webhooks a tag's push, roll back, restore or copy fires: named in `settings.TAG_LISTENERS`."""

from collections.abc import Sequence

from portal.accounts.actor import Actor
from repositories.access import Permission, decide
from repositories.models import Repository
from repositories.webhooks.models import Webhook


def heard_by(actor: Actor, repository: Repository) -> Sequence[str] | None:
    """Their names, the oldest first; None for who may not see webhooks. One query at most.

    For a repository that access has let through.
    """
    if not decide(actor, Permission.WEBHOOKS, repository).allowed:
        return None
    rows = Webhook.objects.filter(repository=repository, is_active=True).order_by("id")
    return list(rows.values_list("name", flat=True))
