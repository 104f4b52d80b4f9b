"""What people do with webhooks: create, change, delete, try, resume, deliver again."""

import hashlib
from typing import Any, Unpack

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from portal.accounts.actor import Actor
from portal.accounts.models import Namespace
from portal.events.models import new_public_id
from portal.kit import jobs
from portal.kit.errors import Conflict, Invalid, NotFound
from repositories.models import Repository
from repositories.webhooks import circuit, fanout, lifecycle, rules, signing
from repositories.webhooks.access import DeliveryFilter, Place, filtered, of_place, place_of, require_place
from repositories.webhooks.circuit import record_webhook
from repositories.webhooks.deliveries import DELIVER, give_up_waiting, lock_webhook
from repositories.webhooks.models import Delivery, Webhook
from repositories.webhooks.rules import Choices

MOST_WEBHOOKS = 100
"""Of one repository, and of one namespace: each push is that many requests."""
REDELIVERED_AT_ONCE = 1000
"""Deliveries that one request sends again."""
ENDED = (Delivery.State.DELIVERED, Delivery.State.FAILED)


def create_webhook(*, actor: Actor, place: Place, **choices: Unpack[Choices]) -> Webhook:
    """Its signing secret is in `new_secret`, once. `name` and `url` are needed, the rest has defaults.

    Raises Invalid (fields as in Choices), Conflict when there are too many, NotFound, Forbidden, Unauthorized.
    """
    if missing := [field for field in ("name", "url") if field not in choices]:
        raise Invalid.field(missing[0], _("This is needed."))
    kept = rules.checked(choices, place=place)
    with transaction.atomic():
        _hold(place)
        row = require_place(actor, place)
        if of_place(row).count() >= MOST_WEBHOOKS:
            raise Conflict(_("There may be %(most)d webhooks here.") % {"most": MOST_WEBHOOKS})
        webhook = _new(row)
        webhook.created_by_name = actor.name
        _set(webhook, kept)
        webhook.new_secret = signing.new_secret()
        webhook.set_secret(webhook.new_secret)
        webhook.save(force_insert=True)
        record_webhook("repo.webhook.create", actor, webhook, new=_shown(webhook))
    return webhook


def draft_webhook(*, actor: Actor, place: Place, **choices: Unpack[Choices]) -> Webhook:
    """One that is not saved, for a preview. Raises as `create_webhook`."""
    webhook = _new(require_place(actor, place))
    _set(webhook, rules.checked(choices, place=place))
    return webhook


def _hold(place: Place) -> None:
    """Until the transaction ends: two who create at once are counted, and whoever deletes the place waits."""
    if isinstance(place, Repository):
        list(Repository.objects.select_for_update(no_key=True).filter(pk=place.pk).values_list("pk"))
    else:
        list(Namespace.objects.select_for_update(no_key=True).filter(pk=place.pk).values_list("pk"))


def _new(place: Place) -> Webhook:
    return Webhook(repository=place) if isinstance(place, Repository) else Webhook(namespace=place)


def update_webhook(
    *, actor: Actor, webhook: Webhook, is_active: bool | None = None, **choices: Unpack[Choices]
) -> Webhook:
    """Change what is given. Switching off gives up what waits and what is held; a paused one that is switched on is
    resumed.

    Raises Invalid (fields as in Choices), NotFound, Forbidden, Unauthorized.
    """
    before = Webhook.objects.filter(pk=webhook.pk).first() or webhook
    kept = rules.checked(choices, place=place_of(webhook), row=before)  # a template takes its time: outside
    with transaction.atomic():
        row = _require(actor, webhook)
        if _checked_with(row) != _checked_with(before):  # somebody else was quicker
            kept = rules.checked(choices, place=place_of(row), row=row)
        old, secret_before = _shown(row), (row.encrypted_url, row.encrypted_headers)
        _set(row, kept)
        if is_active is not None:
            _switch(row, is_active=is_active)
        new = _shown(row) | _replaced(row, secret_before)
        changed = {key: value for key, value in new.items() if value != old.get(key)}
        if changed:
            row.save()
            record_webhook(
                "repo.webhook.update", actor, row, old={key: old.get(key, "") for key in changed}, new=changed
            )
    return row


def _checked_with(row: Webhook) -> tuple[Any, ...]:
    """What of a stored webhook `rules` compares the choices with."""
    return row.format, row.template, row.events, row.encrypted_headers


