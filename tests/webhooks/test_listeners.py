"""Which webhooks the page names that asks whether a tag shall be rolled back."""

from typing import Any

from portal.accounts.actor import Actor
from portal.accounts.models import User
from repositories.access import fetch_repository
from repositories.grants.actions import grant_to_person
from repositories.models import Grant, Repository
from repositories.webhooks import actions
from repositories.webhooks.access import Place
from repositories.webhooks.listeners import heard_by
from repositories.webhooks.models import Webhook
from tests import factories

URL = "https://ci.example.org/hook"


def test_those_that_would_hear_of_it(as_alice: Actor, public_app: Repository) -> None:
    def make(name: str, place: Place = public_app, **choices: Any) -> Webhook:
        return actions.create_webhook(actor=as_alice, place=place, name=name, url=URL, **choices)

    make("of all", place=public_app.namespace)
    make("of other repositories", place=public_app.namespace, repository_pattern="x*")
    make("every push")
    make("releases", tag_patterns=["v.*"])
    make("deletions", events=["tag.delete"], format="moorage")
    off = make("off")
    actions.update_webhook(actor=as_alice, webhook=off, is_active=False)
    assert heard_by(as_alice, public_app, "latest", "push") == ["every push", "of all"]
    assert heard_by(as_alice, public_app, "v1", "push") == ["every push", "releases", "of all"]
    assert heard_by(as_alice, public_app, "v1", "tag.delete") == ["deletions"]


def test_who_manages_one_repository_is_not_told_the_names_of_the_namespaces(
    as_alice: Actor, bob: User, public_app: Repository
) -> None:
    actions.create_webhook(actor=as_alice, place=public_app.namespace, name="secret plan", url=URL)
    as_bob = factories.actor(bob)
    assert heard_by(as_bob, fetch_repository(as_bob, "alice", public_app.name), "v1", "push") is None
    grant_to_person(actor=as_alice, repository=public_app, username="bob", role=Grant.Role.ADMIN)
    seen = fetch_repository(as_bob, "alice", public_app.name)
    assert heard_by(as_bob, seen, "v1", "push") == ["webhooks of alice"]
    assert heard_by(as_alice, public_app, "v1", "push") == ["secret plan"]
