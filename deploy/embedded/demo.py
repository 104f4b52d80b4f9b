"""--demo: people, an organization, repositories and small real images, pushed through the door as docker would."""

import argparse
import json
import secrets
import sys
import time
from datetime import timedelta
from typing import TYPE_CHECKING

import django
from django.db import transaction
from django.utils import timezone

from deploy.embedded.address import Address, read_address
from deploy.embedded.images import Image, make_image
from deploy.embedded.push import Pusher, PushError

if TYPE_CHECKING:
    from portal.accounts.actor import Actor
    from repositories.models import Repository

PEOPLE = ("mina", "jonas", "aiko", "priya")

ORGANIZATION = "fjord"
TEAMS = (
    ("backend", "Builds and ships the services", ("jonas",), (("payments/*", "WRITE"), ("web", "WRITE"))),
    ("support", "Answers customers, looks things up", ("aiko",), (("payments/*", "READ"),)),
)
GUEST, GUEST_DAYS = "priya", 30

# namespace, repository, visibility, description, then the pushes in their order: content, platforms, tags.
REPOSITORIES = (
    (
        "mina",
        "storefront",
        "public",
        "The shop that our customers see",
        (("storefront 1.4.0", 2, ("1.4.0", "latest")), ("storefront 1.4.1", 2, ("1.4.1", "latest"))),
    ),
    (
        "mina",
        "payments/api",
        "private",
        "Takes money; ask before you deploy",
        (("payments 0.9", 1, ("0.9", "latest")),),
    ),
    (
        "jonas",
        "base/python",
        "public",
        "Python on a small system, for every service of ours",
        (("python 3.11", 4, ("3.11",)), ("python 3.12", 4, ("3.12", "latest"))),
    ),
    ("aiko", "reports", "public", "Figures of the day as PDF", (("reports nightly", 1, ("nightly",)),)),
    (ORGANIZATION, "payments/api", "private", "Takes the money", (("payments 2.0", 2, ("2.0", "latest")),)),
    (
        ORGANIZATION,
        "web",
        "private",
        "What customers see",
        (("web 7.1", 1, ("7.1", "latest")), ("web 7.2", 1, ("7.2", "latest"))),
    ),
    (ORGANIZATION, "handbook", "public", "How we work", (("handbook 3", 1, ("latest",)),)),
)
VERSIONS = r"[0-9]+\.[0-9]+\.[0-9]+"
"""The tags of mina/storefront that stay where they are."""
STARS = (("jonas", "mina/storefront"), ("aiko", "mina/storefront"), ("mina", "jonas/base/python"))
COMMENTS = (
    ("jonas", "mina/storefront", "1.4.1 starts twice as fast here. Thank you!"),
    ("aiko", "jonas/base/python", "Could we have an image for riscv64?"),
    ("mina", "jonas/base/python", "We moved every service to 3.12 without a change."),
)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m deploy.embedded.demo")
    for option in ("--public-url", "--cert", "--key"):
        parser.add_argument(option)
    parser.add_argument("--port", type=int)
    options = parser.parse_args()
    address = read_address(options.public_url, options.port, options.cert, options.key)
    django.setup()
    try:
        password = fill_in(address)
    except (PushError, OSError) as error:
        sys.exit(f"cannot push the demo's images: {error}")
    if password is not None:
        print(json.dumps({"people": ", ".join(PEOPLE), "password": password}))


def fill_in(address: Address) -> str | None:
    """Everybody's password; None when the people are there already, and then nothing is changed."""
    # Needs Django to be set up.
    from portal.accounts.models import Namespace  # noqa: PLC0415

    if Namespace.objects.filter(name__in=[*PEOPLE, ORGANIZATION]).exists():
        return None
    password = secrets.token_urlsafe(12)
    make_people(password)
    for owner, name, _visibility, _description, pushes in REPOSITORIES:
        pusher = Pusher(address, PEOPLE[0] if owner == ORGANIZATION else owner, password)
        for text, platforms, tags in pushes:
            pusher.push(
                image_of(text, platforms=platforms, source=f"{address.url}/{owner}/{name}"), f"{owner}/{name}", *tags
            )
    arrange_tags()
    return password


