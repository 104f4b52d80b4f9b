"""What people do with webhooks: create, change, delete, try, resume, deliver again."""

from typing import Any, Unpack

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from portal.accounts.actor import Actor
from portal.events.models import new_public_id
from portal.kit import jobs
from portal.kit.errors import Conflict, Invalid, NotFound
from repositories.models import Repository
from repositories.webhooks import circuit, fanout, rules, signing
from repositories.webhooks.access import DeliveryFilter, Place, filtered, of_place, place_of, require_place
from repositories.webhooks.circuit import record_webhook
from repositories.webhooks.deliveries import DELIVER, give_up_waiting, lock_webhook
from repositories.webhooks.models import Delivery, Webhook
from repositories.webhooks.rules import Choices

MOST_WEBHOOKS = 100
"""Of one repository, and of one namespace: each push is that many requests."""
REDELIVERED_AT_ONCE = 1000
"""Deliveries that one request sends again."""


def create_webhook(*, actor: Actor, place: Place, **choices: Unpack[Choices]) -> Webhook:
    """Its signing secret is in `new_secret`, once. `name` and `url` are needed, the rest has defaults.

    Raises Invalid (fields as in Choices), Conflict when there are too many, NotFound, Forbidden, Unauthorized.
    """
    if missing := [field for field in ("name", "url") if field not in choices]:
        raise Invalid.field(missing[0], _("This is needed."))
    kept = rules.checked(choices, place=place)
    with transaction.atomic():
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


def _new(place: Place) -> Webhook:
    return Webhook(repository=place) if isinstance(place, Repository) else Webhook(namespace=place)


def update_webhook(
    *, actor: Actor, webhook: Webhook, is_active: bool | None = None, **choices: Unpack[Choices]
) -> Webhook:
    """Change what is given. Switching off gives up what waits; switching a paused one on is `resume`.

    Raises Invalid (fields as in Choices), NotFound, Forbidden, Unauthorized.
    """
    kept = rules.checked(choices, place=place_of(webhook), row=webhook)
    with transaction.atomic():
        row = _require(actor, webhook)
        old, secret_before = _shown(row), (row.encrypted_url, row.encrypted_headers)
        _set(row, kept)
        if is_active is not None and is_active != row.is_active:
            _switch(row, is_active=is_active)
        new = _shown(row) | _replaced(row, secret_before)
        changed = {key: value for key, value in new.items() if value != old.get(key)}
        if changed:
            row.save()
            record_webhook(
                "repo.webhook.update", actor, row, old={key: old.get(key, "") for key in changed}, new=changed
            )
    return row


def _replaced(row: Webhook, before: tuple[str, str]) -> dict[str, Any]:
    """Of what is secret the log says only that it was changed."""
    names = ("url", "headers")
    now = (row.encrypted_url, row.encrypted_headers)
    return {name: "changed" for name, old, new in zip(names, before, now, strict=True) if old != new}


def _switch(row: Webhook, *, is_active: bool) -> None:
    if is_active:
        _resume(row)
        return
    row.is_active, row.disabled_by = False, Webhook.DisabledBy.PERSON
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
        row.delete()


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
        row = _require(actor, webhook)
        if not row.is_active:
            raise Conflict(_("The webhook is switched off. Switch it on first."))
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
        again = _make_due(original) or _copy(original)
        record_webhook(
            "repo.webhook.redeliver", actor, webhook, new={"delivery": again.public_id, "tag": again.summary}
        )
        jobs.enqueue(DELIVER)
    return again


def redeliver_many(*, actor: Actor, webhook: Webhook, wanted: DeliveryFilter) -> int:
    """Send again what a filter of the log shows, oldest first. Returns how many.

    Those that are being sent are left out. Raises Conflict for too many, or when the webhook is off, NotFound,
    Forbidden, Unauthorized.
    """
    with transaction.atomic():
        row = _require_on(actor, webhook)
        ended = Q(state__in=[Delivery.State.DELIVERED, Delivery.State.FAILED, Delivery.State.WAITING]) & ~Q(body=b"")
        rows = filtered(Delivery.objects.filter(ended, webhook=row), wanted).order_by("pk")
        if rows.count() > REDELIVERED_AT_ONCE:
            most = {"most": REDELIVERED_AT_ONCE}
            raise Conflict(_("These are more than %(most)d deliveries. Narrow the filter down.") % most)
        sent = [_make_due(each) or _copy(each) for each in rows]
        if sent:
            record_webhook("repo.webhook.redeliver", actor, row, new={"deliveries": len(sent)})
            jobs.enqueue(DELIVER)
    return len(sent)


def _make_due(delivery: Delivery) -> Delivery | None:
    """The delivery itself if it waits, None if it has ended. Raises Conflict while a worker has it."""
    now = timezone.now()
    waiting = Delivery.objects.filter(pk=delivery.pk, state=Delivery.State.WAITING)
    if waiting.update(next_attempt_at=now):
        delivery.next_attempt_at = now
        return delivery
    if delivery.state == Delivery.State.SENDING:
        raise Conflict(_("This delivery is being sent at this moment."))
    return None


def _copy(delivery: Delivery) -> Delivery:
    """Without a key of order: what somebody sends again waits for nothing."""
    same = ("event_id", "event_type", "event_action", "repository_name", "summary", "values", "body", "content_type")
    return Delivery.objects.create(
        public_id=new_public_id(),
        webhook_id=delivery.webhook_id,
        redelivery_of=delivery,
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
    if not row.is_active:
        raise Conflict(_("The webhook is switched off. Switch it on first."))
    return row


def _set(row: Webhook, kept: Choices) -> None:
    """A URL or headers that stay the same are not encrypted anew, so that nothing seems to have changed."""
    for field, value in kept.items():
        is_new = not row.encrypted_url if field == "url" else False
        if is_new or value != getattr(row, field):
            setattr(row, field, value)


def _shown(webhook: Webhook) -> dict[str, Any]:
    """For the event: the host alone, since path and query of a webhook often are its secret."""
    names = ("name", "host", "is_active", "events", "tag_patterns", "repository_pattern", "format", "github_signature")
    return {name: getattr(webhook, name) for name in names} | {"template": bool(webhook.template)}
