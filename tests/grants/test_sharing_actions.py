"""Grants: who may give them, what is refused, what is recorded."""

from datetime import timedelta

import pytest
from django.utils import timezone

from orgs.models import MemberRole, Membership, Organization, Team
from portal.accounts.models import User
from portal.events.models import Event
from portal.kit.errors import Conflict, Forbidden, Invalid, NotFound, Unauthorized
from repositories.access import Permission, allowed
from repositories.actions import delete_repository
from repositories.grants.actions import (
    Cell,
    change_grant,
    grant_to_person,
    grant_to_team,
    revoke_grant,
    role_named,
    set_team_grants,
)
from repositories.models import Grant, Repository
from tests import factories
from tests.factories.orgs import make_organization, make_team
from tests.grants.conftest import make

READ, WRITE, ADMIN = Grant.Role.READ, Grant.Role.WRITE, Grant.Role.ADMIN


def share(repository: Repository, by: User, to: User, role: Grant.Role = WRITE, **more) -> Grant:
    return grant_to_person(actor=factories.actor(by), repository=repository, username=to.username, role=role, **more)


def give(organization: Organization, by: User, team: Team, pattern: str, role: Grant.Role = WRITE) -> Grant:
    return grant_to_team(actor=factories.actor(by), organization=organization, team=team, pattern=pattern, role=role)


def test_a_team_may_push_to_what_its_pattern_matches_also_later(
    acme: Organization, alice: User, bob: User, admins: Team
) -> None:
    give(acme, alice, admins, "payments/*")
    later = make(alice, "payments/new")
    assert allowed(factories.actor(bob), Permission.PUSH, later)
    assert not allowed(factories.actor(bob), Permission.PUSH, make(alice, "shop"))


def test_the_same_grant_again_changes_the_role(acme: Organization, alice: User, admins: Team) -> None:
    first = give(acme, alice, admins, "api", READ)
    second = give(acme, alice, admins, "api", ADMIN)
    assert (first.pk, second.role) == (second.pk, ADMIN)
    event = Event.objects.filter(action="repo.grant.update").get()
    terms = {"pattern": "api", "team": "image-admins"}
    assert (event.old, event.new) == (terms | {"role": "read"}, terms | {"role": "admin"})
    give(acme, alice, admins, "api", ADMIN)
    assert Event.objects.filter(action__startswith="repo.grant").count() == 2


def test_every_change_is_an_event_with_old_and_new(alice: User, bob: User, private_app: Repository) -> None:
    grant = share(private_app, alice, bob, READ)
    change_grant(actor=factories.actor(alice), grant=grant, role=WRITE)
    revoke_grant(actor=factories.actor(alice), grant=grant)
    events = Event.objects.filter(action__startswith="repo.grant").order_by("id")
    read = {"pattern": "private-app", "user": "bob", "role": "read", "expires_at": None}
    write = read | {"role": "write"}
    assert [(event.action, event.old, event.new) for event in events] == [
        ("repo.grant.create", {}, read),
        ("repo.grant.update", read, write),
        ("repo.grant.delete", write, {}),
    ]
    assert {(event.namespace, event.target, event.repository_id) for event in events} == {
        ("alice", "alice/private-app", private_app.pk)
    }


def test_who_may_grant_by_pattern(
    acme: Organization, alice: User, olivia: User, bob: User, dave: User, admins: Team
) -> None:
    give(acme, olivia, admins, "payments/*")
    with pytest.raises(Forbidden, match="Editor"):
        give(acme, bob, admins, "*")
    with pytest.raises(NotFound):
        give(acme, dave, admins, "*")
    with pytest.raises(NotFound):
        give(acme, dave, admins, "api")
    assert Grant.objects.count() == 1


def test_the_admin_of_one_repository_grants_on_that_one_alone(
    acme: Organization, alice: User, bob: User, api: Repository, users: Team
) -> None:
    share(api, alice, bob, ADMIN)
    give(acme, bob, users, "api", READ)
    with pytest.raises(Forbidden):
        give(acme, bob, users, "api*", READ)
    with pytest.raises(Forbidden):
        give(acme, bob, users, "shop", READ)


def test_whoever_only_writes_is_refused_with_the_reason(alice: User, bob: User, carol: User, private_app) -> None:
    share(private_app, alice, bob, WRITE)
    with pytest.raises(Forbidden, match="You need the role “admin”"):
        share(private_app, bob, carol)
    with pytest.raises(NotFound):
        share(private_app, carol, carol)
    assert Grant.objects.get().user == bob


