"""Who may do what in an organization: read the tables as its policy.

The organization `acme` has two repositories: payments/docs is public, payments/api is private.
"""

import uuid
from dataclasses import dataclass
from datetime import timedelta

import pytest
from django.utils import timezone

from orgs.models import BasePermission, MemberRole, Membership, Organization, Team, TeamRobot
from portal.accounts.actor import ANONYMOUS, SYSTEM, Actor, Credential, CredentialKind, actor_for, actor_for_robot
from portal.accounts.credentials import access_token_credential
from portal.accounts.models import CreateOnPush, OrganizationAccessToken, TokenAction, User
from repositories import access
from repositories.access import Permission
from repositories.models import Grant, Repository
from tests import factories
from tests.factories.orgs import make_organization, make_team

pytestmark = pytest.mark.django_db

NOTHING: set[str] = set()
LOOK = {"view", "pull"}
READER = LOOK | {"star", "comment"}
WRITER = READER | {"push"}
OWN = {
    "push",
    "edit",
    "delete_images",
    "protect_tags",
    "archive",
    "change_visibility",
    "webhooks",
    "moderate",
    "reconcile",
}
OWN |= {"manage_access", "delete"}
FROZEN = {"comment", "push", "edit", "delete_images", "protect_tags"}
"""What nobody does once it is archived."""
ADMIN = READER | OWN
EVERY_ACTION = "pull push delete description webhooks manage create"


@dataclass(frozen=True)
class Who:
    """A person, unless `robot` is set; what else is set tells where their rights come from."""

    member: str = ""
    base: str = "none"
    team: str = ""
    """The role of a team they are in, on `pattern`."""
    direct: str = ""
    """Their role as a collaborator, on `pattern`."""
    pattern: str = "payments/*"
    days: int | None = None
    """Until the collaborator's end date."""
    confirmed: bool = True
    level: str = ""
    """Of the access token they come with."""
    limits: str = ""
    """What it may do, in `place`."""
    place: str = "acme/payments/*"
    robot: str = ""
    """Of "acme", "other", or "team" (in `team`; without one, of a team that is gone)."""


LITERAL = "payments/api"
# In words, who that is, what they may do with the public and what with the private repository.
TABLE: list[tuple[str, Who | Actor, set[str], set[str]]] = [
    ("nobody", ANONYMOUS, LOOK, NOTHING),
    ("a stranger", Who(), READER, NOTHING),
    ("a stranger, unconfirmed", Who(confirmed=False), LOOK, NOTHING),
    ("an owner", Who(member="owner"), ADMIN, ADMIN),
    ("an owner, unconfirmed", Who(member="owner", confirmed=False), LOOK, LOOK),
    ("an editor", Who(member="editor"), ADMIN, ADMIN),
    ("a member, base none", Who(member="member", base="none"), READER, NOTHING),
    ("a member, base read", Who(member="member", base="read"), READER, READER),
    ("a member, base write", Who(member="member", base="write"), WRITER, WRITER),
    ("team read", Who(member="member", team="read"), READER, READER),
    ("team write", Who(member="member", team="write"), WRITER, WRITER),
    ("team admin", Who(member="member", team="admin"), ADMIN, ADMIN),
    ("team read, base write", Who(member="member", base="write", team="read"), WRITER, WRITER),
    ("team write on everything", Who(member="member", team="write", pattern="*"), WRITER, WRITER),
    ("team write on a name", Who(member="member", team="write", pattern=LITERAL), READER, WRITER),
    ("team write on a longer name", Who(member="member", team="write", pattern="payments/api2"), READER, NOTHING),
    ("team write elsewhere", Who(member="member", team="write", pattern="pay/*"), READER, NOTHING),
    ("team write, unconfirmed", Who(member="member", team="write", confirmed=False), LOOK, LOOK),
    ("collaborator read", Who(direct="read"), READER, READER),
    ("collaborator write", Who(direct="write"), WRITER, WRITER),
    ("collaborator admin", Who(direct="admin"), ADMIN, ADMIN),
    ("collaborator on a name", Who(direct="write", pattern=LITERAL), READER, WRITER),
    ("collaborator until tomorrow", Who(direct="write", days=1), WRITER, WRITER),
    ("collaborator until yesterday", Who(direct="write", days=-1), READER, NOTHING),
    ("a member, once collaborator", Who(member="member", base="read", direct="admin", days=-1), READER, READER),
    ("an editor's token public_read", Who(member="editor", level="public_read"), LOOK, NOTHING),
    ("an editor's token read", Who(member="editor", level="read"), LOOK, LOOK),
    ("an editor's token write", Who(member="editor", level="write"), WRITER | {"edit"}, WRITER | {"edit"}),
    ("an editor's token admin", Who(member="editor", level="admin"), ADMIN, ADMIN),
    ("a reader's token admin", Who(member="member", base="read", level="admin"), READER, READER),
    ("limited to pull", Who(member="editor", level="admin", limits="pull"), LOOK, LOOK),
    ("limited to push", Who(member="editor", level="admin", limits="push"), LOOK | {"push"}, {"view", "push"}),
    ("limited to view", Who(member="editor", level="admin", limits="view"), LOOK, {"view"}),
    ("limited to delete, write", Who(member="editor", level="write", limits="delete"), LOOK, {"view"}),
    ("limited to everything", Who(member="editor", level="admin", limits=EVERY_ACTION), ADMIN, ADMIN),
    ("limited, beyond the role", Who(direct="read", level="admin", limits=EVERY_ACTION), READER, READER),
    ("limited elsewhere", Who(member="editor", level="admin", limits="pull push", place="acme/web"), LOOK, NOTHING),
    ("limited to acme itself", Who(member="editor", level="admin", limits="pull push", place="acme"), LOOK, NOTHING),
    ("robot, every action", Who(robot="acme", limits=EVERY_ACTION), LOOK | OWN, LOOK | OWN),
    ("robot, pull and push", Who(robot="acme", limits="pull push"), LOOK | {"push"}, LOOK | {"push"}),
    ("robot, pull", Who(robot="acme", limits="pull"), LOOK, LOOK),
    ("robot, limited to a name", Who(robot="acme", limits="pull", place="acme/payments/docs"), LOOK, NOTHING),
    ("robot of another organization", Who(robot="other", limits=EVERY_ACTION), LOOK, NOTHING),
    ("robot of a team, write", Who(robot="team", team="write", limits=EVERY_ACTION), LOOK | {"push"}, LOOK | {"push"}),
    ("robot of a team, read", Who(robot="team", team="read", limits=EVERY_ACTION), LOOK, LOOK),
    ("robot of a team that is gone", Who(robot="team", limits=EVERY_ACTION), LOOK, NOTHING),
    ("the system", SYSTEM, ADMIN, ADMIN),
]