def _replaced(row: Webhook, before: tuple[str, str]) -> dict[str, Any]:
    """Of what is secret the log says only that it was changed."""
    names = ("url", "headers")
    now = (row.encrypted_url, row.encrypted_headers)
    return {name: "changed" for name, old, new in zip(names, before, now, strict=True) if old != new}


def _switch(row: Webhook, *, is_active: bool) -> None:
    if is_active and not row.is_active:
        _resume(row)
    if not is_active and (row.is_active or row.is_paused):
        row.is_active, row.disabled_by, row.paused_at = False, Webhook.DisabledBy.PERSON, None
        give_up_waiting(row, timezone.now())


def _resume(row: Webhook) -> int:
    now = timezone.now()
    count = circuit.replay_missed(row, now) if row.is_paused else 0
    row.is_active, row.disabled_by, row.paused_at = True, Webhook.DisabledBy.NOBODY, None
    row.failing_since = row.not_before = None
    jobs.enqueue(DELIVER)
    return count


def resume(*, actor: Actor, webhook: Webhook) -> int:
    """Switch a paused webhook on, and send what it missed. Returns how many deliveries.

    Raises Conflict for one that is not paused, NotFound, Forbidden, Unauthorized.
    """
    with transaction.atomic():
        row = _require(actor, webhook)
        if not row.is_paused:
            raise Conflict(_("This webhook is not paused."))
        count = _resume(row)
        row.save()
        record_webhook("repo.webhook.resume", actor, row, new={"deliveries": count})
    return count


def delete_webhook(*, actor: Actor, webhook: Webhook) -> None:
    """Delete with its deliveries, also those that wait. Raises NotFound, Forbidden, Unauthorized."""
    with transaction.atomic():
        row = _require(actor, webhook)
        record_webhook("repo.webhook.delete", actor, row, old=_shown(row))
        lifecycle.delete_webhooks(Webhook.objects.filter(pk=row.pk))


def rotate_secret(*, actor: Actor, webhook: Webhook, keep_old: bool = True) -> str:
    """A new signing secret, shown once. With `keep_old` deliveries are signed with both for a day.

    Raises NotFound, Forbidden, Unauthorized.
    """
    secret = signing.new_secret()
    with transaction.atomic():
        row = _require(actor, webhook)
        row.set_secret(secret)
        if not keep_old:
            row.encrypted_old_secret, row.old_secret_until = "", None
        row.save(update_fields=["encrypted_secret", "encrypted_old_secret", "old_secret_until"])
        record_webhook("repo.webhook.rotate", actor, row, new={"keep_old": keep_old})
    return secret


def ping(*, actor: Actor, webhook: Webhook) -> Delivery:
    """Try it: a delivery of the event `ping`. Raises Conflict when it is off, NotFound, Forbidden, Unauthorized."""
    with transaction.atomic():
        row = _require_on(actor, webhook)
        event = record_webhook("repo.webhook.ping", actor, row)
        delivery = fanout.new_ping(row, event)
        delivery.save(force_insert=True)
        jobs.enqueue(DELIVER)
    return delivery


def redeliver(*, actor: Actor, delivery: Delivery) -> Delivery:
    """Send the same bytes again, as a new delivery; one that waits for its next attempt is sent now instead.

    Returns the delivery that will be sent. Raises Conflict while it is being sent, when the webhook is off or when
    there is nothing to send, NotFound, Forbidden, Unauthorized.
    """
    with transaction.atomic():
        webhook = _require_on(actor, delivery.webhook)
        original = Delivery.objects.filter(pk=delivery.pk, webhook=webhook).first()
        if original is None:
            raise NotFound(_("There is no such delivery."))
        if not original.body:
            raise Conflict(_("There is nothing to send: the payload could not be made."))
        again = _make_due(original)
        if again is None:
            again = _copy(original)
            again.save(force_insert=True)
        record_webhook(
            "repo.webhook.redeliver", actor, webhook, new={"delivery": again.public_id, "tag": again.summary}
        )
        jobs.enqueue(DELIVER)
    return again


