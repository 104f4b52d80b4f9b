"""The token service decides by itself nothing: in random worlds it grants exactly what `access` allows."""

import itertools
import random

import pytest
from allauth.account.models import EmailAddress

from portal.accounts.actor import ANONYMOUS, Actor, CredentialKind, actor_for
from portal.accounts.credentials import access_token_credential
from portal.accounts.models import CreateOnPush, Namespace, TokenLevel, User
from repositories import access
from repositories.access import Permission
from repositories.models import Repository, Visibility
from repositories.registry import lookup
from tests import factories
from tests.factories import PASSWORD
from tests.registry.conftest import Ask

pytestmark = pytest.mark.django_db

NAMES = ["app", "team/app", "other", "tags", "x/blobs/y"]
ACTIONS = {"pull": Permission.PULL, "push": Permission.PUSH, "delete": Permission.DELETE_IMAGES}


def make_world(seed: int) -> list[User]:
    """People, confirmed or not, each with some repositories and a policy for pushes."""
    chance = random.Random(seed)
    people = [factories.make_user(name, confirmed=chance.random() < 0.7) for name in ("anna", "berta", "carl")]
    for person in people:
        Namespace.objects.filter(pk=person.namespace_id).update(create_on_push=chance.choice(CreateOnPush.values))
        for name in chance.sample(NAMES, k=2):
            Repository.objects.create(
                namespace=person.namespace,
                name=name,
                full_name=f"{person.username}/{name}",
                visibility=chance.choice(Visibility.values),
            )
    return people


def credentials_of(person: User) -> list[tuple[Actor, str]]:
    """Every way in which a client may come as this person: the actor that access knows, and the secret."""
    found = [(factories.actor(person, kind=CredentialKind.PASSWORD), PASSWORD)]
    confirmed = EmailAddress.objects.filter(user=person, verified=True).exists()
    for level in TokenLevel:
        token, secret = factories.make_access_token(person, level, label=level.name)
        credential = access_token_credential(token.pk, token.label, token.level)
        found.append((actor_for(person, confirmed=confirmed, credential=credential), secret))
    return found


def expected(actor: Actor, full_name: str) -> set[str]:
    """By the functions that pages and API ask."""
    repository = Repository.objects.filter(full_name=full_name).first()
    if repository is None:
        return {"pull", "push"} if access.visibility_on_push(actor, full_name) else set()
    return {action for action, permission in ACTIONS.items() if access.allowed(actor, permission, repository)}


@pytest.mark.parametrize("seed", range(6))
def test_a_token_grants_what_access_allows(ask: Ask, seed) -> None:
    people = make_world(seed)
    names = [f"{owner}/{name}" for owner, name in itertools.product(["anna", "berta", "carl", "nobody"], NAMES)]
    scopes = [f"repository:{name}:pull,push,delete" for name in names]
    callers = [(ANONYMOUS, "", "")]
    callers += [(actor, person.username, secret) for person in people for actor, secret in credentials_of(person)]
    for actor, login, secret in callers:
        grants = ask(*scopes, login=login, secret=secret).grants
        assert grants == {name: wanted for name in names if (wanted := expected(actor, name))}, actor


@pytest.mark.parametrize("seed", range(6))
def test_the_role_read_in_the_statement_is_the_role_of_the_rows(seed) -> None:
    people = make_world(seed)
    names = list(Repository.objects.values_list("full_name", flat=True))
    for person, (actor, secret) in [(p, pair) for p in people for pair in credentials_of(p)[1:]]:
        found = lookup.find_by_access_token(person.username, secret, names)
        assert found is not None
        assert found.actor == actor
        seen = {row.full_name: row.role for row in access.visible(actor)}
        for name, row in found.rows.items():
            role = access.effective_role(actor, full_role=row.full_role, full_name=name, visibility=row.visibility)
            assert role == seen.get(name, access.Role.NONE)
    assert names
