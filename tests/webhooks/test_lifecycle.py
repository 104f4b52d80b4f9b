"""What becomes of a namespace's webhooks when its organization or its person is gone."""

import pytest

from orgs.actions import organizations
from orgs.models import Organization
from portal.accounts.actor import Actor
from portal.accounts.models import Namespace, User
from portal.events.record import record
from repositories.webhooks import actions, fanout
from repositories.webhooks.models import Delivery, Webhook
from tests import factories
from tests.factories.orgs import make_organization

pytestmark = pytest.mark.django_db
URL = "https://ci.example.org/hook"


def happen(actor: Actor, namespace: str) -> int:
    event = record("org.member.add", actor=actor, namespace=namespace, target=namespace, new={"role": "member"})
    return fanout.fan_out(event.pk)


def create(actor: Actor, namespace: Namespace) -> Webhook:
    return actions.create_webhook(
        actor=actor, place=namespace, name="all", url=URL, events=["member"], format="moorage"
    )


def test_they_go_with_the_organization_and_its_names_next_owner_is_not_heard(alice: User, as_alice: Actor) -> None:
    acme = make_organization(alice)
    create(as_alice, acme.namespace)
    assert happen(as_alice, "acme") == 1
    organizations.delete_organization(actor=as_alice, organization=acme, typed_name="acme")
    assert not Webhook.objects.exists()
    assert not Delivery.objects.exists()
    held = Namespace.objects.get(name="acme")
    Organization.objects.create(namespace=held)  # as if an operator had handed the name out again
    assert happen(as_alice, "acme") == 0


def test_they_go_with_the_person(bob: User, alice: User, as_alice: Actor) -> None:
    create(factories.actor(bob), bob.namespace)
    mine = create(as_alice, alice.namespace)
    bob.delete()
    assert list(Webhook.objects.all()) == [mine]
    assert Namespace.objects.filter(name="bob").exists()
