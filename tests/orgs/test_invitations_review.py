"""What each line of a list is, and what inviting makes of it."""

import threading
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext

from orgs.actions import invitations as actions
from orgs.invitations import limits
from orgs.invitations.lists import from_names, parse_csv
from orgs.invitations.review import Finding, Line
from orgs.models import Invitation, InvitationState, MemberRole, Organization, Team
from portal.accounts.models import User
from portal.events.models import Event
from portal.kit.errors import Conflict, Forbidden, Invalid, NotFound, RateLimited
from tests import factories
from tests.factories import invitations
from tests.factories.orgs import add_member, make_organization, make_team

pytestmark = pytest.mark.django_db


@pytest.fixture
def acme(alice: User) -> Organization:
    return make_organization(alice)


def lines_of(organization: Organization, by: User, *names: str, **terms: Any) -> list[Line]:
    return actions.invite(actor=factories.actor(by), organization=organization, entries=from_names(names), **terms)


def findings(lines: list[Line]) -> list[str]:
    return [line.finding.name for line in lines]


def test_each_line_is_told_what_it_is(acme: Organization, alice: User, bob: User, charlie: User) -> None:
    add_member(acme, bob)
    invitations.make_invitation(acme, alice, "dave@example.org")
    off = factories.make_user("off")
    User.objects.filter(pk=off.pk).update(is_active=False)
    rows = {
        "charlie": "NEW",
        "Charlie": "DUPLICATE",
        "new@example.org": "NEW",
        "NEW@example.org": "DUPLICATE",
        "bob": "MEMBER",
        "bob@example.org": "MEMBER",
        "dave@example.org": "PENDING",
        "alice": "YOURSELF",
        "alice@example.org": "YOURSELF",
        "nobody": "INVALID",
        "off": "INVALID",
        "acme": "INVALID",
        "a@b@c": "INVALID",
        "@example.org": "INVALID",
        "not a name": "INVALID",
        "": "INVALID",
        '"a,b"@example.org': "INVALID",
        "x" * 250 + "@example.org": "INVALID",
        "nul\0@example.org": "INVALID",
        "nul\0": "INVALID",
        "é": "INVALID",
    }
    lines = lines_of(acme, alice, *rows)
    assert dict(zip(rows, findings(lines), strict=True)) == rows
    assert all(bool(line.reason) == (line.finding is not Finding.NEW) for line in lines)
    assert [str(lines[1].reason), str(lines[9].reason)] == ["The same as in line 1.", "There is no such user."]
    assert sorted(row.label for row in Invitation.objects.all()) == ["charlie", "dave@example.org", "new@example.org"]


def test_who_was_switched_off_is_as_unknown_as_who_never_was(acme: Organization, alice: User, bob: User) -> None:
    User.objects.filter(pk=bob.pk).update(is_active=False)
    off, unknown = lines_of(acme, alice, "bob", "nobody")
    assert (off.finding, str(off.reason)) == (unknown.finding, str(unknown.reason))


def test_what_an_owner_is_refused_does_not_tell_whose_an_address_is(acme: Organization, alice: User, bob: User) -> None:
    """Inviting bob and then addresses, one by one, must not find bob's."""
    assert findings(lines_of(acme, alice, "bob", "bob@example.org", "stranger@example.org")) == ["NEW"] * 3
    assert findings(lines_of(acme, alice, "bob")) == ["PENDING"]


def test_an_address_that_somebody_only_claims_is_not_theirs(acme: Organization, alice: User, eve: User) -> None:
    add_member(acme, eve)
    assert findings(lines_of(acme, alice, "eve@example.org")) == ["NEW"]


