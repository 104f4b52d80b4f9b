"""The mail about a webhook that was paused, or switched off by a 410: to whom, what it says, and that it comes."""

import logging
from datetime import timedelta
from smtplib import SMTPRecipientsRefused
from typing import Any

import pytest
import time_machine
from allauth.account.models import EmailAddress
from django.core import mail
from django.urls import reverse
from django.utils import timezone

from orgs.models import MemberRole
from portal.accounts.actor import Actor
from portal.accounts.models import User
from repositories.models import Grant, Repository
from repositories.webhooks import actions, circuit, deliveries, mails, tasks
from repositories.webhooks.models import Attempt, Delivery, Webhook
from repositories.webhooks.sending import Outcome
from tests import factories
from tests.factories.orgs import add_member, make_organization
from tests.factories.webhooks import URL, make_delivery, make_failing, make_webhook

pytestmark = pytest.mark.django_db
NAMES = ("paused_at", "mail_due_at", "mail_attempts", "mailed_to")


@pytest.fixture
def ci(alice: User, private_app: Repository) -> Webhook:
    return make_webhook(alice, private_app, "CI")


def fail(hook: Webhook, *, gone: bool = False, **outcome: Any) -> None:
    """What a worker records of an attempt that failed, a day after the first one that did."""
    row = make_delivery(hook, state="sending")
    Attempt.objects.all().delete()
    make_failing(hook, hours=25)
    row.webhook.refresh_from_db()
    told = {"status": 410 if gone else 503, "duration_ms": 5} | outcome
    deliveries.finish([(row, Outcome(**told))])


class Broken:
    """A mail server that takes nothing, or nothing for some."""

    def __init__(self, error: Exception, *only: str) -> None:
        self.error, self.only, self.taken = error, only, []  # type: ignore[var-annotated]

    def send_mail(self, _prefix: str, email: str, _context: Any) -> None:
        if not self.only or email in self.only:
            raise self.error
        self.taken.append(email)


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> Any:
    def breaking(error: Exception, *only: str) -> Broken:
        server = Broken(error, *only)
        monkeypatch.setattr(mails, "get_adapter", lambda: server)
        return server

    return breaking


def sent() -> list[str]:
    return sorted(address for message in mail.outbox for address in message.to)


class TestWhatItSays:
    def test_a_paused_webhook(self, ci: Webhook, queued: Any, committed: Any) -> None:
        make_delivery(ci, state="waiting", status=None)  # was interrupted
        with committed():
            fail(ci)
        assert ("repositories.webhooks.mail_paused", (ci.pk,)) in queued
        tasks.mail_paused(ci.pk)
        (message,) = mail.outbox
        assert isinstance(message, mail.EmailMultiAlternatives)
        assert (message.subject, message.to) == (
            "The webhook CI of alice/private-app is paused",
            ["alice@example.org"],
        )
        address = "http://localhost:8000" + reverse("repository_webhook", args=["alice", "private-app", ci.pk])
        for text in (str(message.body), str(message.alternatives[0][0])):
            for words in ("Hello alice,", "93.184.215.14", "2 deliveries are held", "503 Service Unavailable", address):
                assert words in text, words
            assert "s3cret" not in text
            assert "hooks/ci" not in text

    def test_one_that_answered_410(self, ci: Webhook) -> None:
        fail(ci, gone=True)
        tasks.mail_paused(ci.pk)
        (message,) = mail.outbox
        assert message.subject == "The webhook CI of alice/private-app is switched off"
        assert "answered 410 Gone" in str(message.body)
        assert "held" not in str(message.body)

    def test_where_a_redirect_leads_is_not_told(self, ci: Webhook) -> None:
        fail(ci, status=302, error="Redirects are not followed; this one leads to https://x.example/?key=s3cret")
        tasks.mail_paused(ci.pk)
        assert "a redirect (302)" in str(mail.outbox[0].body)
        assert "s3cret" not in str(mail.outbox[0].body)

    def test_what_else_went_wrong(self, ci: Webhook) -> None:
        fail(ci, status=None, error="The name of the host is not known.")
        tasks.mail_paused(ci.pk)
        assert "Why: The name of the host is not known." in str(mail.outbox[0].body)


class TestWhom:
    def test_admins_of_the_repository_with_a_confirmed_address(
        self, ci: Webhook, private_app: Repository, bob: User, charlie: User, eve: User
    ) -> None:
        roles = {bob: Grant.Role.ADMIN, charlie: Grant.Role.WRITE, eve: Grant.Role.ADMIN}
        for user, role in roles.items():
            Grant.objects.create(namespace=private_app.namespace, pattern="private-app", user=user, role=role)
        fail(ci)
        tasks.mail_paused(ci.pk)
        assert sent() == ["alice@example.org", "bob@example.org"]

    def test_owners_of_the_organization(self, alice: User, bob: User, charlie: User) -> None:
        eve = factories.make_user("eve")
        acme = make_organization(alice)
        add_member(acme, bob, MemberRole.OWNER)
        add_member(acme, eve, MemberRole.OWNER)
        add_member(acme, charlie, MemberRole.EDITOR)
        EmailAddress.objects.filter(user=eve).update(verified=False)
        User.objects.filter(pk=alice.pk).update(is_active=False)
        hook = actions.create_webhook(actor=factories.actor(bob), place=acme.namespace, name="All", url=URL)
        fail(hook)
        tasks.mail_paused(hook.pk)
        assert sent() == ["bob@example.org"]
        assert f"http://localhost:8000/acme/-/webhooks/{hook.pk}" in str(mail.outbox[0].body)

    def test_the_person_whose_namespace_it_is(self, alice: User, as_alice: Actor) -> None:
        hook = actions.create_webhook(actor=as_alice, place=alice.namespace, name="All", url=URL)
        fail(hook)
        tasks.mail_paused(hook.pk)
        assert sent() == ["alice@example.org"]

    def test_nobody_to_tell_is_no_reason_to_try_again(self, ci: Webhook, alice: User) -> None:
        User.objects.filter(pk=alice.pk).update(is_active=False)
        fail(ci)
        tasks.mail_paused(ci.pk)
        ci.refresh_from_db()
        assert (ci.mail_due_at, mail.outbox) == (None, [])


