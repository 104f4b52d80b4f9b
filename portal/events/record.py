"""The one way to append an event."""

from collections.abc import Mapping
from typing import Any, Protocol

from django.conf import settings
from django.db import transaction

from portal.events.models import Event, Unread
from portal.kit import jobs


class Who(Protocol):
    """What an event keeps of its actor. `portal.accounts.actor.Actor` is one."""

    @property
    def public_id(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def credential_label(self) -> str: ...
    @property
    def address(self) -> str: ...
    @property
    def client(self) -> str: ...


def record(
    action: str,
    *,
    actor: Who,
    namespace: str = "",
    repository_id: int | None = None,
    target: str = "",
    old: Mapping[str, Any] | None = None,
    new: Mapping[str, Any] | None = None,
) -> Event:
    """Append an event inside the caller's transaction, and wake its readers after commit.

    One insert, and one more for each reader in `settings.EVENT_READERS` that wants this action.
    """
    if not transaction.get_connection().in_atomic_block:
        raise transaction.TransactionManagementError("An event is recorded in the transaction of what happened.")
    event = Event.objects.create(
        action=action,
        actor_id=actor.public_id,
        actor_name=actor.name,
        credential=actor.credential_label[:160],
        address=actor.address,
        client=actor.client[:256],
        namespace=namespace,
        repository_id=repository_id,
        target=target[:512],
        old=dict(old or {}),
        new=dict(new or {}),
    )
    for reader, (task, actions) in settings.EVENT_READERS.items():
        if action in actions:
            Unread.objects.create(event=event, reader=reader)
            jobs.enqueue(task, event.pk)
    return event
