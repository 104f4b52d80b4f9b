"""What becomes of a namespace's webhooks when its organization or its person is gone."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from orgs.actions import organizations
from orgs.models import Organization
from portal.accounts.actor import Actor
from portal.accounts.models import Namespace, User
from portal.events.record import record
from repositories.actions import delete_repository
from repositories.webhooks import actions, fanout
from repositories.webhooks.models import BuildStatus, Delivery, Webhook
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


def test_a_repositorys_go_with_it_at_the_same_cost_whatever_their_logs_hold(alice: User, as_alice: Actor) -> None:
    costs = []
    for number in (1, 30):
        app = factories.make_repository(alice, f"app{number}")
        hook = actions.create_webhook(actor=as_alice, place=app, name="CI", url=URL)
        stays = create(as_alice, alice.namespace)
        rows = [
            Delivery(webhook=hook, event_id=str(n), event_action="repo.tag.push", body=b"{}") for n in range(number)
        ]
        Delivery.objects.bulk_create(rows)
        BuildStatus.objects.create(repository=app, tag="v1", digest="sha256:1", context="ci", state="success")
        with CaptureQueriesContext(connection) as queries:
            delete_repository(actor=as_alice, repository=app, typed_name=app.full_name)
        costs.append(len(queries))
        assert list(Webhook.objects.filter(repository__isnull=False)) == []
        assert not BuildStatus.objects.exists()
        stays.delete()
    assert not Delivery.objects.exists()
    assert costs[0] == costs[1]


def test_they_go_with_the_person(bob: User, alice: User, as_alice: Actor) -> None:
    create(factories.actor(bob), bob.namespace)
    mine = create(as_alice, alice.namespace)
    bob.delete()
    assert list(Webhook.objects.all()) == [mine]
    assert Namespace.objects.filter(name="bob").exists()