def test_a_row_waits_for_its_mail_with_what_was_asked_for(
    acme: Organization, alice: User, bob: User, queued: list[Any], django_capture_on_commit_callbacks: Any
) -> None:
    team = make_team(acme, "image-users")
    EmailAddress.objects.create(user=bob, email="old@example.org", verified=True, primary=False)
    with django_capture_on_commit_callbacks(execute=True):
        lines_of(acme, alice, "Bob", "Mallory@Example.org", role=MemberRole.EDITOR, team="Image-Users")
    by_name, by_email = Invitation.objects.order_by("id")
    assert (by_name.invitee, by_name.email, by_email.invitee) == (bob, "bob@example.org", None)
    assert (by_email.email, by_email.role, by_email.team, by_email.inviter) == (
        "mallory@example.org",
        MemberRole.EDITOR,
        team,
        alice,
    )
    assert {row.sent_at for row in (by_name, by_email)} == {None}
    assert queued == [("orgs.send_invitation", (by_name.pk,)), ("orgs.send_invitation", (by_email.pk,))]
    events = Event.objects.filter(action="org.member.invite.send").order_by("id")
    assert [(row.namespace, row.target, row.actor_name, row.new) for row in events] == [
        ("acme", "bob", "alice", {"invitee": "bob", "role": "editor", "team": "image-users"}),
        (
            "acme",
            "mallory@example.org",
            "alice",
            {"invitee": "mallory@example.org", "role": "editor", "team": "image-users"},
        ),
    ]


def test_an_event_does_not_tell_the_address_of_somebody_invited_by_name(
    acme: Organization, alice: User, bob: User
) -> None:
    lines_of(acme, alice, "bob")
    event = Event.objects.get(action="org.member.invite.send")
    assert "example.org" not in f"{event.target}{event.new}"


