"""Who may do what with an organization: a table to read as the policy, and what each credential lowers."""

import itertools
from dataclasses import replace

import pytest

from orgs.access import (
    OrgCan,
    OrgPermission as P,
    decide,
    fetch_organization,
    own_organizations,
    require,
    visible_organizations,
)
from orgs.models import MemberRole, Organization
from portal.accounts.actor import ANONYMOUS, SYSTEM, Actor, Credential, CredentialKind, Limit
from portal.accounts.models import TokenAction, TokenLevel, User
from portal.kit.errors import Forbidden, NotFound, Unauthorized
from tests import factories
from tests.factories import orgs
from tests.orgs.conftest import Acme, make_robot

YES, NO, HIDDEN = True, False, None
# permission -> owner, editor, member, stranger
POLICY: dict[P, tuple[bool | None, ...]] = {
    P.VIEW: (YES, YES, YES, HIDDEN),
    P.LEAVE: (YES, YES, YES, HIDDEN),
    P.GRANT: (YES, YES, NO, HIDDEN),
    P.EDIT_DEFAULTS: (YES, YES, NO, HIDDEN),
    P.MANAGE_MEMBERS: (YES, NO, NO, HIDDEN),
    P.SEE_INVITATIONS: (YES, NO, NO, HIDDEN),
    P.MANAGE_TEAMS: (YES, NO, NO, HIDDEN),
    P.EDIT_PROFILE: (YES, NO, NO, HIDDEN),
    P.EDIT_RULES: (YES, NO, NO, HIDDEN),
    P.TOKENS: (YES, NO, NO, HIDDEN),
    P.WEBHOOKS: (YES, NO, NO, HIDDEN),
    P.AUDIT: (YES, NO, NO, HIDDEN),
    P.DELETE: (YES, NO, NO, HIDDEN),
}
# permission -> the least level of an owner's access token that is not limited; None: no token may
LEVELS: dict[P, TokenLevel | None] = {
    P.VIEW: TokenLevel.READ,
    P.LEAVE: TokenLevel.ADMIN,
    P.GRANT: TokenLevel.ADMIN,
    P.EDIT_DEFAULTS: TokenLevel.ADMIN,
    P.MANAGE_MEMBERS: TokenLevel.ADMIN,
    P.SEE_INVITATIONS: TokenLevel.READ,
    P.MANAGE_TEAMS: TokenLevel.ADMIN,
    P.EDIT_PROFILE: TokenLevel.ADMIN,
    P.EDIT_RULES: TokenLevel.ADMIN,
    P.TOKENS: None,
    P.WEBHOOKS: TokenLevel.ADMIN,
    P.AUDIT: TokenLevel.ADMIN,
    P.DELETE: None,
}
READ_ORG, MANAGE_ORG, READ_AUDIT = "organization:read", "organization:manage", "audit:read"
ROBOTS: dict[str, set[P]] = {
    READ_ORG: {P.VIEW, P.SEE_INVITATIONS},
    MANAGE_ORG: {P.VIEW, P.SEE_INVITATIONS, P.MANAGE_MEMBERS, P.MANAGE_TEAMS, P.GRANT},
    READ_AUDIT: {P.AUDIT},
    TokenAction.WEBHOOKS: {P.WEBHOOKS},
    TokenAction.PUSH: set(),
}


def answer(actor: Actor, permission: P) -> bool | None:
    """Through both ways in, which must agree."""
    found: list[bool | None] = []
    for ask in (lambda: fetch_organization(actor, "acme", permission), lambda: _require(actor, permission)):
        try:
            ask()
        except (NotFound, Unauthorized):
            found.append(HIDDEN)
        except Forbidden:
            found.append(NO)
        else:
            found.append(YES)
    assert found[0] == found[1]
    return found[0]


def _require(actor: Actor, permission: P) -> None:
    require(actor, permission, Organization.objects.get(namespace__name="acme"))


def test_every_permission_stands_in_both_tables() -> None:
    assert set(POLICY) == set(LEVELS) == set(P)


@pytest.mark.parametrize("permission", POLICY)
def test_people(acme: Acme, permission: P) -> None:
    people = (acme.alice, acme.ed, acme.bob, acme.charlie)
    assert tuple(answer(factories.actor(user), permission) for user in people) == POLICY[permission]
    assert answer(ANONYMOUS, permission) is HIDDEN
    assert answer(SYSTEM, permission) is YES


