"""Preview: what it says is what comes true, and nothing is changed by asking."""

from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone
from hypothesis import given, settings, strategies as st
from hypothesis.extra.django import TestCase

from orgs import actions as orgs
from orgs.models import BasePermission, MemberRole, Organization
from portal.accounts.models import User
from portal.events.models import Event
from portal.kit.errors import Forbidden
from repositories import actions as repositories
from repositories.access import visible
from repositories.access.people import Who, access_to
from repositories.grants import actions as grants, preview as previews
from repositories.grants.preview import Preview, Touched, preview
from repositories.models import Grant, Repository
from tests import factories
from tests.factories.orgs import add_member, make_organization, make_team

pytestmark = pytest.mark.django_db


@pytest.fixture
def acme(alice: User, bob: User) -> Organization:
    """Alice owns; Bob is a member; `api` and `payments/web` are private."""
    organization = make_organization(alice, base_permission=BasePermission.READ)
    add_member(organization, bob)
    make(alice, "api")
    make(alice, "payments/web")
    return organization


def make(owner: User, name: str, **more: Any) -> Repository:
    return repositories.create_repository(actor=factories.actor(owner), namespace="acme", name=name, **more)


def told(found: Preview) -> list[tuple[str, str, str, str]]:
    changes = [*found.gains, *found.losses]
    return [(entry.name, entry.repository, entry.before_word, entry.after_word) for entry in changes]


def test_the_base_permission(acme: Organization, alice: User) -> None:
    actor = factories.actor(alice)

    def change() -> object:
        return orgs.update_rules(actor=actor, organization=acme, base_permission=BasePermission.WRITE)

    before = Event.objects.count()
    found = preview(actor, change, Touched(acme.namespace))
    assert told(found) == [("bob", "acme/api", "read", "write"), ("bob", "acme/payments/web", "read", "write")]
    assert found.gains[0].words == "base permission write"
    assert not found.needs_confirmation
    acme.refresh_from_db()
    assert acme.base_permission == BasePermission.READ
    assert Event.objects.count() == before


def test_nothing_is_queued_by_asking(
    acme: Organization, alice: User, queued: list[Any], django_capture_on_commit_callbacks: Callable[..., Any]
) -> None:
    actor = factories.actor(alice)
    row = Repository.objects.get(name="api")
    with django_capture_on_commit_callbacks(execute=True):
        preview(
            actor,
            lambda: repositories.change_visibility(actor=actor, repository=row, visibility="public"),
            Touched(acme.namespace, row.name),
        )
    assert queued == []


def test_a_team_by_pattern_names_the_team_and_its_people(acme: Organization, alice: User, bob: User) -> None:
    team = make_team(acme, "payers", bob)
    actor = factories.actor(alice)

    def change() -> object:
        return grants.grant_to_team(
            actor=actor, organization=acme, team=team, pattern="payments/*", role=Grant.Role.WRITE
        )

    found = preview(actor, change, Touched(acme.namespace, "payments/*", teams=[team]))
    assert told(found) == [
        ("payers", "acme/payments/web", "none", "write"),
        ("bob", "acme/payments/web", "read", "write"),
    ]
    assert found.gains[1].words == "team payers"
    assert found.matched == 1


def test_an_outsider_who_gains_is_to_be_confirmed(acme: Organization, alice: User, charlie: User) -> None:
    actor, row = factories.actor(alice), Repository.objects.get(name="api")

    def change() -> object:
        return grants.grant_to_person(actor=actor, repository=row, username="charlie", role=Grant.Role.READ)

    found = preview(actor, change, Touched(acme.namespace, row.name, Who(users={charlie.pk})))
    assert told(found) == [("charlie", "acme/api", "none", "read")]
    assert found.outsiders == ["charlie"]
    assert found.outsiders_gain
    assert found.needs_confirmation


def test_a_repository_that_becomes_public_is_to_be_confirmed(acme: Organization, alice: User, bob: User) -> None:
    acme.base_permission = BasePermission.NONE
    acme.save()
    actor, row = factories.actor(alice), Repository.objects.get(name="api")

    def change() -> object:
        return repositories.change_visibility(actor=actor, repository=row, visibility="public")

    found = preview(actor, change, Touched(acme.namespace, row.name))
    assert found.becomes_public == ["acme/api"]
    assert found.needs_confirmation
    assert told(found) == [("bob", "acme/api", "none", "read")]
    assert found.gains[0].words == "public"


def test_who_is_taken_away_loses_what_they_had(acme: Organization, alice: User, bob: User) -> None:
    row = Repository.objects.get(name="api")
    actor = factories.actor(alice)
    grants.grant_to_person(actor=actor, repository=row, username="bob", role=Grant.Role.ADMIN)
    found = preview(
        actor,
        lambda: orgs.remove_member(actor=actor, organization=acme, username="bob"),
        Touched(acme.namespace, who=Who(users={bob.pk})),
    )
    assert told(found) == [("bob", "acme/api", "admin", "none"), ("bob", "acme/payments/web", "read", "none")]
    assert found.losses[0].words == "collaborator, base permission read"
    assert acme.memberships.filter(user=bob).exists()


def test_a_change_that_is_refused_is_refused(acme: Organization, bob: User) -> None:
    actor = factories.actor(bob)
    with pytest.raises(Forbidden):
        preview(
            actor,
            lambda: orgs.update_rules(actor=actor, organization=acme, base_permission=0),
            Touched(acme.namespace),
        )


