"""Actor x permission x expected: read it as the policy of the house."""

import itertools

import pytest
from django.test import TestCase
from django.utils import timezone

from portal.accounts.actor import ANONYMOUS, SYSTEM, Actor, CredentialKind
from portal.accounts.models import TokenLevel
from portal.kit.errors import Forbidden, MoorageError, NotFound, Unauthorized
from repositories import access
from repositories.access import Can, Permission
from repositories.models import Comment, Repository
from tests import factories

pytestmark = pytest.mark.django_db

READ = {"view", "pull"}
SOCIAL = {"star", "comment"}
OWN = {
    "push",
    "edit",
    "delete_images",
    "protect_tags",
    "archive",
    "change_visibility",
    "webhooks",
    "moderate",
    "reconcile",
}
OWN |= {"manage_access", "delete"}
FROZEN = {"comment", "push", "edit", "delete_images", "protect_tags"}
"""What nobody does once it is archived."""

# Who -> what they may do with Alice's public and with Alice's private repository.
POLICY = [
    ("nobody", READ, set()),
    ("alice", READ | SOCIAL | OWN, READ | SOCIAL | OWN),
    ("alice by password", READ | SOCIAL | OWN, READ | SOCIAL | OWN),
    ("alice unconfirmed", READ, READ),
    ("stranger", READ | SOCIAL, set()),
    ("stranger unconfirmed", READ, set()),
    ("token public_read", READ, set()),
    ("token read", READ, READ),
    ("token write", READ | SOCIAL | {"push", "edit"}, READ | SOCIAL | {"push", "edit"}),
    ("token admin", READ | SOCIAL | OWN, READ | SOCIAL | OWN),
    ("stranger's admin token", READ | SOCIAL, set()),
    ("system", READ | SOCIAL | OWN, READ | SOCIAL | OWN),
]


def make_actor(who: str) -> Actor:
    if who == "nobody":
        return ANONYMOUS
    if who == "system":
        return SYSTEM
    owner = factories.make_user("alice", confirmed=who != "alice unconfirmed")
    if who == "alice by password":
        return factories.actor(owner, kind=CredentialKind.PASSWORD)
    if who.startswith("token "):
        return factories.token_actor(owner, f"repo:{who.split()[1]}")
    if who.startswith("stranger"):
        stranger = factories.make_user("charlie", confirmed="unconfirmed" not in who)
        return factories.token_actor(stranger) if "token" in who else factories.actor(stranger)
    return factories.actor(owner)


def make_repositories(actor: Actor) -> tuple[Repository, Repository]:
    """By a confirmed owner: Alice herself may be unconfirmed in this world."""
    from portal.accounts.models import Namespace, User

    if not User.objects.filter(username="alice").exists():
        factories.make_user("alice")
    namespace = Namespace.objects.get(name="alice")
    made = [
        Repository.objects.create(namespace=namespace, name=kind, full_name=f"alice/{kind}", visibility=kind)
        for kind in ("public", "private")
    ]
    return made[0], made[1]


@pytest.mark.parametrize(("who", "on_public", "on_private"), POLICY, ids=[row[0] for row in POLICY])
def test_policy(who: str, on_public: set[str], on_private: set[str]) -> None:
    actor = make_actor(who)
    public, private = make_repositories(actor)
    for repository, expected in ((public, on_public), (private, on_private)):
        has = {p.name.lower() for p in Permission if access.allowed(actor, p, repository)}
        assert has == expected
        assert access.visible(actor).filter(pk=repository.pk).exists() == bool(expected)


@pytest.mark.parametrize(("who", "on_public", "on_private"), POLICY, ids=[row[0] for row in POLICY])
def test_policy_of_what_is_archived(who: str, on_public: set[str], on_private: set[str]) -> None:
    """It is there to be seen and pulled; what makes it, shares it or brings it back stays with its admins."""
    actor = make_actor(who)
    frozen = set() if who == "system" else FROZEN
    for repository, expected in zip(make_repositories(actor), (on_public, on_private), strict=True):
        repository.archived_at = timezone.now()
        repository.save()
        assert {p.name.lower() for p in Permission if access.allowed(actor, p, repository)} == expected - frozen
        assert access.visible(actor).filter(pk=repository.pk).exists() == bool(expected)


@pytest.mark.parametrize("who", [row[0] for row in POLICY])
def test_every_way_to_ask_agrees(who: str) -> None:
    actor = make_actor(who)
    for repository, permission in itertools.product(make_repositories(actor), Permission):
        allowed = access.allowed(actor, permission, repository)
        try:
            access.fetch_repository(actor, "alice", repository.name, permission)
            fetched = True
        except MoorageError:
            fetched = False
        row = access.visible(actor).filter(pk=repository.pk).first()
        can = row is not None and getattr(Can(actor, row), permission.name.lower())
        assert allowed == fetched == can, permission