def test_nobody_is_asked_to_sign_in(private_app: Repository, bob: User) -> None:
    from portal.accounts.actor import ANONYMOUS

    with pytest.raises(Unauthorized):
        grant_to_person(actor=ANONYMOUS, repository=private_app, username="bob", role=READ)


@pytest.mark.parametrize("level", ["repo:public_read", "repo:read", "repo:write"])
def test_a_token_below_admin_shares_nothing(alice: User, bob: User, private_app: Repository, level: str) -> None:
    with pytest.raises((Forbidden, NotFound)):
        grant_to_person(actor=factories.token_actor(alice, level), repository=private_app, username="bob", role=READ)
    assert not Grant.objects.exists()


@pytest.mark.parametrize(
    ("pattern", "sentence"),
    [
        ("Payments/*", "lower-case"),
        ("a*b", "at the end only"),
        ("", "Write a name"),
        ("payments/", "Write a name"),
        ("a..b", "letters and digits"),
        ("app/tags", "“tags” is reserved"),
        ("a\0b", "Write a name"),
        ("x" * 256, "at most 255"),
        ("пay*", "Write a name"),
    ],
)
def test_a_pattern_that_cannot_be_is_refused(
    acme: Organization, alice: User, admins: Team, pattern: str, sentence: str
) -> None:
    with pytest.raises(Invalid, match=sentence) as caught:
        give(acme, alice, admins, pattern)
    assert list(caught.value.fields) == ["pattern"]
    assert not Grant.objects.exists()


@pytest.mark.parametrize("username", ["nobody", "b\0b", "", "acme", "Bob@example.org"])
def test_whom_there_is_not_is_named(acme: Organization, alice: User, api: Repository, username: str) -> None:
    with pytest.raises(Invalid) as caught:
        grant_to_person(actor=factories.actor(alice), repository=api, username=username, role=READ)
    assert username in str(caught.value.fields["username"][0])


def test_somebody_who_is_switched_off_gets_nothing(alice: User, bob: User, private_app: Repository) -> None:
    User.objects.filter(pk=bob.pk).update(is_active=False)
    with pytest.raises(Invalid, match="bob"):
        share(private_app, alice, bob)


def test_the_owner_of_the_namespace_is_no_collaborator(alice: User, private_app: Repository) -> None:
    with pytest.raises(Invalid, match="alice owns this namespace"):
        share(private_app, alice, alice)


def test_an_end_date_must_lie_ahead(alice: User, bob: User, private_app: Repository) -> None:
    with pytest.raises(Invalid, match="passed") as caught:
        share(private_app, alice, bob, expires_at=timezone.now() - timedelta(seconds=1))
    assert list(caught.value.fields) == ["expires_at"]


def test_an_ended_grant_gives_nothing_and_can_be_extended(alice: User, bob: User, private_app: Repository) -> None:
    grant = share(private_app, alice, bob, expires_at=timezone.now() + timedelta(days=1))
    assert allowed(factories.actor(bob), Permission.PUSH, private_app)
    Grant.objects.update(expires_at=timezone.now() - timedelta(days=1))
    assert not allowed(factories.actor(bob), Permission.PULL, private_app)
    change_grant(actor=factories.actor(alice), grant=grant, role=READ)
    assert not allowed(factories.actor(bob), Permission.PULL, private_app)
    change_grant(actor=factories.actor(alice), grant=grant, expires_at=timezone.now() + timedelta(days=2))
    assert allowed(factories.actor(bob), Permission.PULL, private_app)
    change_grant(actor=factories.actor(alice), grant=grant, expires_at=None)
    assert Grant.objects.get().expires_at is None


def test_ones_own_last_admin_right_stays_and_who_else_could_is_named(
    alice: User, bob: User, private_app: Repository
) -> None:
    grant = share(private_app, alice, bob, ADMIN)
    for change in (
        lambda: revoke_grant(actor=factories.actor(bob), grant=grant),
        lambda: change_grant(actor=factories.actor(bob), grant=grant, role=WRITE),
        lambda: share(private_app, bob, bob, READ),
    ):
        with pytest.raises(Conflict, match=r"your own role admin on alice/private-app.*Ask alice to do it"):
            change()
    assert Grant.objects.get().role == ADMIN
    assert Event.objects.filter(action="repo.grant.update").count() == 0
    revoke_grant(actor=factories.actor(alice), grant=grant)
    assert not Grant.objects.exists()


def test_who_is_admin_another_way_may_take_their_own_grant_away(
    acme: Organization, alice: User, bob: User, api: Repository, admins: Team
) -> None:
    grant = share(api, alice, bob, ADMIN)
    give(acme, alice, admins, "api", ADMIN)
    revoke_grant(actor=factories.actor(bob), grant=grant)
    with pytest.raises(Conflict, match="Ask alice, olivia to do it"):
        give(acme, bob, admins, "api", WRITE)
    assert Grant.objects.get().role == ADMIN


