"""What the pages of deliveries read besides the rows. For webhooks that access has let through."""

from collections.abc import Sequence

from django.db.models import Exists, OuterRef, Q, QuerySet

from repositories.webhooks.models import Delivery, Webhook

COUNTED = 1000
"""A log has millions of rows: up to so many are counted, beyond that "more than" is said."""
RELATED = 20
State = Delivery.State
OPEN = (State.WAITING, State.SENDING)


def count_up_to(rows: QuerySet[Delivery], most: int = COUNTED) -> int:
    """`most + 1` when there are more. One query."""
    return rows.order_by("-id")[: most + 1].count()


def held_count(webhook: Webhook) -> int:
    return count_up_to(Delivery.objects.filter(webhook=webhook, state=State.HELD))


def behind_another(rows: Sequence[Delivery]) -> set[int]:
    """Keys of those that wait for an earlier delivery of the same thing. One query, none when nothing waits."""
    waiting = [row.pk for row in rows if row.state == State.WAITING and row.order_key]
    if not waiting:
        return set()
    earlier = Delivery.objects.filter(
        webhook=OuterRef("webhook"),
        order_key=OuterRef("order_key"),
        state__in=OPEN,
        event_key__lt=OuterRef("event_key"),
    )
    rows_behind = Delivery.objects.filter(Exists(earlier), pk__in=waiting)
    return set(rows_behind.values_list("pk", flat=True))


def blocker(delivery: Delivery) -> Delivery | None:
    """The delivery that has to be over before this one is sent: the first of its key. One query at most."""
    if delivery.state != State.WAITING or not delivery.order_key or delivery.event_key is None:
        return None
    same = Delivery.objects.filter(webhook=delivery.webhook_id, order_key=delivery.order_key, state__in=OPEN)
    earlier = same.filter(event_key__lt=delivery.event_key).order_by("event_key")
    return earlier.only("public_id", "summary", "state").first()


def related(delivery: Delivery) -> list[Delivery]:
    """The first delivery of the same event to the same webhook, and its redeliveries, without this one. One query."""
    root = delivery.redelivery_of_id or delivery.pk
    rows = Delivery.objects.filter(Q(pk=root) | Q(redelivery_of=root)).exclude(pk=delivery.pk)
    return list(rows.defer("body").order_by("-id")[:RELATED])