@dataclass
class Acme:
    organization: Organization
    public: Repository
    private: Repository


@pytest.fixture
def acme(alice: User) -> Acme:
    organization = make_organization(alice, "acme", who_publishes="admins")
    made = [
        Repository.objects.create(
            namespace=organization.namespace, name=name, full_name=f"acme/{name}", visibility=visibility
        )
        for name, visibility in (("payments/docs", "public"), ("payments/api", "private"))
    ]
    return Acme(organization, *made)


def arrange(acme: Acme, who: Who | Actor) -> Actor:
    if isinstance(who, Actor):
        return who
    organization = acme.organization
    organization.base_permission = BasePermission[who.base.upper()]
    organization.save(update_fields=["base_permission"])
    team = make_team(organization, "payments") if who.team else None
    if team is not None:
        give(organization, who.team, who.pattern, team=team)
    if who.robot:
        return make_robot(organization, who, team)
    user = factories.make_user("bob", confirmed=who.confirmed)
    if who.member:
        role = MemberRole[who.member.upper()]
        membership = Membership.objects.create(organization=organization, user=user, role=role)
        if team is not None:
            team.team_members.create(membership=membership)
    if who.direct:
        give(organization, who.direct, who.pattern, user=user, days=who.days)
    return actor_for(user, confirmed=who.confirmed, credential=credential_of(user, who))


def give(
    organization: Organization,
    role: str,
    pattern: str,
    *,
    team: Team | None = None,
    user: User | None = None,
    days: int | None = None,
) -> None:
    expires_at = None if days is None else timezone.now() + timedelta(days=days)
    Grant.objects.create(
        namespace=organization.namespace,
        pattern=pattern,
        role=Grant.Role[role.upper()],
        team=team,
        user=user,
        expires_at=expires_at,
    )


def limits(who: Who) -> list[dict[str, object]] | None:
    return [{"path": who.place, "actions": who.limits.split()}] if who.limits else None


def credential_of(user: User, who: Who) -> Credential:
    if not who.level:
        return Credential(kind=CredentialKind.SESSION)
    token, _secret = factories.make_access_token(user, f"repo:{who.level}")
    return access_token_credential(token.pk, token.label, token.level, limits(who))


def make_robot(organization: Organization, who: Who, team: Team | None) -> Actor:
    if who.robot == "other":
        organization = make_organization(factories.make_user("zoe"), "other")
    token = OrganizationAccessToken.objects.create(
        namespace=organization.namespace,
        public_id=uuid.uuid4(),
        label="ci",
        hash="x" * 64,
        limits=limits(who),
        for_team=who.robot == "team",
    )
    if team is not None:
        TeamRobot.objects.create(team=team, token=token)
    return actor_for_robot(token)


def test_every_permission_and_action_is_in_the_table() -> None:
    assert {permission.name.lower() for permission in Permission} == ADMIN
    on_repositories = {action for action in TokenAction.values if ":" not in action}
    assert {*EVERY_ACTION.split(), "view"} == on_repositories


@pytest.mark.parametrize(("words", "who", "on_public", "on_private"), TABLE, ids=[row[0] for row in TABLE])
def test_policy(acme: Acme, words: str, who: Who | Actor, on_public: set[str], on_private: set[str]) -> None:
    actor = arrange(acme, who)
    for repository, expected in ((acme.public, on_public), (acme.private, on_private)):
        may = {p.name.lower() for p in Permission if access.allowed(actor, p, repository)}
        assert may == expected, words
        assert access.visible(actor).filter(pk=repository.pk).exists() == bool(expected)


