"""What the list of webhooks shows of each, and which webhooks of the namespace hear of a repository, too."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import OuterRef, QuerySet, Subquery

from portal.accounts.actor import Actor
from portal.kit import patterns
from portal.kit.errors import Text
from repositories.models import Repository
from repositories.webhooks import catalog
from repositories.webhooks.access import may_manage
from repositories.webhooks.models import Delivery, Webhook
from repositories.webhooks.shown import icon, phrase, tone

EVENTS_SHOWN = 3


@dataclass(frozen=True, slots=True)
class ListedWebhook:
    row: Webhook
    events: list[Text]
    more_events: int
    last: Delivery | None
    """The newest one that was tried."""
    tone: str
    icon: str
    phrase: str


def listed(rows: QuerySet[Webhook]) -> list[ListedWebhook]:
    """Two queries."""
    hooks = list(rows)
    last = {each.webhook_id: each for each in _last_tried([hook.pk for hook in hooks])}
    return [_listed(hook, last.get(hook.pk)) for hook in hooks]


def _listed(hook: Webhook, last: Delivery | None) -> ListedWebhook:
    labels = event_labels(hook)
    return ListedWebhook(
        row=hook,
        events=labels[:EVENTS_SHOWN],
        more_events=len(labels[EVENTS_SHOWN:]),
        last=last,
        tone=tone(last.state) if last else "",
        icon=icon(last.state) if last else "",
        phrase=phrase(last.last_status) if last else "",
    )


def event_labels(hook: Webhook) -> list[Text]:
    known = catalog.by_name()
    return [known[name].label if name in known else str(name) for name in hook.events]


def _last_tried(pks: Sequence[int]) -> QuerySet[Delivery]:
    tried = Delivery.objects.filter(webhook=OuterRef("pk"), attempt_count__gt=0).order_by("-id")
    newest = Webhook.objects.filter(pk__in=pks).annotate(newest=Subquery(tried.values("pk")[:1])).values("newest")
    return Delivery.objects.filter(pk__in=newest).defer("body")


@dataclass(frozen=True, slots=True)
class FromNamespace:
    """Webhooks of the namespace that hear of the repository, too; nothing but their number for who may not manage
    them.
    """

    count: int
    hooks: list[Webhook]


def from_namespace(actor: Actor, repository: Repository) -> FromNamespace:
    """For somebody who may see the repository's webhooks. One query, and two more when there are any."""
    rows = Webhook.objects.filter(namespace=repository.namespace).order_by("id")
    hooks = [hook for hook in rows if patterns.matches(hook.repository_pattern, repository.name)]
    shown = hooks if hooks and may_manage(actor, repository.namespace) else []
    return FromNamespace(len(hooks), shown)