def test_invisible_is_not_found_and_forbidden_says_why(public_app, private_app, as_bob) -> None:
    with pytest.raises(NotFound):
        access.fetch_repository(as_bob, "alice", "private-app")
    with pytest.raises(NotFound):
        access.fetch_repository(as_bob, "alice", "never-was")
    with pytest.raises(Forbidden, match="role “write”"):
        access.fetch_repository(as_bob, "alice", "public-app", Permission.PUSH)
    with pytest.raises(Unauthorized):
        access.fetch_repository(ANONYMOUS, "alice", "public-app", Permission.PUSH)


def test_a_refusal_says_that_it_is_archived_to_who_could_else(alice, bob, public_app) -> None:
    public_app.archived_at = timezone.now()
    public_app.save()
    with pytest.raises(Forbidden, match="archived"):
        access.fetch_repository(factories.actor(alice), "alice", "public-app", Permission.PUSH)
    with pytest.raises(Forbidden, match="role “write”"):
        access.fetch_repository(factories.actor(bob), "alice", "public-app", Permission.PUSH)


def test_a_refused_token_names_its_label_and_the_level_it_lacks(alice, public_app) -> None:
    actor = factories.token_actor(alice, TokenLevel.READ)
    with pytest.raises(Forbidden, match="“ci” lacks the level “Read and write”"):
        access.fetch_repository(actor, "alice", "public-app", Permission.PUSH)


def test_a_permission_without_a_level_is_closed_to_tokens(alice, public_app, monkeypatch) -> None:
    monkeypatch.delitem(access.LEAST_LEVEL, Permission.DELETE)
    actor = factories.token_actor(alice)
    assert not access.allowed(actor, Permission.DELETE, public_app)
    assert access.allowed(factories.actor(alice), Permission.DELETE, public_app)


def test_a_missing_actor_is_a_type_error(public_app) -> None:
    with pytest.raises(TypeError):
        access.visible(None)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        access.allowed(None, Permission.VIEW, public_app)  # type: ignore[arg-type]


def test_can_knows_no_other_words(as_alice, public_app) -> None:
    with pytest.raises(AttributeError):
        _ = Can(as_alice, public_app).fly


def test_every_permission_has_a_least_role() -> None:
    assert set(access.LEAST_ROLE) == set(Permission)


def test_who_may_create_where(alice, bob, eve) -> None:
    def may(actor: Actor, namespace: str) -> bool:
        from portal.accounts.models import Namespace

        return access.decide_create(actor, Namespace.objects.filter(name=namespace).first()).allowed

    assert may(factories.actor(alice), "alice")
    assert may(SYSTEM, "alice")
    assert not may(factories.actor(alice), "bob")
    assert not may(factories.actor(alice), "nowhere")
    assert not may(factories.actor(eve), "eve")
    assert not may(ANONYMOUS, "alice")
    assert may(factories.token_actor(alice, TokenLevel.WRITE), "alice")
    assert not may(factories.token_actor(alice, TokenLevel.READ), "alice")


@pytest.mark.parametrize(("policy", "expected"), [("off", None), ("private", "private"), ("public", "public")])
def test_create_on_push_follows_the_namespace(alice, policy, expected) -> None:
    alice.namespace.create_on_push = policy
    alice.namespace.save()
    actor = factories.actor(alice)
    assert access.visibility_on_push(actor, "alice/new/app") == expected
    assert access.visibility_on_push(actor, "alice/tags/app") is None
    assert access.visibility_on_push(actor, "alice") is None
    assert access.visibility_on_push(ANONYMOUS, "alice/new") is None


def test_a_comment_is_deleted_by_its_author_or_an_admin(alice, bob, charlie, public_app) -> None:
    comment = Comment.objects.create(repository=public_app, author=bob, text="hello")

    def may(actor: Actor) -> bool:
        return access.may_delete_comment(actor, comment, access.visible(actor).get(pk=public_app.pk))

    assert may(factories.actor(bob))
    assert may(factories.actor(alice))
    assert not may(factories.actor(charlie))
    assert not may(ANONYMOUS)
    assert not may(factories.token_actor(bob, TokenLevel.READ))


def test_costs_one_query(as_bob, public_app) -> None:
    with TestCase().assertNumQueries(1):
        access.fetch_repository(as_bob, "alice", "public-app", Permission.PULL)


def test_what_one_may_create_in(alice, as_alice) -> None:
    assert [n.name for n in access.namespaces_to_create_in(as_alice)] == ["alice"]
    assert not access.namespaces_to_create_in(ANONYMOUS).exists()