def arrange_tags() -> None:
    """Versions that nobody overwrites, a tag that was rolled back, one that was deleted, an archived repository."""
    from portal.accounts.actor import Credential, CredentialKind, actor_for  # noqa: PLC0415
    from portal.accounts.models import User  # noqa: PLC0415
    from repositories import actions  # noqa: PLC0415
    from repositories.images import tag_actions  # noqa: PLC0415
    from repositories.images.models import Tag  # noqa: PLC0415
    from repositories.models import Immutability, Repository  # noqa: PLC0415

    session = Credential(kind=CredentialKind.SESSION)
    mina = actor_for(User.objects.get(username=PEOPLE[0]), confirmed=True, credential=session)
    rows = {row.full_name: row for row in Repository.objects.all()}
    actions.protect_tags(
        actor=mina, repository=rows["mina/storefront"], immutability=Immutability.MATCHING, rules=[VERSIONS]
    )
    web = rows[f"{ORGANIZATION}/web"]
    good = Tag.objects.get(repository=web, name="7.1").manifest.digest
    tag_actions.roll_back(actor=mina, repository=web, tag="latest", digest=good)
    tag_actions.delete_tag(actor=mina, repository=web, tag="7.2")
    actions.archive_repository(actor=mina, repository=rows[f"{ORGANIZATION}/handbook"])


def make_people(password: str) -> None:
    """People, their repositories, stars and comments; by the actions that the pages use."""
    from allauth.account.models import EmailAddress  # noqa: PLC0415

    from portal.accounts.actions import create_user  # noqa: PLC0415
    from portal.accounts.actor import Credential, CredentialKind, actor_for  # noqa: PLC0415
    from repositories import actions  # noqa: PLC0415

    actors: dict[str, Actor] = {}
    repositories = {}
    for name in PEOPLE:
        user = create_user(username=name, email=f"{name}@example.org", password=password)
        EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
        actors[name] = actor_for(user, confirmed=True, credential=Credential(kind=CredentialKind.SESSION))
    make_organization(actors)
    for owner, name, visibility, description, _pushes in REPOSITORIES:
        repositories[f"{owner}/{name}"] = actions.create_repository(
            actor=actors.get(owner, actors[PEOPLE[0]]),
            namespace=owner,
            name=name,
            visibility=visibility,
            description=description,
        )
    share(actors[PEOPLE[0]], repositories[f"{ORGANIZATION}/payments/api"])
    for name, place in STARS:
        actions.star_repository(actor=actors[name], repository=repositories[place])
    for name, place, text in COMMENTS:
        actions.add_comment(actor=actors[name], repository=repositories[place], text=text)


def make_organization(actors: "dict[str, Actor]") -> None:
    """Two teams with grants by pattern, base permission none, and a guest from outside."""
    from orgs import actions as orgs  # noqa: PLC0415
    from orgs.models import BasePermission, MemberRole  # noqa: PLC0415
    from portal.accounts.models import User  # noqa: PLC0415
    from repositories.grants import actions as grants  # noqa: PLC0415

    owner = actors[PEOPLE[0]]
    organization = orgs.create_organization(
        actor=owner, name=ORGANIZATION, full_name="Fjord Ferries", description="Tickets for every crossing"
    )
    orgs.update_rules(actor=owner, organization=organization, base_permission=BasePermission.NONE)
    for name, description, members, granted in TEAMS:
        team = orgs.create_team(actor=owner, organization=organization, name=name, description=description)
        for member in members:
            with transaction.atomic():
                user = User.objects.get(username=member)
                orgs.enrol(actor=owner, organization=organization, user=user, role=MemberRole.MEMBER, team=team)
        for pattern, role in granted:
            grants.grant_to_team(
                actor=owner, organization=organization, team=team, pattern=pattern, role=grants.role_named(role)
            )


def share(owner: "Actor", repository: "Repository") -> None:
    """With the guest, for a while."""
    from repositories.grants import actions as grants  # noqa: PLC0415

    expires_at = timezone.now() + timedelta(days=GUEST_DAYS)
    grants.grant_to_person(
        actor=owner, repository=repository, username=GUEST, role=grants.role_named("READ"), expires_at=expires_at
    )


def image_of(text: str, *, platforms: int, source: str) -> Image:
    title, _, version = text.partition(" ")
    labels = {
        "org.opencontainers.image.title": title,
        "org.opencontainers.image.version": version,
        "org.opencontainers.image.source": source,
    }
    files = {
        "base": b"#!/bin/sh\n" + b"# the same for all images\n" * 400,
        "hello": f"#!/bin/sh\necho {text}\n".encode(),
    }
    created = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    return make_image(files, platforms=platforms, labels=labels, created=created)


if __name__ == "__main__":
    main()
