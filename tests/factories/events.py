"""Events of the audit log, recorded as the product does it."""

from typing import Any

from django.db import transaction

from portal.accounts.actor import Actor, Credential, CredentialKind
from portal.accounts.models import User
from portal.events.models import Event
from portal.events.record import record
from tests import factories

BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


def make_event(by: User | Actor, action: str = "repo.update", **values: Any) -> Event:
    """`values` as `record` takes them."""
    actor = by if isinstance(by, Actor) else factories.actor(by)
    with transaction.atomic():
        return record(action, actor=actor.seen_from(address="203.0.113.9", client=BROWSER), **values)


def robot(name: str = "acme:ci") -> Actor:
    """An actor as an organization access token makes it; it has no limits, so it may nothing."""
    label = name.partition(":")[2]
    credential = Credential(kind=CredentialKind.ORGANIZATION_TOKEN, id=1, label=label, limits=())
    return Actor(robot_id=1, public_id="f" * 32, name=name, confirmed=True, credential=credential)
