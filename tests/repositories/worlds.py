"""Random worlds for the property test: thought up as the oracle's plain rows, then stored as the product's."""

import random
import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.utils import timezone

from orgs.models import MemberRole, Membership, Organization, Team, TeamMember, TeamRobot
from portal.accounts.actor import ANONYMOUS, Actor, Credential, CredentialKind, actor_for, actor_for_robot
from portal.accounts.credentials import access_token_credential
from portal.accounts.models import Namespace, OrganizationAccessToken, PersonalAccessToken, User
from portal.kit.secrets import hash_token
from repositories.models import Grant, Repository
from tests.factories import PASSWORD
from tests.repositories import oracle
from tests.repositories.oracle import Caller, World

PEOPLE = ["anna", "berta", "carl", "dora", "emil"]
ORGANIZATIONS = ["acme", "acme2"]
NAMES = ["api", "api2", "api/v1", "payments", "payments/new", "payments/api", "pay-x/a", "web_x", "webyx", "a"]
NOT_NAMES = ["tags", "x/blobs/y", "UPPER"]
"""No repository can have them; a push asks for them all the same."""
PATTERNS = ["*", "api", "api*", "api/*", "pay*", "payments*", "payments/*", "web_*", "web_x", "a*", "b*", "tags", "z"]
ACTIONS = ["view", "pull", "push", "delete", "description", "webhooks", "manage", "create"]
ENDS = ["never", "past", "future"]
WORLDS, QUICK = 500, 100
"""How many are compared; on PostgreSQL the others are a long run, since it asks the very same text."""


def chunks(size: int) -> list[Any]:
    """The first seed of each test that compares `size` worlds, for `parametrize`."""
    on_postgresql = "postgresql" in settings.DATABASES["default"]["ENGINE"]
    return [
        pytest.param(first, marks=[pytest.mark.long] if on_postgresql and first >= QUICK else [])
        for first in range(0, WORLDS, size)
    ]


_ENCODED = ""


def random_world(seed: int) -> World:
    chance = random.Random(seed)
    world = World()
    for name in PEOPLE[: chance.randint(2, 5)]:
        world.people[name] = oracle.Person(name, confirmed=chance.random() < 0.8, active=chance.random() < 0.93)
    for name in ORGANIZATIONS[: chance.randint(1, 2)]:
        world.organizations[name] = _organization(chance, name, list(world.people))
    for name in [*world.people, *world.organizations]:
        world.create_on_push[name] = chance.choice(["off", "private", "private", "public"])
    for namespace in [*world.organizations, *chance.sample(list(world.people), k=1)]:
        for name in chance.sample(NAMES, k=chance.randint(1, 5)):
            public, archived = chance.random() < 0.25, chance.random() < 0.2
            row = oracle.Repository(namespace, name, public=public, archived=archived)
            world.repositories[row.full_name] = row
    world.grants = list(_grants(chance, world))
    world.tokens = {token.label: token for token in _tokens(chance, world)}
    return world


def _organization(chance: random.Random, name: str, people: list[str]) -> oracle.Organization:
    organization = oracle.Organization(
        name,
        base=chance.choice([0, 0, 1, 2]),
        who_creates=chance.choice(["owners", "editors", "members"]),
        who_publishes=chance.choice(["owners", "admins", "nobody"]),
    )
    for person in people:
        if chance.random() < 0.7:
            organization.members[person] = chance.choice(["owner", "editor", "member", "member", "member"])
    for number in range(chance.randint(0, 3)):
        members = {person for person in organization.members if chance.random() < 0.5}
        organization.teams[f"team{number}"] = members
    return organization


def _grants(chance: random.Random, world: World) -> list[oracle.Grant]:
    found: dict[tuple[str, ...], oracle.Grant] = {}
    for _number in range(chance.randint(0, 12)):
        namespace = chance.choice([*world.organizations, *world.organizations, *world.people])
        organization = world.organizations.get(namespace)
        grant = oracle.Grant(namespace, _pattern(chance), role=chance.randint(1, 3))
        if organization is not None and organization.teams and chance.random() < 0.65:
            grant.team = chance.choice(list(organization.teams))
        else:
            grant.person = chance.choice(list(world.people))
            grant.ends = chance.choice(ENDS)
        found[namespace, grant.pattern, grant.team, grant.person] = grant
    return list(found.values())