def test_a_team_of_another_organization_is_not_found(acme: Organization, alice: User, api: Repository) -> None:
    other = make_team(make_organization(alice, "globex"), "ops")
    with pytest.raises(NotFound):
        give(acme, alice, other, "api")


def test_a_team_that_was_deleted_meanwhile_is_not_found(acme: Organization, alice: User, admins: Team) -> None:
    Team.objects.filter(pk=admins.pk).delete()
    with pytest.raises(NotFound):
        give(acme, alice, admins, "api")


def test_a_grant_that_is_gone_is_told(alice: User, bob: User, private_app: Repository) -> None:
    grant = share(private_app, alice, bob)
    revoke_grant(actor=factories.actor(alice), grant=Grant.objects.get())
    with pytest.raises(NotFound, match="gone"):
        change_grant(actor=factories.actor(alice), grant=grant, role=READ)


def test_a_repository_that_is_gone_takes_no_collaborator(alice: User, bob: User, private_app: Repository) -> None:
    delete_repository(
        actor=factories.actor(alice),
        repository=Repository.objects.get(pk=private_app.pk),
        typed_name="alice/private-app",
    )
    with pytest.raises(NotFound):
        share(private_app, alice, bob)


def test_a_member_may_be_a_collaborator_too(acme: Organization, alice: User, carol: User, api: Repository) -> None:
    assert not allowed(factories.actor(carol), Permission.PUSH, api)
    share(api, alice, carol, WRITE)
    assert allowed(factories.actor(carol), Permission.PUSH, api)


def test_an_editor_who_is_demoted_grants_no_longer(acme: Organization, olivia: User, admins: Team) -> None:
    Membership.objects.filter(user=olivia).update(role=MemberRole.MEMBER)
    with pytest.raises(Forbidden):
        give(acme, olivia, admins, "*")


def test_roles_have_names_in_any_case() -> None:
    assert role_named(" Write ") == WRITE
    with pytest.raises(Invalid, match="read, write, admin"):
        role_named("owner")


# -- the matrix


def cell(team: Team, pattern: str, role: Grant.Role | None, seen: Grant.Role | None = None) -> Cell:
    return Cell(team, pattern, role, seen)


def test_cells_are_written_together(acme: Organization, olivia: User, api: Repository, admins: Team, users: Team):
    cells = [cell(admins, "api", WRITE), cell(users, "payments/*", READ)]
    assert set_team_grants(actor=factories.actor(olivia), organization=acme, cells=cells) == []
    assert set(Grant.objects.values_list("team__name", "pattern", "role")) == {
        ("image-admins", "api", WRITE),
        ("image-users", "payments/*", READ),
    }
    assert (
        set_team_grants(actor=factories.actor(olivia), organization=acme, cells=[cell(admins, "api", None, WRITE)])
        == []
    )
    assert Grant.objects.get().pattern == "payments/*"
    assert Event.objects.get(action="repo.grant.delete").repository_id == api.pk


def test_a_cell_that_was_changed_meanwhile_stops_them_all(
    acme: Organization, alice: User, olivia: User, api: Repository, admins: Team, users: Team
) -> None:
    give(acme, alice, admins, "api", ADMIN)
    cells = [cell(users, "api", READ), cell(admins, "api", WRITE, READ)]
    stale = set_team_grants(actor=factories.actor(olivia), organization=acme, cells=cells)
    assert stale == [cell(admins, "api", WRITE, ADMIN)]
    assert Grant.objects.get().role == ADMIN


def test_a_cell_that_somebody_else_set_likewise_is_no_conflict(
    acme: Organization, alice: User, olivia: User, admins: Team
) -> None:
    give(acme, alice, admins, "api", WRITE)
    cells = [cell(admins, "api", WRITE, None), cell(admins, "gone", None, READ)]
    assert set_team_grants(actor=factories.actor(olivia), organization=acme, cells=cells) == []
    assert Event.objects.filter(action__startswith="repo.grant").count() == 1


def test_members_and_strangers_write_no_cells(acme: Organization, bob: User, dave: User, admins: Team) -> None:
    cells = [cell(admins, "*", ADMIN)]
    with pytest.raises(Forbidden):
        set_team_grants(actor=factories.actor(bob), organization=acme, cells=cells)
    with pytest.raises(NotFound):
        set_team_grants(actor=factories.actor(dave), organization=acme, cells=cells)
    assert not Grant.objects.exists()
