"""Which webhooks a tag's push, roll back, restore or copy fires: named in `settings.TAG_LISTENERS`."""

from collections.abc import Sequence

from django.db.models import Q
from django.utils.translation import gettext as _

from portal.accounts.actor import Actor
from portal.kit import patterns
from repositories import tag_rules
from repositories.access import Permission, decide
from repositories.models import Repository
from repositories.webhooks.access import may_manage
from repositories.webhooks.models import Webhook


def heard_by(actor: Actor, repository: Repository, tag: str, event: str) -> Sequence[str] | None:
    """Their names, the oldest first, then the namespace's; None for who may not see webhooks.

    Whoever manages one repository need not see those of all: then one line says that there are some. One query, three
    where the namespace's hear of it. `event` is an event type's name: `push`, `tag.restore`. For a repository that
    access has let through.
    """
    if not decide(actor, Permission.WEBHOOKS, repository).allowed:
        return None
    of_place = Q(repository=repository) | Q(namespace=repository.namespace_id)
    rows = Webhook.objects.filter(of_place, is_active=True).order_by("id")
    heard = [hook for hook in rows if _hears(hook, repository, tag, event)]
    own = [hook.name for hook in heard if hook.repository_id is not None]
    broad = [hook.name for hook in heard if hook.repository_id is None]
    if broad and not may_manage(actor, repository.namespace):
        broad = [_("webhooks of %(name)s") % {"name": repository.namespace_name}]
    return own + broad


def _hears(hook: Webhook, repository: Repository, tag: str, event: str) -> bool:
    if event not in hook.events or not patterns.matches(hook.repository_pattern, repository.name):
        return False
    return not hook.tag_patterns or tag_rules.first_match(hook.tag_patterns, tag) is not None