def _pattern(chance: random.Random) -> str:
    name = chance.choice(NAMES)
    cut = name[: chance.randint(1, len(name))].rstrip("/") + "*"
    return chance.choice([name, cut, chance.choice(PATTERNS)])


def _tokens(chance: random.Random, world: World) -> list[oracle.Token]:
    found = []
    for number in range(chance.randint(2, 5)):
        limits = _limits(chance, world) if chance.random() < 0.45 else None
        person, level = chance.choice(list(world.people)), chance.choice(oracle.LEVELS)
        found.append(oracle.Token(f"pat{number}", person=person, level=level, limits=limits))
    for number, name in enumerate(world.organizations):
        teams: list[str | None] = [None, "", *world.organizations[name].teams]
        team = chance.choice(teams)
        limits = [(f"{name}/*", set(ACTIONS))] if chance.random() < 0.4 else _limits(chance, world)
        found.append(oracle.Token(f"robot{number}", organization=name, team=team, limits=limits))
    for token in found:
        token.state = chance.choice(["on"] * 8 + ["off", "past"])
    return found


def _limits(chance: random.Random, world: World) -> list[tuple[str, set[str]]]:
    limits = []
    for _number in range(chance.randint(0, 2)):
        namespace = chance.choice([*world.organizations, *world.organizations, *world.people])
        path = chance.choice([namespace, f"{namespace}/{_pattern(chance)}", f"{namespace}/{_pattern(chance)}", "*"])
        limits.append((path, set(chance.sample(ACTIONS, k=chance.randint(1, 5)))))
    return limits


# -- Stored ------------------------------------------------------------------------------------------------------------


@dataclass
class Stored:
    """The rows of a world, by their names there."""

    world: World
    namespaces: dict[str, Namespace] = field(default_factory=dict)
    users: dict[str, User] = field(default_factory=dict)
    organizations: dict[str, Organization] = field(default_factory=dict)
    teams: dict[tuple[str, str], Team] = field(default_factory=dict)
    memberships: dict[tuple[str, str], Membership] = field(default_factory=dict)
    repositories: dict[str, Repository] = field(default_factory=dict)
    tokens: dict[str, PersonalAccessToken | OrganizationAccessToken] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)

    def actor(self, caller: Caller) -> Actor:
        """As a page or the API would know the caller, whose credential may be one that is turned away."""
        token = self.tokens.get(caller.token)
        if isinstance(token, OrganizationAccessToken):
            return actor_for_robot(token)
        if not caller.person:
            return ANONYMOUS
        credential = Credential(kind=CredentialKind.SESSION)
        if token is not None:
            credential = access_token_credential(token.pk, token.label, token.level, token.limits)
        confirmed = self.world.people[caller.person].confirmed
        return actor_for(self.users[caller.person], confirmed=confirmed, credential=credential)

    def login(self, caller: Caller) -> tuple[str, str]:
        """What docker sends: name and secret."""
        if not caller.token:
            return caller.person, PASSWORD
        token = self.world.tokens[caller.token]
        return token.person or token.organization, self.secrets[caller.token]


def store(world: World) -> Stored:
    """Few statements, whatever the world holds."""
    stored = Stored(world)
    rows = Namespace.objects.bulk_create(Namespace(name=n, create_on_push=p) for n, p in world.create_on_push.items())
    stored.namespaces = {row.name: row for row in rows}
    _store_people(stored)
    _store_organizations(stored)
    _store_repositories(stored)
    _store_tokens(stored)
    return stored


