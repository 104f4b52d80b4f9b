"""Reading is free; what is carried away is noted."""

from typing import Any

from django.db import transaction

from portal.accounts.actor import Actor
from portal.events.reads import Filters
from portal.events.record import record
from portal.web.audit.access import Log


def record_export(*, actor: Actor, log: Log, filters: Filters, kind: str) -> None:
    """Note that the actor downloads a log that `access` let them read. One event."""
    asked: dict[str, Any] = {
        "person": filters.person,
        "actions": list(filters.actions),
        "target": filters.target,
        "from": filters.since,
        "to": filters.until,
    }
    new = {"format": kind} | {name: value for name, value in asked.items() if value}
    with transaction.atomic():
        record(
            "audit.export",
            actor=actor,
            namespace=log.namespace,
            repository_id=log.repository_id,
            target=log.name,
            new=new,
        )