@pytest.mark.parametrize(("words", "who", "on_public", "on_private"), TABLE, ids=[row[0] for row in TABLE])
def test_policy_of_what_is_archived(
    acme: Acme, words: str, who: Who | Actor, on_public: set[str], on_private: set[str]
) -> None:
    actor = arrange(acme, who)
    Repository.objects.update(archived_at=timezone.now())
    frozen = set() if actor.is_system else FROZEN
    for repository, expected in ((acme.public, on_public), (acme.private, on_private)):
        may = {p.name.lower() for p in Permission if access.allowed(actor, p, repository)}
        assert may == expected - frozen, words
        assert access.visible(actor).filter(pk=repository.pk).exists() == bool(expected)


EDITOR, MEMBER = Who(member="editor"), Who(member="member")
# Who -> may they create acme/payments/new, by each of the three rules (owners, editors, members)?
CREATING: list[tuple[str, Who | Actor, tuple[bool, bool, bool]]] = [
    ("nobody", ANONYMOUS, (False, False, False)),
    ("a stranger", Who(), (False, False, False)),
    ("an owner", Who(member="owner"), (True, True, True)),
    ("an owner, unconfirmed", Who(member="owner", confirmed=False), (False, False, False)),
    ("an editor", EDITOR, (False, True, True)),
    ("a member", MEMBER, (False, False, True)),
    ("a member, base write", Who(member="member", base="write"), (False, False, True)),
    ("team write on the pattern", Who(member="member", team="write"), (True, True, True)),
    ("team read on the pattern", Who(member="member", team="read"), (False, False, True)),
    ("team admin elsewhere", Who(member="member", team="admin", pattern="web/*"), (False, False, True)),
    ("collaborator write on the pattern", Who(direct="write"), (True, True, True)),
    ("collaborator until yesterday", Who(direct="write", days=-1), (False, False, False)),
    ("an owner's token read", Who(member="owner", level="read"), (False, False, False)),
    ("an owner's token write", Who(member="owner", level="write"), (True, True, True)),
    ("limited to push", Who(member="owner", level="write", limits="push"), (True, True, True)),
    ("limited to create", Who(member="owner", level="write", limits="create"), (True, True, True)),
    ("limited to pull", Who(member="owner", level="write", limits="pull"), (False, False, False)),
    ("limited elsewhere", Who(member="owner", level="write", limits="push", place="acme/x"), (False, False, False)),
    ("robot, push", Who(robot="acme", limits="push"), (True, True, True)),
    ("robot, pull", Who(robot="acme", limits="pull"), (False, False, False)),
    ("robot of a team, write", Who(robot="team", team="write", limits="push"), (True, True, True)),
    ("robot of a team, read", Who(robot="team", team="read", limits="push"), (False, False, False)),
    ("robot of another organization", Who(robot="other", limits="push", place="*"), (False, False, False)),
    ("the system", SYSTEM, (True, True, True)),
]


@pytest.mark.parametrize(("words", "who", "expected"), CREATING, ids=[row[0] for row in CREATING])
def test_who_may_create(acme: Acme, words: str, who: Who | Actor, expected: tuple[bool, ...]) -> None:
    actor, organization = arrange(acme, who), acme.organization
    for rule, wanted in zip(("owners", "editors", "members"), expected, strict=True):
        organization.who_creates = rule
        organization.save(update_fields=["who_creates"])
        assert access.decide_create(actor, organization.namespace, "payments/new").allowed == wanted, (words, rule)
        assert access.visibility_on_push(actor, "acme/payments/new") == ("private" if wanted else None)


# Who -> may they make public what they are admin of, by each of the three rules (owners, admins, nobody)?
PUBLISHING: list[tuple[str, Who | Actor, tuple[bool, bool, bool]]] = [
    ("an owner", Who(member="owner"), (True, True, False)),
    ("an editor", EDITOR, (False, True, False)),
    ("collaborator admin", Who(direct="admin"), (False, True, False)),
    ("robot, every action", Who(robot="acme", limits=EVERY_ACTION), (False, True, False)),
]


@pytest.mark.parametrize(("words", "who", "expected"), PUBLISHING, ids=[row[0] for row in PUBLISHING])
def test_who_may_publish(acme: Acme, words: str, who: Who | Actor, expected: tuple[bool, ...]) -> None:
    """By hand, and by a push that creates: that makes a private one where the rule says no."""
    actor, organization = arrange(acme, who), acme.organization
    organization.namespace.create_on_push = CreateOnPush.PUBLIC
    organization.namespace.save()
    for rule, wanted in zip(("owners", "admins", "nobody"), expected, strict=True):
        organization.who_publishes, organization.who_creates = rule, "editors"
        organization.save()
        assert access.decide_publish(actor, organization.namespace).allowed == wanted, (words, rule)
        assert access.visibility_on_push(actor, "acme/payments/new") == ("public" if wanted else "private")
