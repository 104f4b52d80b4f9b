"""Two requests at once, on both databases: the organization keeps an owner, and one team of a name."""

import threading
from collections.abc import Callable

import pytest
from django.db import OperationalError, connection

from orgs import actions
from orgs.models import MemberRole, Organization, Team
from portal.accounts.models import User
from portal.kit.errors import Conflict, Forbidden, MoorageError, NotFound
from tests import factories
from tests.factories import orgs

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(*works: Callable[[], object]) -> list[str]:
    """The names of what each work raised, or "done", in any order."""
    gate, results = threading.Barrier(len(works), timeout=10), []

    def run(work: Callable[[], object]) -> None:
        gate.wait()
        try:
            results.append(_until_it_is_our_turn(work))
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=[work]) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    return sorted(results)


def _until_it_is_our_turn(work: Callable[[], object]) -> str:
    """SQLite in memory refuses a second writer at once, where a file lets it wait."""
    while True:
        try:
            work()
        except OperationalError:
            continue
        except MoorageError as error:
            return type(error).__name__
        return "done"


@pytest.fixture
def owners() -> tuple[Organization, User, User]:
    alice, oscar = factories.make_user("alice"), factories.make_user("oscar")
    organization = orgs.make_organization(alice)
    orgs.add_member(organization, oscar, MemberRole.OWNER)
    return organization, alice, oscar


def left(organization: Organization) -> list[str]:
    rows = organization.memberships.filter(role=MemberRole.OWNER)
    return list(rows.values_list("user__username", flat=True))


@pytest.mark.parametrize("_again", range(3))
def test_two_owners_demote_each_other(owners: tuple[Organization, User, User], _again: int) -> None:
    organization, alice, oscar = owners

    def demote(by: User, whom: User) -> Callable[[], object]:
        return lambda: actions.change_member_role(
            actor=factories.actor(by), organization=organization, username=whom.username, role=MemberRole.MEMBER
        )

    assert at_once(demote(alice, oscar), demote(oscar, alice)) == [Forbidden.__name__, "done"]
    assert len(left(organization)) == 1


@pytest.mark.parametrize("_again", range(3))
def test_two_owners_leave(owners: tuple[Organization, User, User], _again: int) -> None:
    organization, alice, oscar = owners

    def leave(who: User) -> Callable[[], object]:
        return lambda: actions.leave_organization(actor=factories.actor(who), organization=organization)

    assert at_once(leave(alice), leave(oscar)) == [Conflict.__name__, "done"]
    assert len(left(organization)) == 1


def test_two_owners_remove_each_other(owners: tuple[Organization, User, User]) -> None:
    organization, alice, oscar = owners

    def remove(by: User, whom: User) -> Callable[[], object]:
        return lambda: actions.remove_member(
            actor=factories.actor(by), organization=organization, username=whom.username
        )

    assert at_once(remove(alice, oscar), remove(oscar, alice)) == [NotFound.__name__, "done"]
    assert len(left(organization)) == 1


def test_two_people_take_one_name() -> None:
    alice, oscar = factories.make_user("alice"), factories.make_user("oscar")

    def create(who: User) -> Callable[[], object]:
        return lambda: actions.create_organization(actor=factories.actor(who), name="acme")

    assert at_once(create(alice), create(oscar)) == [Conflict.__name__, "done"]
    assert len(left(Organization.objects.get())) == 1


def test_two_owners_make_one_team(owners: tuple[Organization, User, User]) -> None:
    organization, alice, oscar = owners

    def create(who: User) -> Callable[[], object]:
        return lambda: actions.create_team(actor=factories.actor(who), organization=organization, name="admins")

    assert at_once(create(alice), create(oscar)) == [Conflict.__name__, "done"]
    assert Team.objects.count() == 1


def test_a_member_leaves_while_the_team_goes(owners: tuple[Organization, User, User]) -> None:
    organization, alice, _oscar = owners
    bob = factories.make_user("bob")
    orgs.add_member(organization, bob)
    team = orgs.make_team(organization, "users", bob)
    done = at_once(
        lambda: actions.leave_organization(actor=factories.actor(bob), organization=organization),
        lambda: actions.delete_team(actor=factories.actor(alice), team=team),
    )
    assert done == ["done", "done"]
    assert not Team.objects.exists()
    assert not organization.memberships.filter(user=bob).exists()