class TestComing:
    def test_once_is_once(self, ci: Webhook) -> None:
        fail(ci)
        tasks.mail_paused(ci.pk)
        tasks.mail_paused(ci.pk)
        tasks.sweep_mails()
        assert len(mail.outbox) == 1

    def test_a_lost_wake_up_is_found(self, ci: Webhook) -> None:
        fail(ci)
        tasks.sweep_mails()
        assert len(mail.outbox) == 1

    def test_one_that_is_well_again_needs_none(self, ci: Webhook, as_alice: Actor) -> None:
        fail(ci)
        actions.resume(actor=as_alice, webhook=ci)
        tasks.mail_paused(ci.pk)
        tasks.sweep_mails()
        assert not mail.outbox

    def test_the_next_pause_is_told_anew(self, ci: Webhook, as_alice: Actor) -> None:
        for _each in range(2):
            fail(ci)
            tasks.mail_paused(ci.pk)
            ci.refresh_from_db()
            actions.resume(actor=as_alice, webhook=ci)
        assert len(mail.outbox) == 2

    def test_a_mail_server_that_is_away_is_asked_again_later(
        self, ci: Webhook, broken: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        fail(ci)
        server = broken(OSError("cannot reach alice@example.org"), "alice@example.org")
        with caplog.at_level(logging.WARNING):
            tasks.mail_paused(ci.pk)
        assert "was not sent (OSError)" in caplog.text
        assert "alice@" not in caplog.text
        ci.refresh_from_db()
        assert (ci.mail_attempts, ci.mailed_to) == (1, [])
        server.only = ("nobody",)
        assert mails.sweep() == 0, "not so soon"
        with time_machine.travel(timezone.now() + timedelta(minutes=6)):
            assert mails.sweep() == 1
        assert server.taken == ["alice@example.org"]

    def test_who_was_told_is_not_told_again(self, ci: Webhook, private_app: Repository, bob: User, broken: Any) -> None:
        Grant.objects.create(namespace=private_app.namespace, pattern="*", user=bob, role=Grant.Role.ADMIN)
        fail(ci)
        server = broken(OSError(), "bob@example.org")
        tasks.mail_paused(ci.pk)
        server.only = ("nobody",)
        with time_machine.travel(timezone.now() + timedelta(minutes=6)):
            mails.sweep()
        assert server.taken == ["alice@example.org", "bob@example.org"]

    def test_an_address_that_is_refused_keeps_nobody_from_being_told(
        self, ci: Webhook, private_app: Repository, bob: User, broken: Any
    ) -> None:
        Grant.objects.create(namespace=private_app.namespace, pattern="*", user=bob, role=Grant.Role.ADMIN)
        fail(ci)
        server = broken(SMTPRecipientsRefused({}), "alice@example.org")
        assert mails.send(ci.pk)
        assert server.taken == ["bob@example.org"]
        ci.refresh_from_db()
        assert ci.mail_due_at is None

    def test_it_is_given_up_some_time(self, ci: Webhook, broken: Any) -> None:
        fail(ci)
        broken(OSError())
        moment = timezone.now()
        for wait in (timedelta(), *mails.WAITS):
            moment += wait + timedelta(seconds=1)
            with time_machine.travel(moment):
                mails.sweep()
        ci.refresh_from_db()
        assert ci.mail_attempts == mails.MOST_ATTEMPTS
        assert not mails.due(moment + timedelta(days=9)).exists()

    def test_a_worker_that_was_overtaken_stops(self, ci: Webhook, monkeypatch: pytest.MonkeyPatch) -> None:
        fail(ci)
        told = mails.context

        def while_another_claims(hook: Webhook, user: User) -> Any:
            Webhook.objects.filter(pk=hook.pk).update(mail_attempts=2)
            return told(hook, user)

        monkeypatch.setattr(mails, "context", while_another_claims)
        assert not mails.send(ci.pk)
        ci.refresh_from_db()
        assert (ci.mailed_to, ci.mail_due_at is None) == ([], False)

    def test_it_is_due_in_the_transaction_that_pauses(self, ci: Webhook) -> None:
        Webhook.objects.update(mail_attempts=6, mailed_to=[1])
        fail(ci)
        row = Webhook.objects.values(*NAMES).get()
        assert (row["mail_attempts"], row["mailed_to"]) == (0, [])
        assert row["mail_due_at"] is not None
        assert Delivery.objects.filter(state="held").exists()
        assert circuit.MAIL_PAUSED == "repositories.webhooks.mail_paused"
