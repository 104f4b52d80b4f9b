"""Who may do what with webhooks, of a repository, of a person's namespace, of an organization's."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from orgs.models import MemberRole, Organization
from portal.accounts.actor import (
    ANONYMOUS,
    SYSTEM,
    Actor,
    Credential,
    CredentialKind,
    Limit,
    actor_for_robot,
)
from portal.accounts.models import Namespace, TokenAction, TokenLevel, User
from portal.kit.errors import Forbidden, NotFound, Unauthorized
from repositories.models import Repository
from repositories.webhooks import access, actions, fanout
from repositories.webhooks.models import Delivery, Webhook
from tests import factories
from tests.factories.orgs import add_member, make_organization, make_team
from tests.factories.robots import make_robot
from tests.webhooks.conftest import Push

NOBODY: Any = None
URL = "https://ci.example.org/hook"


def create(actor: Actor, place: access.Place) -> Webhook:
    return actions.create_webhook(actor=actor, place=place, name="new", url=URL)


Use = Callable[[Actor, Delivery], Any]
USES: dict[str, Use] = {
    "create": lambda actor, delivery: create(actor, access.place_of(delivery.webhook)),
    "update": lambda actor, delivery: actions.update_webhook(actor=actor, webhook=delivery.webhook, name="CI"),
    "delete": lambda actor, delivery: actions.delete_webhook(actor=actor, webhook=delivery.webhook),
    "rotate": lambda actor, delivery: actions.rotate_secret(actor=actor, webhook=delivery.webhook),
    "ping": lambda actor, delivery: actions.ping(actor=actor, webhook=delivery.webhook),
    "redeliver": lambda actor, delivery: actions.redeliver(actor=actor, delivery=delivery),
    "redeliver many": lambda actor, delivery: actions.redeliver_many(
        actor=actor, webhook=delivery.webhook, wanted=access.DeliveryFilter()
    ),
    "list": lambda actor, delivery: access.visible_webhooks(actor, access.place_of(delivery.webhook)),
    "deliveries": lambda actor, delivery: access.visible_deliveries(actor, delivery.webhook),
    "fetch": lambda actor, delivery: access.fetch_webhook(actor, "alice", name_of(delivery), delivery.webhook_id),
    "fetch delivery": lambda actor, delivery: access.fetch_delivery(
        actor, "alice", name_of(delivery), delivery.webhook_id, delivery.public_id
    ),
}


def name_of(delivery: Delivery) -> str:
    return delivery.webhook.repository.name if delivery.webhook.repository else ""


@pytest.fixture(params=["repository", "namespace"])
def of_either(request: Any, delivery: Delivery, as_alice: Actor, public_app: Repository, push: Push) -> Delivery:
    """A delivery of a webhook of Alice's public repository, and one of her namespace's."""
    if request.param == "repository":
        return delivery
    create(as_alice, public_app.namespace)
    fanout.fan_out(push().pk)
    return Delivery.objects.select_related("webhook__namespace").get(webhook__repository=None)


@pytest.mark.parametrize("use", USES.values(), ids=USES.keys())
class TestWhoMay:
    def test_the_owner(self, use: Use, as_alice: Actor, of_either: Delivery) -> None:
        assert use(as_alice, of_either) is not NotImplemented

    def test_another(self, use: Use, as_bob: Actor, of_either: Delivery) -> None:
        """Sees the repository, and has no business with the namespace."""
        before = Webhook.objects.count()
        with pytest.raises(Forbidden if of_either.webhook.repository else NotFound):
            use(as_bob, of_either)
        assert Webhook.objects.count() == before

    def test_nobody_has_to_sign_in(self, use: Use, of_either: Delivery) -> None:
        with pytest.raises(Unauthorized):
            use(ANONYMOUS, of_either)

    def test_to_a_stranger_a_private_repository_does_not_exist(
        self, use: Use, as_bob: Actor, delivery: Delivery
    ) -> None:
        Repository.objects.update(visibility="private")
        with pytest.raises(NotFound):
            use(as_bob, delivery)

    def test_who_is_not_confirmed_only_looks(self, use: Use, as_alice: Actor, of_either: Delivery) -> None:
        with pytest.raises(Forbidden):
            use(replace(as_alice, confirmed=False), of_either)

    def test_a_token_needs_the_highest_level(self, use: Use, alice: User, of_either: Delivery) -> None:
        with pytest.raises(Forbidden):
            use(factories.token_actor(alice, TokenLevel.WRITE), of_either)
        use(factories.token_actor(alice, TokenLevel.ADMIN), of_either)


def limited(actor: Actor, path: str, action: str, level: TokenLevel = TokenLevel.ADMIN) -> Actor:
    limits = (Limit(path, frozenset({TokenAction(action)})),)
    credential = Credential(CredentialKind.ACCESS_TOKEN, id=1, label="ci", level=level, limits=limits)
    return replace(actor, credential=credential)


# path, action -> may it manage webhooks of: the repository alice/public-app, the namespace alice, the organization acme
LIMITS = {
    ("alice/public-app", "webhooks"): (True, False, False),
    ("alice/public-app", "manage"): (False, False, False),
    ("alice/*", "webhooks"): (True, True, False),
    ("alice", "webhooks"): (False, True, False),
    ("alice/public*", "webhooks"): (True, False, False),
    ("acme", "webhooks"): (False, False, True),
    ("acme/*", "webhooks"): (False, False, True),
    ("acme/*", "manage"): (False, False, False),
    ("acme", "organization:manage"): (False, False, False),
    ("*", "webhooks"): (True, True, True),
}


@pytest.mark.parametrize(("limit", "expected"), LIMITS.items(), ids=str)
def test_a_limited_token_manages_what_it_names(
    limit: tuple[str, str], expected: tuple[bool, ...], alice: User, as_alice: Actor, public_app: Repository
) -> None:
    places = (public_app, public_app.namespace, make_organization(alice).namespace)
    assert tuple(access.may_manage(limited(as_alice, *limit), place) for place in places) == expected
    lower = limited(as_alice, *limit, level=TokenLevel.WRITE)
    assert not any(access.may_manage(lower, place) for place in places)


class TestOrganization:
    @pytest.fixture
    def acme(self, alice: User) -> Organization:
        return make_organization(alice)

    def test_owners_and_no_one_else(self, acme: Organization, alice: User, bob: User, charlie: User) -> None:
        add_member(acme, bob, MemberRole.EDITOR)
        create(factories.actor(alice), acme.namespace)
        with pytest.raises(Forbidden):
            create(factories.actor(bob), acme.namespace)
        with pytest.raises(NotFound):
            create(factories.actor(charlie), acme.namespace)
        with pytest.raises(Unauthorized):
            create(ANONYMOUS, acme.namespace)
        create(SYSTEM, acme.namespace)

    def test_a_stranger_learns_the_same_of_an_organization_a_person_and_nothing(
        self, acme: Organization, alice: User, as_bob: Actor
    ) -> None:
        """Also when a repository of the organization is public."""
        factories.actor(alice)
        said = set()
        for name in ("acme", "alice", "nobody-at-all"):
            with pytest.raises(NotFound) as caught:
                access.fetch_place(as_bob, name)
            said.add(str(caught.value.message))
        assert len(said) == 1

    @pytest.mark.parametrize(
        ("path", "action", "expected"),
        [
            ("acme", "webhooks", True),
            ("acme/*", "webhooks", True),
            ("acme/api", "webhooks", False),
            ("acme", "organization:manage", False),
            ("acme/*", "manage", False),
        ],
    )
    def test_robots(self, path: str, action: str, expected: bool, acme: Organization, alice: User) -> None:
        robot = actor_for_robot(make_robot(alice, acme, action, path=path)[0])
        assert access.may_manage(robot, acme.namespace) is expected
        other = make_organization(alice, "other")
        assert not access.may_manage(robot, other.namespace)

    def test_a_teams_robot_has_what_the_team_has_and_no_more(self, acme: Organization, alice: User) -> None:
        make_team(acme, "devs", alice)
        robot = actor_for_robot(make_robot(alice, acme, "webhooks", path="acme", team="devs")[0])
        assert not access.may_manage(robot, acme.namespace)


def test_a_webhook_of_another_place_is_not_found(
    as_alice: Actor, hook: Webhook, delivery: Delivery, private_app: Repository
) -> None:
    for name in (private_app.name, ""):
        with pytest.raises(NotFound):
            access.fetch_webhook(as_alice, "alice", name, hook.pk)
        with pytest.raises(NotFound):
            access.fetch_delivery(as_alice, "alice", name, hook.pk, delivery.public_id)


def test_a_held_name_has_no_webhooks(as_alice: Actor, db: None) -> None:
    held = Namespace.objects.create(name="gone-for-good")
    for actor in (as_alice, SYSTEM):
        with pytest.raises(NotFound):
            create(actor, held)
    assert not access.may_manage(as_alice, held)


def test_lists_cost_the_same_for_two_and_for_six_rows(
    as_alice: Actor, hook: Webhook, push: Push, django_assert_num_queries: Any
) -> None:
    for count in (2, 4):
        for number in range(count):
            fanout.fan_out(push(f"{count}-{number}").pk)
        with django_assert_num_queries(2):
            rows = list(access.visible_deliveries(as_alice, hook))
    assert len(rows) == 6
    with django_assert_num_queries(2):
        assert list(access.visible_webhooks(as_alice, access.place_of(hook))) == [hook]
    with django_assert_num_queries(4):
        one = access.fetch_delivery(as_alice, "alice", "public-app", hook.pk, rows[0].public_id)
        assert list(one.attempts.all()) == []
        assert one.webhook.place == "alice/public-app"
        assert bytes(one.body)
