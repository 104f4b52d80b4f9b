"""Every page of a repository for everybody: who sees it, who is led to sign in, who is refused."""

from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from portal.accounts.models import User
from repositories.actions import add_comment
from repositories.models import Repository
from tests import factories
from tests.conftest import signed_in
from tests.factories import images, webhooks

PAGES = "repositories.urls", "repositories.images.urls", "repositories.webhooks.urls"
GET, POST = "get", "post"

# name: (method, what anonymous, a stranger and the owner get on a public repository, and the stranger on a private one)
TABLE: dict[str, tuple[str, int, int, int, int]] = {
    "repository_create": (GET, 302, 200, 200, 200),
    "namespace": (GET, 200, 200, 200, 200),
    "repository": (GET, 200, 200, 200, 404),
    "repository_tags": (GET, 200, 200, 200, 404),
    "repository_tag": (GET, 200, 200, 200, 404),
    "repository_tag_roll_back": (GET, 302, 403, 200, 404),
    "repository_tag_restore": (GET, 302, 403, 200, 404),
    "repository_tag_copy": (GET, 302, 200, 200, 404),
    "repository_image": (GET, 200, 200, 200, 404),
    "repository_image_raw": (GET, 503, 503, 503, 404),  # no registry runs here
    "repository_compare": (GET, 200, 200, 200, 404),
    "repository_history": (GET, 200, 200, 200, 404),
    "repository_comments": (GET, 200, 200, 200, 404),
    "repository_comment_delete": (POST, 403, 403, 302, 404),
    "repository_star": (POST, 401, 302, 302, 404),
    "repository_settings": (GET, 302, 403, 200, 404),
    "repository_archive": (POST, 401, 403, 302, 404),
    "repository_tag_settings": (GET, 302, 403, 200, 404),
    "repository_webhooks": (GET, 302, 403, 200, 404),
    "repository_webhook_new": (GET, 302, 403, 200, 404),
    "repository_webhook_preview": (POST, 401, 403, 200, 404),
    "repository_webhook": (GET, 302, 403, 200, 404),
    "repository_webhook_edit": (GET, 302, 403, 200, 404),
    "repository_webhook_switch": (POST, 401, 403, 302, 404),
    "repository_webhook_delete": (POST, 401, 403, 302, 404),
    "repository_webhook_rotate": (POST, 401, 403, 200, 404),
    "repository_webhook_ping": (POST, 401, 403, 302, 404),
    "repository_webhook_resume": (POST, 401, 403, 302, 404),
    "repository_redeliver_many": (GET, 302, 403, 200, 404),
    "repository_delivery": (GET, 302, 403, 200, 404),
    "repository_redeliver": (POST, 401, 403, 302, 404),
    "repository_callback": (POST, 404, 404, 404, 404),  # nothing signed
}


def page_names() -> Iterator[str]:
    for module in PAGES:
        names = (str(pattern.name) for pattern in import_module(module).urlpatterns)
        yield from (name for name in names if name == "namespace" or not name.startswith("namespace_"))


def test_no_page_is_missing_from_the_table() -> None:
    assert set(page_names()) == set(TABLE)


def fill(owner: User, repository: Repository) -> dict[str, list[Any]]:
    """Something behind every address; name -> the arguments after namespace and name."""
    digest = images.push_image(repository, "latest", by=owner).digest
    comment = add_comment(actor=factories.actor(owner), repository=repository, text="Mine")
    webhook = webhooks.make_webhook(owner, repository)
    delivery = webhooks.make_delivery(webhook)
    one, below = [webhook.pk], [webhook.pk, delivery.public_id]
    tag, image = ["latest"], [digest]
    return {
        **dict.fromkeys(("repository_tag", "repository_tag_roll_back", "repository_tag_restore"), tag),
        "repository_tag_copy": tag,
        **dict.fromkeys(("repository_image", "repository_image_raw"), image),
        "repository_comment_delete": [comment.pk],
        **dict.fromkeys(("repository_webhook", "repository_webhook_edit", "repository_webhook_switch"), one),
        **dict.fromkeys(("repository_webhook_delete", "repository_webhook_rotate"), one),
        **dict.fromkeys(("repository_webhook_ping", "repository_webhook_resume"), one),
        "repository_redeliver_many": one,
        "repository_callback": ["x"],
        **dict.fromkeys(("repository_delivery", "repository_redeliver"), below),
    }


def address(name: str, repository: Repository, rest: dict[str, list[Any]]) -> str:
    if name == "repository_create":
        return reverse(name)
    if name == "namespace":
        return reverse(name, args=[repository.namespace_name])
    return reverse(name, args=[repository.namespace_name, repository.name, *rest.get(name, [])])


@pytest.mark.parametrize("name", TABLE)
def test_who_gets_what(name: str, alice: User, bob: User, public_app: Repository, private_app: Repository) -> None:
    method, anonymous, stranger, owner, private = TABLE[name]
    public_url = address(name, public_app, fill(alice, public_app))
    private_url = address(name, private_app, fill(alice, private_app))
    asked = [
        (Client(), public_url, anonymous),
        (signed_in(bob), public_url, stranger),
        (signed_in(bob), private_url, private),
        (Client(), private_url, 404 if private == 404 else anonymous),
        (signed_in(alice), private_url, owner),
        (signed_in(alice), public_url, owner),
    ]
    got = [(url, getattr(client, method)(url).status_code) for client, url, _status in asked]
    assert got == [(url, status) for _client, url, status in asked]


@pytest.mark.parametrize("name", [name for name, row in TABLE.items() if row[0] == POST])
def test_what_changes_something_takes_a_post_only(name: str, alice: User, public_app: Repository) -> None:
    url = address(name, public_app, fill(alice, public_app))
    assert signed_in(alice).get(url).status_code == 405


@pytest.mark.parametrize("name", [name for name, row in TABLE.items() if row[1] == 302])
def test_the_sign_in_page_leads_back(name: str, alice: User, public_app: Repository) -> None:
    url = address(name, public_app, fill(alice, public_app))
    assert Client().get(url)["Location"] == f"/accounts/login/?next={url}"
