"""What people do with webhooks: create, change, delete, deliver again."""

from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from portal.accounts.actor import Actor
from portal.events.record import record
from portal.kit import http, jobs
from portal.kit.errors import Conflict, Invalid, NotFound, Text
from repositories.access import Permission, require
from repositories.models import Repository
from repositories.webhooks.deliveries import DELIVER, give_up_waiting, lock_webhook
from repositories.webhooks.models import Delivery, Webhook
from repositories.webhooks.sending import allowed_networks

NAME_MAX = 100
MOST_WEBHOOKS = 100
"""Of one repository: each push is that many requests."""


def create_webhook(*, actor: Actor, repository: Repository, name: str, url: str) -> Webhook:
    """Raises Invalid (fields `name`, `url`), Conflict when there are too many, NotFound, Forbidden.

    A URL that names a private address is refused here; what a host name resolves to is asked at every delivery.
    """
    name, url = name.strip(), url.strip()
    _validate(name=name, url=url)
    with transaction.atomic():
        row = require(actor, Permission.WEBHOOKS, repository)
        if Webhook.objects.filter(repository=row).count() >= MOST_WEBHOOKS:
            raise Conflict(_("A repository may have %(most)d webhooks.") % {"most": MOST_WEBHOOKS})
        webhook = Webhook(repository=row, name=name, created_by_name=actor.name)
        webhook.url = url
        webhook.save(force_insert=True)
        _record("repo.webhook.create", actor, webhook, new={"name": name, "host": webhook.host})
    return webhook


def update_webhook(
    *, actor: Actor, webhook: Webhook, name: str | None = None, url: str | None = None, is_active: bool | None = None
) -> Webhook:
    """Change what is given. Switching off gives up what waits. Raises Invalid (fields), NotFound, Forbidden."""
    name, url = name and name.strip(), url and url.strip()
    _validate(name=name, url=url)
    with transaction.atomic():
        row = _require(actor, webhook)
        old = _shown(row)
        fields = _change(row, name=name, url=url, is_active=is_active)
        if fields:
            row.save(update_fields=fields)
            if "is_active" in fields and not row.is_active:
                give_up_waiting(row, timezone.now())
            new = _shown(row) | ({"url": "changed"} if "encrypted_url" in fields else {})
            changed = {key: value for key, value in new.items() if value != old.get(key)}
            _record("repo.webhook.update", actor, row, old={key: old.get(key, "") for key in changed}, new=changed)
    return row


def delete_webhook(*, actor: Actor, webhook: Webhook) -> None:
    """Delete with its deliveries, also those that wait. Raises NotFound, Forbidden."""
    with transaction.atomic():
        row = _require(actor, webhook)
        _record("repo.webhook.delete", actor, row, old=_shown(row))
        row.delete()


def redeliver(*, actor: Actor, delivery: Delivery) -> Delivery:
    """Send the same bytes again, as a new delivery; one that waits for its next attempt is sent now instead.

    Returns the delivery that will be sent. Raises Conflict while it is being sent or when the webhook is off, NotFound,
    Forbidden.
    """
    with transaction.atomic():
        webhook = _require(actor, delivery.webhook)
        original = Delivery.objects.filter(pk=delivery.pk, webhook=webhook).first()
        if original is None:
            raise NotFound(_("There is no such delivery."))
        if not webhook.is_active:
            raise Conflict(_("The webhook is switched off. Switch it on first."))
        again = _make_due(original) or _copy(original)
        _record("repo.webhook.redeliver", actor, webhook, new={"delivery": again.public_id, "tag": again.summary})
        jobs.enqueue(DELIVER, webhook.pk)
    return again


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
    return Delivery.objects.create(
        webhook_id=delivery.webhook_id,
        event_id=delivery.event_id,
        event_action=delivery.event_action,
        summary=delivery.summary,
        body=delivery.body,
        redelivery_of=delivery,
    )


def _require(actor: Actor, webhook: Webhook) -> Webhook:
    """The webhook as it is now, held, for an actor who may change it. Two queries."""
    repository = require(actor, Permission.WEBHOOKS, webhook.repository)
    row = lock_webhook(webhook.pk)
    if row is None or row.repository_id != repository.pk:
        raise NotFound(_("There is no such webhook."))
    row.repository = repository
    return row


def _validate(*, name: str | None, url: str | None) -> None:
    fields: dict[str, list[Text]] = {}
    if name is not None and not 1 <= len(name) <= NAME_MAX:
        fields["name"] = [_("Give the webhook a name of 1 to %(most)d characters.") % {"most": NAME_MAX}]
    if url is not None:
        try:
            http.check_url(url, allowed_networks=allowed_networks())
        except http.Refused as refusal:
            fields["url"] = [str(refusal)]
    if fields:
        raise Invalid(next(iter(fields.values()))[0], fields=fields)


def _change(row: Webhook, *, name: str | None, url: str | None, is_active: bool | None) -> list[str]:
    """Set what differs; the names of the columns to save."""
    fields = []
    if name is not None and name != row.name:
        row.name = name
        fields += ["name"]
    if url is not None and url != row.url:
        row.url = url
        fields += ["encrypted_url", "host"]
    if is_active is not None and is_active != row.is_active:
        row.is_active = is_active
        row.disabled_by = Webhook.DisabledBy.NOBODY if is_active else Webhook.DisabledBy.PERSON
        fields += ["is_active", "disabled_by"]
    return fields


def _shown(webhook: Webhook) -> dict[str, Any]:
    """For the event: the host alone, since path and query of a webhook often are its secret."""
    return {"name": webhook.name, "host": webhook.host, "is_active": webhook.is_active}


def _record(
    action: str,
    actor: Actor,
    webhook: Webhook,
    *,
    old: dict[str, Any] | None = None,
    new: dict[str, Any] | None = None,
) -> None:
    repository = webhook.repository
    record(
        action,
        actor=actor,
        namespace=repository.namespace_name,
        repository_id=repository.pk,
        target=f"{repository.full_name}: {webhook.name}",
        old=old,
        new={"webhook": webhook.pk} | (new or {}),
    )
