"""Fills a fresh database for the token benchmark, and prints what to ask for as JSON."""

import json
import uuid

import django

django.setup()

from allauth.account.models import EmailAddress  # noqa: E402  models need the settings
from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402

from orgs.models import Membership, Organization, Team, TeamMember  # noqa: E402
from portal.accounts.actions import create_user  # noqa: E402
from portal.accounts.models import Namespace, PersonalAccessToken, TokenLevel, User  # noqa: E402
from portal.kit import secrets  # noqa: E402
from repositories.models import Grant, Repository, Visibility  # noqa: E402

PEOPLE, REPOSITORIES, TEAMS = 2_000, 20_000, 200
PASSWORD = "correct horse battery"


def main() -> None:
    call_command("migrate", verbosity=0)
    print(json.dumps(_fill()))


def _fill() -> dict[str, str]:
    names = [f"person{number}" for number in range(PEOPLE)]
    namespaces = Namespace.objects.bulk_create(Namespace(name=name) for name in names)
    User.objects.bulk_create(
        User(namespace=space, username=space.name, email=f"{space.name}@example.org", password="!")
        for space in namespaces
    )
    alice = create_user(username="alice", email="alice@example.org", password=PASSWORD)
    everybody = [alice, *User.objects.filter(username__startswith="person")]
    EmailAddress.objects.bulk_create(
        EmailAddress(user=u, email=u.email, verified=True, primary=True) for u in everybody
    )
    secret = secrets.new_token(PersonalAccessToken.PREFIX)
    PersonalAccessToken.objects.bulk_create(
        PersonalAccessToken(
            public_id=uuid.uuid4(),
            user=user,
            label="ci",
            level=TokenLevel.WRITE,
            hash=secrets.hash_token(secret if user == alice else user.username),
        )
        for user in everybody
    )
    spaces = [alice.namespace, *namespaces]
    Repository.objects.bulk_create(
        Repository(
            namespace=(space := spaces[number % len(spaces)]),
            name=f"app{number}",
            full_name=f"{space.name}/app{number}",
            visibility=Visibility.PRIVATE if number % 2 else Visibility.PUBLIC,
        )
        for number in range(REPOSITORIES)
    )
    shared = _share(everybody, alice)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    mine = dict(Repository.objects.filter(namespace=alice.namespace).values_list("visibility", "full_name"))
    return {**mine, "shared": shared, "user": "alice", "access_token": secret, "password": PASSWORD}


def _share(people: list[User], alice: User) -> str:
    """An organization of all of them with 200 teams, in ten of which Alice is; one of those may push to what is named.

    Every team has five grants, one of them on a pattern.
    """
    organization = Organization.objects.create(namespace=Namespace.objects.create(name="acme"), base_permission=0)
    members = Membership.objects.bulk_create(Membership(organization=organization, user=user) for user in people)
    teams = Team.objects.bulk_create(Team(organization=organization, name=f"team{number}") for number in range(TEAMS))
    own = [TeamMember(team=team, membership=row) for row in members if row.user == alice for team in teams[:10]]
    rest = [TeamMember(team=teams[n % TEAMS], membership=row) for n, row in enumerate(members) if row.user != alice]
    TeamMember.objects.bulk_create([*own, *rest])
    names = [f"payments{number}/api{number}" for number in range(1_000)]
    Repository.objects.bulk_create(
        Repository(namespace=organization.namespace, name=name, full_name=f"acme/{name}") for name in names
    )
    Grant.objects.bulk_create(
        Grant(namespace=organization.namespace, team=teams[n % TEAMS], pattern=pattern, role=Grant.Role.WRITE)
        for n, pattern in enumerate([*names[: 4 * TEAMS], *(f"payments{number}/*" for number in range(TEAMS))])
    )
    return f"acme/{names[5]}"


if __name__ == "__main__":
    main()