def redeliver_many(*, actor: Actor, webhook: Webhook, wanted: DeliveryFilter) -> int:
    """Send again what a filter of the log shows, oldest first, each event once. Returns how many.

    Left out is what is being sent, and a failed one that was sent again since: it waits, or arrived. Raises Conflict
    for too many, or when the webhook is off, NotFound, Forbidden, Unauthorized.
    """
    with transaction.atomic():
        row = _require_on(actor, webhook)
        rows = list(_to_repeat(filtered(Delivery.objects.filter(webhook=row), wanted))[: REDELIVERED_AT_ONCE + 1])
        if len(rows) > REDELIVERED_AT_ONCE:
            most = {"most": REDELIVERED_AT_ONCE}
            raise Conflict(_("These are more than %(most)d deliveries. Narrow the filter down.") % most)
        once = list({each.event_id: each for each in rows}.values())
        waiting = [each.pk for each in once if each.state == Delivery.State.WAITING]
        due = Delivery.objects.filter(pk__in=waiting, state=Delivery.State.WAITING).update(
            next_attempt_at=timezone.now()
        )
        copies = Delivery.objects.bulk_create([_copy(each) for each in once if each.state in ENDED], batch_size=200)
        count = due + len(copies)
        if count:
            record_webhook("repo.webhook.redeliver", actor, row, new={"deliveries": count})
            jobs.enqueue(DELIVER)
    return count


def count_to_repeat(webhook: Webhook, wanted: DeliveryFilter) -> int:
    """How many `redeliver_many` would send; more than REDELIVERED_AT_ONCE where it would refuse. One query."""
    rows = _to_repeat(filtered(Delivery.objects.filter(webhook=webhook), wanted))
    events = list(rows.values_list("event_id", flat=True)[: REDELIVERED_AT_ONCE + 1])
    return len(events) if len(events) > REDELIVERED_AT_ONCE else len(set(events))


def _to_repeat(rows: QuerySet[Delivery]) -> QuerySet[Delivery]:
    states = [*ENDED, Delivery.State.WAITING]
    rows = rows.filter(state__in=states).exclude(body=b"").alias(root=Coalesce("redelivery_of", "pk"))
    since = Delivery.objects.filter(redelivery_of=OuterRef("root"), pk__gt=OuterRef("pk"))
    repaired = since.exclude(state=Delivery.State.FAILED)
    return rows.exclude(Q(state=Delivery.State.FAILED) & Exists(repaired)).order_by("pk")


def _make_due(delivery: Delivery) -> Delivery | None:
    """The delivery itself if it waits, None if it has ended. Raises Conflict while a worker has it."""
    now = timezone.now()
    waiting = Delivery.objects.filter(pk=delivery.pk, state=Delivery.State.WAITING)
    if waiting.update(next_attempt_at=now):
        delivery.state, delivery.next_attempt_at = Delivery.State.WAITING, now
        return delivery
    if Delivery.objects.filter(pk=delivery.pk).exclude(state__in=ENDED).exists():
        raise Conflict(_("This delivery is being sent at this moment."))
    return None


def _copy(delivery: Delivery) -> Delivery:
    """Not saved. Without a key of order: what somebody sends again waits for nothing."""
    same = ("event_id", "event_type", "event_action", "repository_name", "summary", "values", "body", "content_type")
    return Delivery(
        public_id=new_public_id(),
        webhook_id=delivery.webhook_id,
        redelivery_of_id=delivery.redelivery_of_id or delivery.pk,
        **{name: getattr(delivery, name) for name in same},
    )


def _require(actor: Actor, webhook: Webhook) -> Webhook:
    """The webhook as it is now, held, for an actor who may change it."""
    place = require_place(actor, place_of(webhook))
    row = lock_webhook(webhook.pk)
    if row is None or place_of(row).pk != place.pk:
        raise NotFound(_("There is no such webhook."))
    return row


def _require_on(actor: Actor, webhook: Webhook) -> Webhook:
    row = _require(actor, webhook)
    if row.is_paused:
        raise Conflict(_("The webhook is paused. Resume it first."))
    if not row.is_active:
        raise Conflict(_("The webhook is switched off. Switch it on first."))
    return row


def _set(row: Webhook, kept: Choices) -> None:
    """A URL or headers that stay the same are not encrypted anew, so that nothing seems to have changed."""
    for field, value in kept.items():
        if value != _stored(row, field):
            setattr(row, field, value)


def _stored(row: Webhook, field: str) -> Any:
    """None for what no key decrypts any more: whatever is given replaces it."""
    if field == "url" and not row.encrypted_url:
        return None
    try:
        return getattr(row, field)
    except ValueError:
        return None


def _shown(webhook: Webhook) -> dict[str, Any]:
    """For the event: the host alone, since path and query of a webhook often are its secret."""
    names = ("name", "host", "state", "events", "tag_patterns", "repository_pattern", "format", "github_signature")
    return {name: getattr(webhook, name) for name in names} | {"template": _digest(webhook.template)}


def _digest(template: str) -> str:
    """So that the log tells one template from another without holding all of it."""
    return hashlib.sha256(template.encode()).hexdigest()[:12] if template else ""