@pytest.mark.django_db(transaction=True)
def test_two_lists_at_once_invite_once() -> None:
    alice = factories.make_user("alice")
    acme = make_organization(alice)
    gate, results = threading.Barrier(2, timeout=10), []

    def work() -> None:
        gate.wait()
        try:
            results.append(findings(lines_of(acme, alice, "a@example.org"))[0])
        except OperationalError:  # a second writer is refused at once by SQLite in memory
            results.append("PENDING")
        finally:
            connection.close()

    workers = [threading.Thread(target=work) for _number in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(timeout=30)
    assert sorted(results) == ["NEW", "PENDING"]
    assert Invitation.objects.count() == 1


def test_a_dry_run_changes_nothing(acme: Organization, alice: User, bob: User) -> None:
    assert findings(lines_of(acme, alice, "bob", dry_run=True)) == ["NEW"]
    assert not Invitation.objects.exists()
    assert not Event.objects.filter(action__startswith="org.member.invite").exists()


@pytest.mark.parametrize("team", ["nothing", "image-users2", "\0", "x" * 300])
def test_a_team_that_is_not_there(acme: Organization, alice: User, bob: User, charlie: User, team: str) -> None:
    make_team(make_organization(charlie, "other"), "nothing")
    with pytest.raises(Invalid) as caught:
        lines_of(acme, alice, "bob", team=team)
    assert list(caught.value.fields) == ["team"]
    assert not Invitation.objects.exists()


@pytest.mark.parametrize("role", [MemberRole.MEMBER, MemberRole.EDITOR])
def test_only_owners_invite(acme: Organization, alice: User, bob: User, charlie: User, role: MemberRole) -> None:
    add_member(acme, bob, role)
    with pytest.raises(Forbidden):
        lines_of(acme, bob, "charlie")
    with pytest.raises(NotFound):
        lines_of(acme, charlie, "charlie")
    assert not Invitation.objects.exists()


def test_a_list_costs_the_same_reads_however_long(acme: Organization, alice: User) -> None:
    def reads(count: int, prefix: str) -> int:
        with CaptureQueriesContext(connection) as captured:
            lines_of(acme, alice, *(f"{prefix}{number}@example.org" for number in range(count)), "alice", "nobody")
        return sum(query["sql"].lstrip("( ").startswith("SELECT") for query in captured)

    assert reads(2, "a") == reads(60, "b")


def test_a_thousand_lines_with_broken_ones(
    acme: Organization, alice: User, queued: list[Any], django_capture_on_commit_callbacks: Any
) -> None:
    rows = [f"Name {number},user{number}@example.org" for number in range(1_000)]
    rows[9], rows[99], rows[499] = '"Broken"x,y@example.org', "no column", "Name,not an address@"
    rows[999] = rows[0]
    entries = parse_csv(("name,email\r\n" + "\r\n".join(rows)).encode())
    with django_capture_on_commit_callbacks(execute=True):
        lines = actions.invite(actor=factories.actor(alice), organization=acme, entries=entries)
    left_out = [(line.entry.line, line.finding.name) for line in lines if line.finding is not Finding.NEW]
    assert left_out == [(11, "INVALID"), (101, "INVALID"), (501, "INVALID"), (1001, "DUPLICATE")]
    assert Invitation.objects.count() == Event.objects.filter(action="org.member.invite.send").count() == 996
    assert queued == [("orgs.sweep_invitations", ())]


class TestLimits:
    def test_an_organization_sends_so_many_mails_an_hour(
        self, acme: Organization, alice: User, bob: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(limits, "MAILS_PER_WINDOW", 3)
        lines_of(acme, alice, "a@example.org", "b@example.org")
        with pytest.raises(RateLimited, match="3 invitation mails within an hour, and 1 are left") as caught:
            lines_of(acme, alice, "c@example.org", "d@example.org")
        assert 0 < caught.value.retry_after <= limits.WINDOW
        assert Invitation.objects.count() == 2
        lines_of(acme, alice, "c@example.org")  # what was refused did not count
        lines_of(make_organization(bob, "other"), bob, "d@example.org")
        assert Invitation.objects.count() == 4

    def test_a_mail_is_sent_again_after_a_minute(self, acme: Organization, alice: User) -> None:
        row = invitations.make_invitation(acme, alice, "a@example.org")
        by_alice = factories.actor(alice)
        with pytest.raises(Conflict, match="waiting to be sent"):
            actions.resend_invitation(actor=by_alice, invitation=row)
        invitations.send(row)
        with pytest.raises(RateLimited, match="a moment ago"):
            actions.resend_invitation(actor=by_alice, invitation=row)
        assert actions.resend_invitations(actor=by_alice, organization=acme) == 0
        invitations.make_old()
        actions.resend_invitation(actor=by_alice, invitation=row)
        row.refresh_from_db()
        assert (row.sent_at, row.hash, row.mail_attempts) == (None, "", 0)

    def test_sending_again_counts(self, acme: Organization, alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("a", "b"):
            invitations.send(invitations.make_invitation(acme, alice, f"{name}@example.org"))
        invitations.make_old()
        monkeypatch.setattr(limits, "MAILS_PER_WINDOW", 3)
        with pytest.raises(RateLimited):
            actions.resend_invitations(actor=factories.actor(alice), organization=acme)
        assert Invitation.objects.exclude(sent_at=None).count() == 2


def test_send_again_goes_to_the_address_that_they_have_by_now(acme: Organization, alice: User, bob: User) -> None:
    row = invitations.make_invitation(acme, alice, "bob")
    invitations.send(row)
    invitations.make_old()
    EmailAddress.objects.filter(user=bob).update(email="new@example.org")
    assert actions.resend_invitations(actor=factories.actor(alice), organization=acme) == 1
    row.refresh_from_db()
    assert row.email == "new@example.org"
    assert Event.objects.filter(action="org.member.invite.resend", target="bob").count() == 1


def test_chosen_ones_of_another_organization_are_left_alone(acme: Organization, alice: User, bob: User) -> None:
    other = invitations.make_invitation(make_organization(bob, "other"), bob, "a@example.org")
    invitations.send(other)
    invitations.make_old()
    count = actions.resend_invitations(actor=factories.actor(alice), organization=acme, public_ids=[other.public_id])
    other.refresh_from_db()
    assert (count, other.sent_at is None) == (0, False)


@pytest.mark.parametrize("state", [InvitationState.ACCEPTED, InvitationState.DECLINED, InvitationState.REVOKED])
def test_what_is_closed_is_neither_sent_nor_revoked(acme: Organization, alice: User, state: InvitationState) -> None:
    row = invitations.make_invitation(acme, alice, "a@example.org")
    Invitation.objects.update(state=state)
    for action in (actions.resend_invitation, actions.revoke_invitation):
        with pytest.raises(Conflict, match=f"was {state}"):
            action(actor=factories.actor(alice), invitation=row)
    row.refresh_from_db()
    assert row.state == state
    assert findings(lines_of(acme, alice, "a@example.org")) == ["NEW"]


def test_a_team_can_go_and_the_invitation_stays(acme: Organization, alice: User) -> None:
    team: Team = make_team(acme, "image-users")
    row = invitations.make_invitation(acme, alice, "a@example.org", team=team)
    team.delete()
    row.refresh_from_db()
    assert (row.team, row.state) == (None, InvitationState.PENDING)
