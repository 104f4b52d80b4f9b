"""Who may know that an organization exists: those who belong to it, or see a repository of it."""

import pytest

from portal.accounts.actor import ANONYMOUS, Actor, actor_for_robot
from portal.accounts.limits import Entry
from portal.accounts.models import Namespace
from portal.kit.errors import NotFound
from repositories import access, actions
from tests import factories
from tests.factories.orgs import add_member, make_organization

pytestmark = pytest.mark.django_db


def knows(actor: Actor, name: str = "acme") -> bool:
    try:
        access.fetch_namespace(actor, name)
    except NotFound:
        return False
    return True


@pytest.fixture
def acme(alice, bob):
    organization = make_organization(alice)
    add_member(organization, bob)
    return organization


def test_outsiders_know_nothing_of_an_organization_without_a_repository_for_them(acme, alice, bob, charlie) -> None:
    actions.create_repository(actor=factories.actor(alice), namespace="acme", name="api")
    assert knows(factories.actor(alice))
    assert knows(factories.actor(bob))
    assert not knows(factories.actor(charlie))
    assert not knows(ANONYMOUS)


def test_a_public_repository_shows_its_organization_to_everybody(acme, alice, charlie) -> None:
    actions.create_repository(actor=factories.actor(alice), namespace="acme", name="site", visibility="public")
    assert knows(factories.actor(charlie))
    assert knows(ANONYMOUS)


def test_a_robot_knows_its_own_organization_only(acme, alice, bob) -> None:
    from orgs.actions.access_tokens import create_access_token

    other = make_organization(bob, "other")
    limits = [Entry(path="acme/api", actions=["pull"])]
    token, _secret = create_access_token(actor=factories.actor(alice), organization=acme, label="ci", limits=limits)
    robot = actor_for_robot(token)
    assert knows(robot)
    assert not knows(robot, other.name)


def test_people_are_known_and_held_names_are_not(alice) -> None:
    Namespace.objects.create(name="held")
    assert knows(ANONYMOUS, "alice")
    assert not knows(ANONYMOUS, "held")
