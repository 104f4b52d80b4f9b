"""--demo: people, repositories and small real images, pushed through the door as docker would."""

import argparse
import json
import secrets
import sys
import time

import django

from deploy.embedded.address import Address, read_address
from deploy.embedded.images import Image, make_image
from deploy.embedded.push import Pusher, PushError

PEOPLE = ("mina", "jonas", "aiko")

# owner, repository, visibility, description, then the pushes in their order: content, platforms, tags.
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
)
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

    if Namespace.objects.filter(name__in=PEOPLE).exists():
        return None
    password = secrets.token_urlsafe(12)
    make_people(password)
    for owner, name, _visibility, _description, pushes in REPOSITORIES:
        pusher = Pusher(address, owner, password)
        for text, platforms, tags in pushes:
            pusher.push(
                image_of(text, platforms=platforms, source=f"{address.url}/{owner}/{name}"), f"{owner}/{name}", *tags
            )
    return password


def make_people(password: str) -> None:
    """People, their repositories, stars and comments; by the actions that the pages use."""
    from allauth.account.models import EmailAddress  # noqa: PLC0415

    from portal.accounts.actions import create_user  # noqa: PLC0415
    from portal.accounts.actor import Credential, CredentialKind, actor_for  # noqa: PLC0415
    from repositories import actions  # noqa: PLC0415

    actors, repositories = {}, {}
    for name in PEOPLE:
        user = create_user(username=name, email=f"{name}@example.org", password=password)
        EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
        actors[name] = actor_for(user, confirmed=True, credential=Credential(kind=CredentialKind.SESSION))
    for owner, name, visibility, description, _pushes in REPOSITORIES:
        repositories[f"{owner}/{name}"] = actions.create_repository(
            actor=actors[owner], namespace=owner, name=name, visibility=visibility, description=description
        )
    for name, place in STARS:
        actions.star_repository(actor=actors[name], repository=repositories[place])
    for name, place, text in COMMENTS:
        actions.add_comment(actor=actors[name], repository=repositories[place], text=text)


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