def test_what_is_too_much_is_left_out_and_said(
    acme: Organization, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(previews, "PAIRS_MAX", 3)
    actor = factories.actor(alice)
    found = preview(
        actor,
        lambda: orgs.update_rules(actor=actor, organization=acme, base_permission=0),
        Touched(acme.namespace),
    )
    assert told(found) == [("bob", "acme/api", "read", "none")]
    assert "Only the first 1 repositories" in found.truncated
    assert found.needs_confirmation


def test_an_unconfirmed_person_gains_no_more_than_read(acme: Organization, alice: User, eve: User) -> None:
    add_member(acme, eve)
    actor = factories.actor(alice)
    found = preview(
        actor,
        lambda: orgs.update_rules(actor=actor, organization=acme, base_permission=BasePermission.WRITE),
        Touched(acme.namespace, who=Who(users={eve.pk})),
    )
    assert told(found) == []
    assert found.is_empty


def test_the_same_change_of_several_people_is_one_group(acme: Organization, alice: User, charlie: User) -> None:
    add_member(acme, charlie)
    actor = factories.actor(alice)
    found = preview(
        actor,
        lambda: orgs.update_rules(actor=actor, organization=acme, base_permission=BasePermission.NONE),
        Touched(acme.namespace),
    )
    assert found.gain_groups == []
    (group,) = found.loss_groups
    assert group.names == ["bob", "charlie"]
    assert group.repositories == ["acme/api", "acme/payments/web"]


def test_more_people_cost_no_more_queries(
    acme: Organization, alice: User, django_assert_max_num_queries: Callable[..., Any]
) -> None:
    actor = factories.actor(alice)
    for n in range(6):
        add_member(acme, factories.make_user(f"member{n}"))
        make(alice, f"app{n}")

    def change() -> object:
        return orgs.update_rules(actor=actor, organization=acme, base_permission=BasePermission.NONE)

    with django_assert_max_num_queries(24):
        found = preview(actor, change, Touched(acme.namespace))
    assert len(found.losses) == 7 * 8


CHANGES = ("base", "grant", "revoke", "join", "leave", "role", "remove", "public", "private", "team")


class ComesTrue(TestCase):
    """Random worlds: what the preview says is the difference between before and after the real change."""

    @settings(max_examples=60, deadline=None)
    @given(data=st.data())
    def test_what_it_says_comes_true(self, data: st.DataObject) -> None:
        alice, bob, charlie = (factories.make_user(name) for name in ("alice", "bob", "charlie"))
        acme = make_organization(alice, base_permission=data.draw(st.sampled_from(BasePermission.values)))
        actor = factories.actor(alice)
        add_member(acme, bob, data.draw(st.sampled_from([MemberRole.MEMBER, MemberRole.EDITOR])))
        rows = [make(alice, name, visibility=data.draw(st.sampled_from(["public", "private"]))) for name in "ab"]
        team = make_team(acme, "crew", *([bob] if data.draw(st.booleans()) else []))
        pattern = data.draw(st.sampled_from(["a", "b", "*"]))
        role = data.draw(st.sampled_from(Grant.Role.values))
        if data.draw(st.booleans()):
            Grant.objects.create(namespace=acme.namespace, pattern=pattern, team=team, role=role)
        guest = Grant.objects.create(namespace=acme.namespace, pattern="a", user=charlie, role=role)
        if data.draw(st.booleans()):
            Grant.objects.filter(pk=guest.pk).update(expires_at=timezone.now())
        wanted = Grant.Role(data.draw(st.sampled_from(Grant.Role.values)))
        row = rows[0]
        in_team = team.team_members.exists()
        changes: dict[str, Callable[[], object]] = {
            "base": lambda: orgs.update_rules(actor=actor, organization=acme, base_permission=wanted - 1),
            "grant": lambda: grants.grant_to_team(
                actor=actor, organization=acme, team=team, pattern=pattern, role=wanted
            ),
            "revoke": lambda: grants.revoke_grant(actor=actor, grant=guest),
            "join": lambda: orgs.add_team_member(actor=actor, team=team, username="bob"),
            "leave": lambda: orgs.remove_team_member(actor=actor, team=team, username="bob") if in_team else None,
            "role": lambda: orgs.change_member_role(
                actor=actor, organization=acme, username="bob", role=MemberRole(int(wanted))
            ),
            "remove": lambda: orgs.remove_member(actor=actor, organization=acme, username="bob"),
            "public": lambda: repositories.change_visibility(actor=actor, repository=row, visibility="public"),
            "private": lambda: repositories.change_visibility(actor=actor, repository=row, visibility="private"),
            "team": lambda: orgs.delete_team(actor=actor, team=team),
        }
        change = changes[data.draw(st.sampled_from(CHANGES))]
        found = preview(actor, change, Touched(acme.namespace))
        before = roles()
        change()
        after = roles()
        said = {(entry.name, entry.repository): (entry.before, entry.after) for entry in [*found.gains, *found.losses]}
        real = {
            pair: (before.get(pair, 0), after.get(pair, 0))
            for pair in before.keys() | after.keys()
            if before.get(pair, 0) != after.get(pair, 0)
        }
        # A stranger whom a grant never named gains nothing that everybody doesn't: they are not named one by one.
        unnamed = {pair for pair in real if pair[0] == "charlie" and pair not in said}
        assert said == {pair: value for pair, value in real.items() if pair not in unnamed}
        assert not unnamed or found.becomes_public or found.becomes_private


def roles() -> dict[tuple[str, str], int]:
    """By the lists that everybody sees, not by what the preview reads."""
    found = {}
    for user in User.objects.all():
        for row in visible(factories.actor(user)).filter(namespace__name="acme"):
            found[user.username, row.full_name] = row.role
    return found


def test_one_look_at_nobody_finds_nothing(acme: Organization) -> None:
    assert access_to(list(Repository.objects.all()), who=Who()).held == {}
