"""Check: the verdict is what the token service and the pages do; the rules are said in words."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from orgs.models import BasePermission, MemberRole, Organization, Team, TeamRobot, WhoPublishes
from portal.accounts.actor import actor_for_robot
from portal.accounts.models import CreateOnPush, OrganizationAccessToken, User
from portal.kit.errors import MoorageError
from repositories.access import Permission, fetch_repository
from repositories.access.check import PERMISSIONS, Asked, Checked, check
from repositories.grants.check import find_subject
from repositories.models import Grant, Repository
from repositories.registry.lookup import find_by_login, find_by_organization_token
from repositories.registry.scopes import Scope
from repositories.registry.tokens import intersect
from tests import factories
from tests.factories.orgs import add_member
from tests.grants.conftest import make
from tests.grants.test_effective_people import make_robot

pytestmark = pytest.mark.django_db

DOCKER = {"pull": Asked.PULL, "push": Asked.PUSH, "delete": Asked.DELETE_IMAGES}
NAMES = ("api", "web", "payments/new", "nothing")


@pytest.fixture
def world(acme: Organization, alice: User, users: Team, admins: Team, dave: User, eve: User, bob: User) -> Organization:
    """Private `api`, public `web`; a bit of everything that gives or caps."""
    make(alice, "api")
    make(alice, "web", visibility="public")
    namespace = acme.namespace
    add_member(acme, eve, MemberRole.EDITOR)
    Grant.objects.create(namespace=namespace, pattern="payments/*", team=users, role=Grant.Role.WRITE)
    Grant.objects.create(namespace=namespace, pattern="*", team=admins, role=Grant.Role.ADMIN)
    ended = timezone.now() - timedelta(days=1)
    Grant.objects.create(namespace=namespace, pattern="api", user=dave, role=Grant.Role.WRITE, expires_at=ended)
    make_robot(acme, "ci", "pull", "push", path="acme/api")
    make_robot(acme, "all", *["pull", "push", "delete", "manage", "create", "webhooks", "description"])
    make_robot(acme, "off", "pull", is_active=False)
    TeamRobot.objects.create(team=users, token=make_robot(acme, "crew", "pull", "push", for_team=True))
    off = factories.make_user("frank")
    add_member(acme, off)
    User.objects.filter(pk=off.pk).update(is_active=False)
    return acme


def ask(world: Organization, subject: str, name: str, asked: Asked) -> Checked:
    return check(find_subject(world.namespace, subject), world.namespace, name, asked)


PEOPLE = ("alice", "olivia", "bob", "carol", "dave", "eve")
ROBOTS = ("ci", "all", "crew")


@pytest.mark.parametrize("base", BasePermission.values)
@pytest.mark.parametrize("policy", CreateOnPush.values)
def test_the_verdict_is_what_docker_gets(world: Organization, base: int, policy: str) -> None:
    world.base_permission = base
    world.save()
    world.namespace.create_on_push = policy
    world.namespace.save()
    full = [f"acme/{name}" for name in NAMES]
    scopes = [Scope(name, tuple(DOCKER)) for name in full]
    subjects = {name: find_by_login(name, full) for name in PEOPLE}
    subjects |= {f"acme:{label}": find_by_organization_token("acme", f"moor_oat_{label}", full) for label in ROBOTS}
    for subject, found in subjects.items():
        assert found is not None
        granted = {entry.name: entry.actions for entry in intersect(found, scopes)}
        for name in NAMES:
            exists = Repository.objects.filter(name=name).exists()
            for action, asked in DOCKER.items():
                if exists or action == "push":
                    said = ask(world, subject, name, asked)
                    assert said.allowed == (action in granted.get(f"acme/{name}", ())), (subject, name, said)


@pytest.mark.parametrize("base", BasePermission.values)
def test_the_verdict_is_what_a_page_does(world: Organization, base: int) -> None:
    world.base_permission = base
    world.save()
    actors = {name: factories.actor(User.objects.get(username=name)) for name in PEOPLE}
    tokens = OrganizationAccessToken.objects.select_related("namespace").filter(is_active=True)
    actors |= {f"acme:{token.label}": actor_for_robot(token) for token in tokens}
    for subject, actor in actors.items():
        for name in ("api", "web"):
            for asked, permission in PERMISSIONS.items():
                if asked != Asked.PUBLISH:
                    assert ask(world, subject, name, asked).allowed == may(actor, name, permission), (subject, asked)


def may(actor: Any, name: str, permission: Permission) -> bool:
    try:
        fetch_repository(actor, "acme", name, permission)
    except MoorageError:
        return False
    return True


def test_of_what_does_not_exist_it_says_what_would_be(world: Organization, alice: User) -> None:
    before = {name: ask(world, name, "payments/new", Asked.PULL).allowed for name in PEOPLE}
    make(alice, "payments/new")
    after = {name: ask(world, name, "payments/new", Asked.PULL).allowed for name in PEOPLE}
    assert before == after
    assert before == {"alice": True, "olivia": True, "bob": True, "carol": True, "dave": False, "eve": True}


def test_who_is_off_may_nothing(world: Organization) -> None:
    for subject in ("frank", "acme:off"):
        for asked in Asked:
            said = ask(world, subject, "web", asked)
            assert not said.allowed
            assert "switched off" in said.reason


@pytest.mark.parametrize("rule", WhoPublishes.values)
def test_make_public_asks_the_rule_too(world: Organization, rule: str) -> None:
    world.who_publishes = rule
    world.save()
    said = {name: ask(world, name, "api", Asked.PUBLISH).allowed for name in ("alice", "olivia", "carol")}
    expected = {
        "owners": {"alice": True, "olivia": False, "carol": False},
        "admins": {"alice": True, "olivia": True, "carol": False},
        "nobody": {"alice": False, "olivia": False, "carol": False},
    }
    assert said == expected[rule]


def test_every_rule_in_words(world: Organization) -> None:
    said = ask(world, "carol", "api", Asked.PUSH)
    assert not said.allowed
    assert said.reason == "You need the role “write” on this repository."
    assert [(rule.outcome.value, rule.text) for rule in said.rules] == [
        ("not", "The account of carol is switched on, its e-mail address confirmed."),
        ("not", "carol is a member of acme."),
        ("gives", "The base permission of acme for its members is: read."),
        ("not", "The team image-admins, by the pattern *, has the role admin, but carol is not in it."),
        ("not", "Of the teams of carol, these have no grant that matches: image-users."),
        ("not", "carol is no collaborator on acme/api."),
        ("not", "acme/api is private: its visibility gives nobody anything."),
        ("caps", "To push, one needs the role write; the resulting role is read."),
    ]


def test_the_rules_of_a_name_that_a_pattern_lets_somebody_create(world: Organization) -> None:
    said = ask(world, "carol", "payments/new", Asked.PUSH)
    assert said.allowed
    texts = [rule.text for rule in said.rules if rule.outcome == "gives"]
    assert "The team image-users, by the pattern payments/*, has the role write, and carol is in it." in texts
    assert "A grant with the role write creates repositories of the names that it matches." in texts
    assert "A push creates a private repository in acme." in [rule.text for rule in said.rules]


def test_an_ended_collaborator_is_told_when_it_ended(world: Organization) -> None:
    texts = [rule.text for rule in ask(world, "dave", "api", Asked.PULL).rules]
    assert any(text.startswith("dave was a collaborator with the role write; that ended on ") for text in texts)
    assert "dave does not belong to acme." in texts


def test_what_caps_is_said(world: Organization) -> None:
    eve = ask(world, "eve", "api", Asked.PUSH)
    assert not eve.allowed
    assert "Confirm your e-mail address" in eve.reason
    assert any("has not confirmed" in rule.text for rule in eve.rules if rule.outcome == "caps")
    robot = ask(world, "acme:ci", "web", Asked.PUSH)
    assert not robot.allowed
    texts = [rule.text for rule in robot.rules if rule.outcome == "caps"]
    assert "The access token is limited. On acme/web: not limited to this repository." in texts


def test_the_pages(
    alices_client: Client, olivias_client: Client, bobs_client: Client, daves_client: Client, world: Organization
) -> None:
    url = "/acme/-/check?subject=carol&repository=payments/new&action=push"
    for client in (alices_client, olivias_client):
        page = client.get(url).content.decode()
        assert "carol may push: acme/payments/new" in page
        assert "has the role write, and carol is in it." in page
    assert bobs_client.get(url).status_code == 403
    assert daves_client.get(url).status_code == 404
    page = bobs_client.get("/acme/api/-/access/check?subject=carol&action=push").content.decode()
    assert "carol may not push: acme/api" in page
    assert daves_client.get("/acme/api/-/access/check").status_code == 404
    assert "May they?" in alices_client.get("/acme/-/check").content.decode()


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("subject=nobody&repository=api", "There is nobody called “nobody”"),
        ("subject=acme:nothing&repository=api", "There is nobody called “acme:nothing”"),
        ("subject=globex:ci&repository=api", "There is nobody called “globex:ci”"),
        ("subject=bob&repository=", "Name a repository of acme."),
        ("subject=bob&repository=A//B", "cannot be the name of a repository"),
        ("subject=bob&repository=api&action=fly", "Choose one of"),
    ],
)
def test_what_cannot_be_asked_is_said_and_stays_typed(
    query: str, sentence: str, alices_client: Client, world: Organization
) -> None:
    answer = alices_client.get(f"/acme/-/check?{query}")
    page = answer.content.decode()
    assert sentence in page
    assert 'aria-labelledby="verdict-title"' not in page


def test_in_a_persons_namespace(alice: User, bob: User, alices_client: Client) -> None:
    factories.make_repository(alice, "app")
    page = alices_client.get("/alice/app/-/access/check?subject=bob&action=pull").content.decode()
    assert "bob may not pull: alice/app" in page
    assert "The namespace belongs to alice." in page
    page = alices_client.get("/alice/app/-/access/check?subject=alice&action=delete").content.decode()
    assert "alice owns the namespace." in page


def test_a_guest_who_is_admin_learns_nothing_of_other_teams(
    world: Organization, dave: User, daves_client: Client, alices_client: Client
) -> None:
    """Carol's team has no grant on `api`: that there is such a team is the organization's business."""
    Grant.objects.filter(user=dave).update(role=Grant.Role.ADMIN, expires_at=None)
    world.base_permission = BasePermission.NONE
    world.save()
    url = "/acme/api/-/access/check?subject=carol&action=push"
    page = daves_client.get(url).content.decode()
    assert "carol may not push: acme/api" in page
    assert "image-users" not in page
    assert '<option value="carol">' not in page
    assert "image-users" in alices_client.get(url).content.decode()
