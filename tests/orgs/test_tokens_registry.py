"""What docker gets with an organization's token, or with a limited one of a person."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from orgs.actions import access_tokens
from orgs.models import Organization
from portal.accounts import actions as accounts, last_use, limits
from portal.accounts.models import OrganizationAccessToken, User
from repositories import actions
from repositories.registry.verify import InvalidToken, actor_of
from tests import factories
from tests.factories.orgs import make_organization, make_team
from tests.factories.robots import make_robot
from tests.registry.conftest import Ask, ask, post
from tests.registry.test_last_use import FakeRedis, fake

__all__ = ["ask", "fake", "post"]
pytestmark = pytest.mark.django_db
BOTH = {"pull", "push"}


@pytest.fixture
def acme(alice: User) -> Organization:
    organization = make_organization(alice)
    for name in ("api", "web"):
        actions.create_repository(actor=factories.actor(alice), namespace="acme", name=name, visibility="private")
    return organization


def scopes(*names: str, asked: str = "pull,push") -> list[str]:
    return [f"repository:{name}:{asked}" for name in names]


def test_a_robot_gets_what_its_limits_say(acme: Organization, alice: User, ask: Ask, public_app: Any) -> None:
    factories.make_repository(alice, "mine")
    _token, secret = make_robot(alice, acme, path="acme/api")
    wanted = scopes("acme/api", "acme/web", "alice/mine", "alice/public-app")
    assert ask(*wanted, login="acme", secret=secret).grants == {"acme/api": BOTH, "alice/public-app": {"pull"}}
    _token, pulls = make_robot(alice, acme, "pull", label="pulls")
    assert ask(*wanted, login="acme", secret=pulls).grants == {
        "acme/api": {"pull"},
        "acme/web": {"pull"},
        "alice/public-app": {"pull"},
    }


def test_a_robot_of_a_team_has_the_teams_grants_within_its_limits(acme: Organization, alice: User, ask: Ask) -> None:
    team = make_team(acme, "image-admins")
    acme.namespace.grants.create(pattern="api", team=team, role=2)
    _token, secret = make_robot(alice, acme, team="image-admins")
    assert ask(*scopes("acme/api", "acme/web"), login="acme", secret=secret).grants == {"acme/api": BOTH}
    _token, elsewhere = make_robot(alice, acme, path="acme/web", label="elsewhere", team="image-admins")
    assert ask(*scopes("acme/api", "acme/web"), login="acme", secret=elsewhere).grants == {}


def test_a_robot_may_push_what_does_not_exist_yet(acme: Organization, alice: User, ask: Ask) -> None:
    _token, secret = make_robot(alice, acme, path="acme/payments/*")
    wanted = scopes("acme/payments/new", "acme/other")
    assert ask(*wanted, login="acme", secret=secret).grants == {"acme/payments/new": BOTH}


def test_only_what_is_usable_signs_in(acme: Organization, alice: User, ask: Ask) -> None:
    token, secret = make_robot(alice, acme)
    rows = OrganizationAccessToken.objects.filter(pk=token.pk)
    for login, given in (("alice", secret), ("acme", secret + "x"), ("acme", token.hash), ("acme:ci", secret)):
        assert ask(login=login, secret=given).status == 401
    assert ask(login="acme", secret=secret).status == 200
    for values in ({"is_active": False}, {"is_active": True, "expires_at": timezone.now()}):
        rows.update(**values)
        assert ask(login="acme", secret=secret).status == 401


def test_both_secrets_are_taken_while_a_rotation_overlaps(acme: Organization, alice: User, ask: Ask) -> None:
    token, old = make_robot(alice, acme)
    _token, new = access_tokens.rotate_access_token(
        actor=factories.actor(alice), organization=acme, public_id=token.public_id, overlap=timedelta(hours=1)
    )
    for secret in (old, new):
        assert ask(*scopes("acme/api"), login="acme", secret=secret).grants == {"acme/api": BOTH}
    OrganizationAccessToken.objects.update(old_hash_until=timezone.now())
    assert [ask(login="acme", secret=secret).status for secret in (old, new)] == [401, 200]


def test_a_registry_token_names_the_robot_as_long_as_it_lives(acme: Organization, alice: User, ask: Ask) -> None:
    token, secret = make_robot(alice, acme)
    verified = ask(*scopes("acme/api"), login="acme", secret=secret).token
    actor = actor_of(verified)
    assert (actor.robot_id, actor.name) == (token.pk, "acme:ci")
    OrganizationAccessToken.objects.update(is_active=False)
    with pytest.raises(InvalidToken):
        actor_of(verified)


def test_a_robot_gets_no_refresh_token(acme: Organization, alice: User, post: Ask) -> None:
    _token, secret = make_robot(alice, acme)
    body = post(grant_type="password", username="acme", password=secret, access_type="offline").body
    assert not body.get("refresh_token")


def test_its_last_use_says_from_where(acme: Organization, alice: User, ask: Ask, fake: FakeRedis) -> None:
    token, secret = make_robot(alice, acme)
    ask(*scopes("acme/api"), login="acme", secret=secret)
    last_use.flush()
    token.refresh_from_db()
    assert token.last_used_at is not None
    assert token.last_used_address == "127.0.0.1"


def test_a_limited_token_of_a_person(acme: Organization, alice: User, ask: Ask) -> None:
    factories.make_repository(alice, "mine")
    entries = limits.from_lines("acme/api: push\nacme/w*: pull\nacme/payments/*: push", [])
    token, secret = accounts.create_access_token(actor=factories.actor(alice), label="ci", limits=entries)
    wanted = scopes("acme/api", "acme/web", "alice/mine", "acme/payments/new", "acme/new")
    reply = ask(*wanted, login="alice", secret=secret)
    assert reply.grants == {"acme/api": BOTH, "acme/web": {"pull"}, "acme/payments/new": BOTH}
    credential = actor_of(reply.token).credential
    assert (credential.id, len(credential.limits or ())) == (token.pk, 3)
