"""Fills a fresh database for the token benchmark, and prints what to ask for as JSON."""

import json
import uuid

import django

django.setup()

from allauth.account.models import EmailAddress  # noqa: E402  models need the settings
from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402

from portal.accounts.actions import create_user  # noqa: E402
from portal.accounts.models import Namespace, PersonalAccessToken, TokenLevel, User  # noqa: E402
from portal.kit import secrets  # noqa: E402
from repositories.models import Repository, Visibility  # noqa: E402

PEOPLE, REPOSITORIES = 2_000, 20_000
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
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    mine = dict(Repository.objects.filter(namespace=alice.namespace).values_list("visibility", "full_name"))
    return {**mine, "user": "alice", "access_token": secret, "password": PASSWORD}


if __name__ == "__main__":
    main()
