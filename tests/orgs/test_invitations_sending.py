"""From rows to mails: claims, tries, the sweep, and what a mail says."""

import logging
import threading
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core import mail
from django.db import OperationalError, connection
from django.utils import timezone

from orgs import tasks
from orgs.actions import invitations as actions
from orgs.invitations import sending
from orgs.models import Invitation, InvitationState, MemberRole, Organization
from portal.accounts.models import User
from portal.kit import secrets
from tests import factories
from tests.factories import invitations
from tests.factories.orgs import make_organization, make_team

pytestmark = pytest.mark.django_db


@pytest.fixture
def acme(alice: User) -> Organization:
    return make_organization(alice)


@pytest.fixture
def broken_mail(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The addresses that the mail server was asked to take, and refused."""
    refused: list[str] = []

    def refuse(prefix: str, email: str, context: Any) -> None:
        refused.append(email)
        raise OSError(f"cannot reach {email}")

    monkeypatch.setattr("portal.accounts.adapter.AccountAdapter.send_mail", staticmethod(refuse))
    return refused


def test_the_mail_says_who_invites_to_what_and_until_when(acme: Organization, alice: User) -> None:
    row = invitations.make_invitation(
        acme, alice, "mallory@example.org", role=MemberRole.EDITOR, team=make_team(acme, "image-users")
    )
    tasks.send_invitation(row.pk)
    (message,) = mail.outbox
    assert (message.subject, message.to) == ("alice invites you to acme", ["mallory@example.org"])
    assert isinstance(message, mail.EmailMultiAlternatives)
    for text in (str(message.body), str(message.alternatives[0][0])):
        for words in ("Role: Editor", "Team: image-users", "14 days", "did not expect", "/organizations/invitations/"):
            assert words in text, words
    row.refresh_from_db()
    secret = invitations.link_in(message).rpartition("/")[2]
    assert row.sent_at is not None
    assert (row.hash, row.mail_attempts, row.mail_due_at) == (secrets.hash_token(secret), 1, None)
    assert timedelta(days=13, hours=23) < row.expires_at - timezone.now() <= timedelta(days=14)
    assert secret not in f"{Invitation.objects.values_list().get()}", "the secret itself is kept nowhere"


def test_a_mail_by_name_greets_and_one_by_a_token_names_nobody(acme: Organization, alice: User, bob: User) -> None:
    row = invitations.make_invitation(acme, alice, "bob")
    Invitation.objects.update(inviter=None)
    invitations.send(row)
    assert mail.outbox[0].subject == "You are invited to acme"
    assert "Hello bob," in str(mail.outbox[0].body)
    assert "Team:" not in str(mail.outbox[0].body)


def test_names_that_people_may_write_as_they_like_stay_out_of_mails(acme: Organization, alice: User) -> None:
    User.objects.filter(pk=alice.pk).update(full_name="Win a prize at evil.example")
    Organization.objects.update(full_name="Visit evil.example", description="evil.example")
    invitations.send(invitations.make_invitation(acme, alice, "a@example.org"))
    assert "evil.example" not in f"{mail.outbox[0].subject}{mail.outbox[0].body}"


def test_once_is_once(acme: Organization, alice: User) -> None:
    row = invitations.make_invitation(acme, alice, "a@example.org")
    tasks.send_invitation(row.pk)
    tasks.send_invitation(row.pk)
    tasks.sweep_invitations()
    assert len(mail.outbox) == 1


def test_what_is_gone_or_closed_is_not_sent(acme: Organization, alice: User) -> None:
    row = invitations.make_invitation(acme, alice, "a@example.org")
    actions.revoke_invitation(actor=factories.actor(alice), invitation=row)
    tasks.send_invitation(row.pk)
    tasks.send_invitation(row.pk + 1)
    assert sending.sweep() == 0
    assert mail.outbox == []


def test_each_mail_has_a_link_of_its_own(acme: Organization, alice: User) -> None:
    row = invitations.make_invitation(acme, alice, "a@example.org")
    first = invitations.send(row)
    invitations.make_old()
    actions.resend_invitation(actor=factories.actor(alice), invitation=row)
    assert first != invitations.send(row)


def test_the_sweep_finds_what_was_left(acme: Organization, alice: User) -> None:
    for number in range(3):
        invitations.make_invitation(acme, alice, f"user{number}@example.org")
    assert sending.sweep() == 3
    assert [message.to for message in mail.outbox] == [[f"user{number}@example.org"] for number in range(3)]


def test_an_idle_sweep_costs_one_query(acme: Organization, alice: User, django_assert_num_queries: Any) -> None:
    invitations.send(invitations.make_invitation(acme, alice, "a@example.org"))
    with django_assert_num_queries(1):
        assert sending.sweep() == 0


def test_a_sweep_that_runs_out_of_time_asks_for_another(
    acme: Organization, alice: User, queued: list[Any], django_capture_on_commit_callbacks: Any
) -> None:
    invitations.make_invitation(acme, alice, "a@example.org")
    with django_capture_on_commit_callbacks(execute=True):
        assert sending.sweep(seconds=0) == 0
    assert queued == [("orgs.sweep_invitations", ())]
    assert Invitation.objects.get().mail_attempts == 0


def test_a_worker_that_died_leaves_a_claim_that_runs_out(acme: Organization, alice: User) -> None:
    row = invitations.make_invitation(acme, alice, "a@example.org")
    with time_machine.travel(timezone.now(), tick=False) as clock:
        assert sending.claim(row.pk)
        assert sending.claim(row.pk) is None
        assert sending.sweep() == 0
        clock.shift(sending.WAITS[0])
        assert sending.sweep() == 1
    assert len(mail.outbox) == 1


def test_a_mail_server_that_refuses_is_asked_again_less_and_less_often(
    acme: Organization, alice: User, broken_mail: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    row = invitations.make_invitation(acme, alice, "a@example.org")
    caplog.set_level(logging.DEBUG)
    with time_machine.travel(timezone.now(), tick=False) as clock:
        for wait in sending.WAITS:
            assert sending.sweep() == 0
            clock.shift(wait - timedelta(seconds=1))
            sending.sweep()
            clock.shift(timedelta(seconds=1))
        sending.sweep()
    assert broken_mail == ["a@example.org"] * sending.MOST_ATTEMPTS
    row.refresh_from_db()
    assert (row.sent_at, row.mail_attempts, row.state) == (None, sending.MOST_ATTEMPTS, InvitationState.PENDING)
    assert f"invitation {row.pk} was not sent (OSError)" in caplog.text
    assert "example.org" not in caplog.text, "a log holds no address"


def test_what_was_given_up_can_be_sent_again(
    acme: Organization, alice: User, broken_mail: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    row = invitations.make_invitation(acme, alice, "a@example.org")
    Invitation.objects.update(mail_attempts=sending.MOST_ATTEMPTS)
    monkeypatch.undo()
    actions.resend_invitation(actor=factories.actor(alice), invitation=row)
    assert sending.sweep() == 1


def test_a_mail_server_that_is_away_costs_one_try_for_all(
    acme: Organization, alice: User, broken_mail: list[str]
) -> None:
    for number in range(3):
        invitations.make_invitation(acme, alice, f"user{number}@example.org")
    sending.sweep()
    assert sum(Invitation.objects.values_list("mail_attempts", flat=True)) == 1


def test_a_slow_worker_whose_claim_ran_out_does_not_mark_the_next_one(acme: Organization, alice: User) -> None:
    row = invitations.make_invitation(acme, alice, "a@example.org")
    with time_machine.travel(timezone.now(), tick=False) as clock:
        slow = sending.claim(row.pk)
        clock.shift(sending.WAITS[0])
        again = sending.claim(row.pk)
    assert slow
    assert again
    assert slow[1] != again[1]
    row.refresh_from_db()
    assert row.hash == secrets.hash_token(again[1])


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_send_one_mail() -> None:
    alice = factories.make_user("alice")
    row = invitations.make_invitation(make_organization(alice), alice, "a@example.org")
    gate, results = threading.Barrier(2, timeout=10), []

    def work() -> None:
        gate.wait()
        try:
            results.append(sending.send(row.pk))
        except OperationalError:  # a second writer is refused at once by SQLite in memory
            results.append(False)
        finally:
            connection.close()

    workers = [threading.Thread(target=work) for _number in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(timeout=30)
    assert sorted(results) == [False, True]
    assert len(mail.outbox) == 1


def test_actions_wake_the_tasks_that_there_are_and_beat_sweeps(settings: Any) -> None:
    assert (tasks.send_invitation.name, tasks.sweep_invitations.name) == (sending.SEND, sending.SWEEP)
    names = {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()}
    assert tasks.sweep_invitations.name in names