def _store_people(stored: Stored) -> None:
    global _ENCODED  # noqa: PLW0603  hashed once: the worlds' people share it
    _ENCODED = _ENCODED or make_password(PASSWORD)
    users = User.objects.bulk_create(
        User(
            namespace=stored.namespaces[person.name],
            username=person.name,
            email=f"{person.name}@example.org",
            password=_ENCODED,
            is_active=person.active,
        )
        for person in stored.world.people.values()
    )
    stored.users = {user.username: user for user in users}
    EmailAddress.objects.bulk_create(
        EmailAddress(user=user, email=user.email, primary=True, verified=stored.world.people[user.username].confirmed)
        for user in users
    )


def _store_organizations(stored: Stored) -> None:
    plain = stored.world.organizations
    rows = Organization.objects.bulk_create(
        Organization(
            namespace=stored.namespaces[name],
            base_permission=organization.base,
            who_creates=organization.who_creates,
            who_publishes=organization.who_publishes,
        )
        for name, organization in plain.items()
    )
    stored.organizations = {row.name: row for row in rows}
    memberships = Membership.objects.bulk_create(
        Membership(organization=row, user=stored.users[person], role=MemberRole[kind.upper()])
        for row in rows
        for person, kind in plain[row.name].members.items()
    )
    stored.memberships = {(row.organization.name, row.user.username): row for row in memberships}
    teams = Team.objects.bulk_create(
        Team(organization=row, name=name) for row in rows for name in plain[row.name].teams
    )
    stored.teams = {(team.organization.name, team.name): team for team in teams}
    TeamMember.objects.bulk_create(
        TeamMember(team=team, membership=stored.memberships[organization, person])
        for (organization, name), team in stored.teams.items()
        for person in plain[organization].teams[name]
    )


def _store_repositories(stored: Stored) -> None:
    rows = Repository.objects.bulk_create(
        Repository(
            namespace=stored.namespaces[row.namespace],
            name=row.name,
            full_name=row.full_name,
            visibility="public" if row.public else "private",
            archived_at=timezone.now() if row.archived else None,
        )
        for row in stored.world.repositories.values()
    )
    stored.repositories = {row.full_name: row for row in rows}
    Grant.objects.bulk_create(grant_row(stored, grant) for grant in stored.world.grants)


def grant_row(stored: Stored, grant: oracle.Grant) -> Grant:
    """Not saved yet."""
    return Grant(
        namespace=stored.namespaces[grant.namespace],
        pattern=grant.pattern,
        role=grant.role,
        team=stored.teams[grant.namespace, grant.team] if grant.team else None,
        user=stored.users[grant.person] if grant.person else None,
        expires_at=_time(grant.ends),
    )


def _time(word: str) -> datetime | None:
    if word == "never":
        return None
    return timezone.now() + timedelta(days=1 if word == "future" else -1)


def _store_tokens(stored: Stored) -> None:
    personal, robots = [], []
    for token in stored.world.tokens.values():
        if token.organization:
            namespace = stored.namespaces[token.organization]
            shared = {**_shared(stored, token), "namespace": namespace, "for_team": token.team is not None}
            robots.append(OrganizationAccessToken(**shared))
        else:
            user = stored.users[token.person]
            personal.append(PersonalAccessToken(user=user, level=token.level, **_shared(stored, token)))
    stored.tokens |= {row.label: row for row in PersonalAccessToken.objects.bulk_create(personal)}
    made = OrganizationAccessToken.objects.bulk_create(robots)
    stored.tokens |= {row.label: row for row in made}
    TeamRobot.objects.bulk_create(
        TeamRobot(team=stored.teams[plain.organization, plain.team], token=row)
        for row in made
        if (plain := stored.world.tokens[row.label]).team
    )


def _shared(stored: Stored, token: oracle.Token) -> dict[str, Any]:
    prefix = OrganizationAccessToken.PREFIX if token.organization else PersonalAccessToken.PREFIX
    secret = stored.secrets[token.label] = f"{prefix}{uuid.uuid4().hex}"
    limits = [{"path": path, "actions": sorted(actions)} for path, actions in token.limits or []]
    return {
        "public_id": uuid.uuid4(),
        "label": token.label,
        "hash": hash_token(secret),
        "limits": None if token.limits is None else limits,
        "is_active": token.state != "off",
        "expires_at": _time("past" if token.state == "past" else "never"),
    }
