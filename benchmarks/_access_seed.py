"""Fills a fresh database for the access benchmark: one large organization, its people, teams and grants."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from allauth.account.models import EmailAddress

from orgs.models import BasePermission, MemberRole, Membership, Organization, Team, TeamMember
from portal.accounts.models import Namespace, User
from repositories.models import Grant, Repository, Visibility

MEMBERS, TEAMS, TEAMS_OF_BOB, TEAMS_OF_MEMBER = 5_000, 1_000, 200, 3
FOLDERS = 200
BATCH = 5_000
SEEN_BY_CAROL = 4


def fill(*, repositories: int, grants: int) -> None:
    """`grants` of teams, one in ten by pattern. Bob is in 200 teams; Carol in one, which has a handful of grants."""
    chance = random.Random(1)
    organization = _organization()
    memberships = _members(organization)
    names = _repositories(organization, repositories)
    teams = Team.objects.bulk_create(Team(organization=organization, name=f"team{n}") for n in range(TEAMS))
    _team_members(teams, memberships, chance)
    Grant.objects.bulk_create(_grants(organization, teams, names, grants, chance), batch_size=BATCH)
    _guests(organization, chance, names)


def _organization() -> Organization:
    namespace = Namespace.objects.create(name="acme")
    return Organization.objects.create(namespace=namespace, base_permission=BasePermission.NONE)


def _members(organization: Organization) -> list[Membership]:
    """`olga`, who owns it, bob, carol, and the others."""
    names = ["olga", "bob", "carol", *(f"member{number}" for number in range(MEMBERS - 3))]
    spaces = Namespace.objects.bulk_create((Namespace(name=name) for name in names), batch_size=BATCH)
    users = User.objects.bulk_create(
        (User(namespace=s, username=s.name, email=f"{s.name}@example.org", password="!") for s in spaces),
        batch_size=BATCH,
    )
    EmailAddress.objects.bulk_create(
        (EmailAddress(user=user, email=user.email, verified=True, primary=True) for user in users), batch_size=BATCH
    )
    roles = [MemberRole.OWNER, *[MemberRole.MEMBER] * (MEMBERS - 1)]
    rows = [Membership(organization=organization, user=u, role=r) for u, r in zip(users, roles, strict=True)]
    return Membership.objects.bulk_create(rows, batch_size=BATCH)


def _repositories(organization: Organization, count: int) -> list[str]:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    names = [f"folder{number % FOLDERS}/service-{number}" for number in range(count)]
    Repository.objects.bulk_create(
        (
            Repository(
                namespace=organization.namespace,
                name=name,
                full_name=f"acme/{name}",
                visibility=Visibility.PRIVATE,
                updated_at=start + timedelta(minutes=number * 7919 % count),
                star_count=number % 17,
            )
            for number, name in enumerate(names)
        ),
        batch_size=BATCH,
    )
    return names


def _team_members(teams: list[Team], memberships: list[Membership], chance: random.Random) -> None:
    """Carol's team is the last, and nobody else is in it."""
    _olga, bob, carol, *others = memberships
    rows = [TeamMember(team=team, membership=bob) for team in teams[:TEAMS_OF_BOB]]
    rows.append(TeamMember(team=teams[-1], membership=carol))
    for membership in others:
        rows.extend(
            TeamMember(team=team, membership=membership) for team in chance.sample(teams[:-1], k=TEAMS_OF_MEMBER)
        )
    TeamMember.objects.bulk_create(rows, batch_size=BATCH)


def _grants(
    organization: Organization, teams: list[Team], names: list[str], count: int, chance: random.Random
) -> Iterator[Grant]:
    seen: set[tuple[int, str]] = set()
    for number, pattern in enumerate([*names[:: len(names) // SEEN_BY_CAROL][:SEEN_BY_CAROL], "folder7/service-1*"]):
        yield Grant(namespace=organization.namespace, team=teams[-1], pattern=pattern, role=1 + number % 2)
    while len(seen) < count:
        team, name = chance.choice(teams[:-1]), chance.choice(names)
        pattern = name if chance.random() < 0.9 else _pattern(name, chance)
        if (team.pk, pattern) not in seen:
            seen.add((team.pk, pattern))
            role = chance.choice([1, 1, 2, 3])
            yield Grant(namespace=organization.namespace, team=team, pattern=pattern, role=role)


def _pattern(name: str, chance: random.Random) -> str:
    """Half of them for a whole folder, half for names that begin alike; one in a thousand for everything."""
    if chance.random() < 0.001:
        return "*"
    folder = name.index("/") + 1
    return name[: chance.choice([folder, chance.randint(folder + len("service-"), len(name))])] + "*"


def _guests(organization: Organization, chance: random.Random, names: list[str]) -> None:
    """Somebody from outside with three repositories, and a namespace of their own that grows no more than theirs."""
    namespace = Namespace.objects.create(name="gwen")
    user = User.objects.create(namespace=namespace, username="gwen", email="gwen@example.org", password="!")
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    Grant.objects.bulk_create(
        Grant(namespace=organization.namespace, user=user, pattern=name, role=1) for name in chance.sample(names, k=3)
    )
    Repository.objects.create(
        namespace=namespace, name="app", full_name="gwen/app", updated_at=datetime(2026, 1, 1, tzinfo=UTC)
    )
