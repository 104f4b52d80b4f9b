"""A right that is taken away is missing from the next token, whatever credential asks; one that died gets none."""

from collections.abc import Callable

import pytest

from orgs import actions as orgs
from orgs.models import BasePermission
from portal.accounts import actions as accounts
from portal.accounts.models import User
from repositories import actions as repositories
from repositories.grants import actions as grants
from repositories.models import Grant
from tests import factories
from tests.factories import PASSWORD
from tests.factories.orgs import add_member, make_organization, make_team
from tests.factories.robots import make_robot
from tests.registry.conftest import Ask

pytestmark = pytest.mark.django_db

SCOPE = "repository:acme/api:pull,push"
BOTH = {"acme/api": {"pull", "push"}}


class World:
    """Bob writes to acme/api through the team devs, and has an access token; the team has a robot."""

    def __init__(self, alice: User, bob: User) -> None:
        self.owner = factories.actor(alice)
        self.acme = make_organization(alice, base_permission=BasePermission.NONE)
        add_member(self.acme, bob)
        self.team = make_team(self.acme, "devs", bob)
        repositories.create_repository(actor=self.owner, namespace="acme", name="api")
        self.grant = grants.grant_to_team(
            actor=self.owner, organization=self.acme, team=self.team, pattern="*", role=Grant.Role.WRITE
        )
        self.bob = bob
        self.token, self.secret = factories.make_access_token(bob)
        self.robot, self.robots_secret = make_robot(alice, self.acme, team="devs")


@pytest.fixture
def world(alice, bob) -> World:
    return World(alice, bob)


LOSSES: dict[str, Callable[[World], object]] = {
    "taken out of the team": lambda w: orgs.remove_team_member(actor=w.owner, team=w.team, username="bob"),
    "removed from the organization": lambda w: orgs.remove_member(actor=w.owner, organization=w.acme, username="bob"),
    "left the organization": lambda w: orgs.leave_organization(actor=factories.actor(w.bob), organization=w.acme),
    "the team deleted": lambda w: orgs.delete_team(actor=w.owner, team=w.team),
    "the grant revoked": lambda w: grants.revoke_grant(actor=w.owner, grant=w.grant),
}


@pytest.mark.parametrize("loss", LOSSES)
def test_who_lost_the_right_gets_an_empty_token(ask: Ask, world: World, loss: str) -> None:
    for secret in (PASSWORD, world.secret):
        assert ask(SCOPE, login="bob", secret=secret).grants == BOTH
    LOSSES[loss](world)
    for secret in (PASSWORD, world.secret):
        assert ask(SCOPE, login="bob", secret=secret).grants == {}


def test_a_grant_that_is_lowered_lowers_the_next_token(ask: Ask, world: World) -> None:
    grants.change_grant(actor=world.owner, grant=world.grant, role=Grant.Role.READ)
    assert ask(SCOPE, login="bob").grants == {"acme/api": {"pull"}}


def test_a_teams_robot_loses_what_the_team_loses_and_goes_with_it(ask: Ask, world: World) -> None:
    assert ask(SCOPE, login="acme", secret=world.robots_secret).grants == BOTH
    grants.revoke_grant(actor=world.owner, grant=world.grant)
    assert ask(SCOPE, login="acme", secret=world.robots_secret).grants == {}
    orgs.delete_team(actor=world.owner, team=world.team)
    assert ask(SCOPE, login="acme", secret=world.robots_secret).status == 401


def switch_off(world: World) -> None:
    operator = factories.make_user("root")
    operator.is_superuser = True
    operator.save()
    accounts.change_user(actor=factories.actor(operator), user_id=world.bob.pk, is_active=False, is_superuser=False)


def change_password(world: World) -> None:
    world.bob.set_password("another horse battery")
    world.bob.save()


def test_a_person_who_is_switched_off_gets_no_token_by_any_credential(ask: Ask, world: World) -> None:
    switch_off(world)
    assert {ask(SCOPE, login="bob", secret=secret).status for secret in (PASSWORD, world.secret)} == {401}


def test_the_old_password_gets_no_token_and_an_access_token_still_does(ask: Ask, world: World) -> None:
    assert ask(SCOPE, login="bob").grants == BOTH, "this process remembers the old password now"
    change_password(world)
    assert ask(SCOPE, login="bob").status == 401
    assert ask(SCOPE, login="bob", secret=world.secret).grants == BOTH


def test_an_access_token_that_is_off_gets_none_at_once(ask: Ask, world: World) -> None:
    accounts.update_access_token(actor=factories.actor(world.bob), public_id=world.token.public_id, is_active=False)
    assert ask(SCOPE, login="bob", secret=world.secret).status == 401