@pytest.mark.parametrize("permission", LEVELS)
def test_access_tokens_of_an_owner(acme: Acme, permission: P) -> None:
    order, least = list(TokenLevel), LEVELS[permission]
    for level in order:
        enough = least is not None and order.index(level) >= order.index(least)
        assert answer(factories.token_actor(acme.alice, level), permission) is enough, level


@pytest.mark.parametrize("action", ROBOTS)
def test_robots_may_what_their_limits_say(acme: Acme, action: str) -> None:
    robot, _secret = make_robot(acme, action)
    assert {permission for permission in P if answer(robot, permission) is YES} == ROBOTS[action]


def test_a_robot_of_a_team_knows_nothing_of_the_organization(acme: Acme) -> None:
    robot, _secret = make_robot(acme, READ_ORG, MANAGE_ORG, for_team=acme.team)
    assert {answer(robot, permission) for permission in P} == {HIDDEN}


def test_an_owner_whose_address_is_not_confirmed_looks(acme: Acme) -> None:
    unconfirmed = replace(factories.actor(acme.alice), confirmed=False)
    may = {permission for permission in P if answer(unconfirmed, permission) is YES}
    assert may == {P.VIEW, P.LEAVE}
    with pytest.raises(Forbidden, match="Confirm your e-mail address"):
        fetch_organization(unconfirmed, "acme", P.EDIT_RULES)


def test_lists_tell_what_the_credential_may_tell(acme: Acme) -> None:
    assert own_organizations(factories.actor(acme.bob)).count() == 1
    for level in TokenLevel:
        told = own_organizations(factories.token_actor(acme.bob, level)).count()
        assert told == (level != TokenLevel.PUBLIC_READ), level
    for action, told in ((READ_ORG, 1), (MANAGE_ORG, 1), (READ_AUDIT, 0), ("push", 0)):
        robot, _secret = make_robot(acme, action, label=action)
        assert own_organizations(robot).count() == told, action
    assert own_organizations(ANONYMOUS).count() == 0


@pytest.mark.parametrize("level", list(TokenLevel))
@pytest.mark.parametrize(("path", "action"), [("acme", READ_ORG), ("acme/*", "pull"), ("other", READ_ORG)])
def test_a_personal_token_that_is_limited_has_its_level_too(
    acme: Acme, level: TokenLevel, path: str, action: str
) -> None:
    actor = factories.actor(acme.alice)
    limits = (Limit(path, frozenset({TokenAction(action)})),)
    kind = CredentialKind.ACCESS_TOKEN
    actor = replace(actor, credential=Credential(kind=kind, id=1, label="ci", level=level, limits=limits))
    sees = (path, action) == ("acme", READ_ORG) and level != TokenLevel.PUBLIC_READ
    assert answer(actor, P.VIEW) is sees
    assert own_organizations(actor).exists() is sees
    assert answer(actor, P.MANAGE_MEMBERS) is NO


def test_a_missing_actor_is_a_fault() -> None:
    with pytest.raises(TypeError):
        visible_organizations(None)  # type: ignore[arg-type]


def test_what_templates_ask_agrees(acme: Acme) -> None:
    for user, permission in itertools.product((acme.alice, acme.ed, acme.bob), P):
        actor = factories.actor(user)
        can = OrgCan(actor, fetch_organization(actor, "acme"))
        assert getattr(can, permission.name.lower()) is answer(actor, permission), (user, permission)
    with pytest.raises(AttributeError):
        can.fly  # noqa: B018  asked for its error


def test_the_refusal_says_which_role(acme: Acme) -> None:
    actor = factories.actor(acme.bob)
    decision = decide(actor, P.EDIT_RULES, member_role=MemberRole.MEMBER, name="acme")
    assert str(decision.reason) == "You need the role “Owner” in the organization to do this."


def test_visible_are_ones_own_organizations(acme: Acme, charlie: User) -> None:
    orgs.make_organization(charlie, "other")
    names = {
        user.username: [row.name for row in visible_organizations(factories.actor(user))]
        for user in (acme.alice, acme.bob, charlie)
    }
    assert names == {"alice": ["acme"], "bob": ["acme"], "charlie": ["other"]}
