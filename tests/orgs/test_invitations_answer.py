"""The page of a link, and answering: as whom, and what becomes of it."""

import re
import threading
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.db import OperationalError, connection
from django.test import Client

from orgs.actions import invitations as actions, remove_member
from orgs.invitations.shown import invitations_of
from orgs.models import Invitation, InvitationState, MemberRole, Membership, Organization, TeamMember
from portal.accounts.actor import ANONYMOUS
from portal.accounts.models import User
from portal.events.models import Event
from portal.kit.errors import Conflict, Forbidden, NotFound, Unauthorized
from tests import factories
from tests.conftest import signed_in
from tests.factories import invitations
from tests.factories.orgs import add_member, make_organization, make_team

pytestmark = pytest.mark.django_db

ADDRESS = "mallory@example.org"
SIGN_UP = {"username": "mallory", "email": ADDRESS, "password1": "correct horse battery"}


@pytest.fixture
def acme(alice: User) -> Organization:
    return make_organization(alice)


@pytest.fixture
def invited(acme: Organization, alice: User) -> Invitation:
    team = make_team(acme, "image-users")
    return invitations.make_invitation(acme, alice, ADDRESS, role=MemberRole.EDITOR, team=team)


@pytest.fixture
def link(invited: Invitation) -> str:
    path = invitations.send(invited)
    mail.outbox.clear()
    return path


def text_of(response: Any) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


def member(user: User) -> tuple[str, list[str]] | None:
    row = Membership.objects.filter(user=user, organization__namespace__name="acme").first()
    if row is None:
        return None
    teams = TeamMember.objects.filter(membership=row).values_list("team__name", flat=True)
    return MemberRole(row.role).name, list(teams)


def state() -> str:
    return Invitation.objects.get().state


class TestTheLink:
    def test_shows_what_it_is_for_to_whoever_holds_it(self, client: Client, link: str) -> None:
        page = client.get(link)
        shown = text_of(page)
        for words in ("Join acme", "alice invites you", "Role Editor", "Team image-users", ADDRESS):
            assert words in shown, words
        html = page.content.decode()
        assert f'href="/accounts/signup/?next={link}"' in html
        assert f'href="/accounts/login/?next={link}"' in html
        assert "no-store" in page["Cache-Control"]

    def test_sign_up_comes_back_and_needs_no_other_mail(self, client: Client, link: str) -> None:
        client.get(link)
        form = client.get(f"/accounts/signup/?next={link}").content.decode()
        assert f'value="{ADDRESS}"' in form
        response = client.post("/accounts/signup/", SIGN_UP | {"next": link})
        assert response["Location"] == link
        assert mail.outbox == []
        assert EmailAddress.objects.get(email=ADDRESS).verified
        assert "You are signed in as mallory" in text_of(client.get(link))
        page = client.post(link, {"answer": "accept"}, follow=True)
        assert "Welcome: you belong to acme now." in text_of(page)
        assert member(User.objects.get(username="mallory")) == ("EDITOR", ["image-users"])

    def test_sign_up_with_another_address_proves_nothing(self, client: Client, link: str) -> None:
        client.get(link)
        client.post("/accounts/signup/", SIGN_UP | {"email": "other@example.org", "next": link})
        assert not EmailAddress.objects.get(email="other@example.org").verified
        assert len(mail.outbox) == 1
        shown = text_of(client.get(link))
        assert f"was sent to {ADDRESS} , which is not an address of your account mallory" in shown
        assert "Confirm your e-mail address first" in shown
        page = client.post(link, {"answer": "accept", "as_other": "yes"}, follow=True)
        assert "Confirm your e-mail address first" in text_of(page)
        assert state() == InvitationState.PENDING

    def test_without_the_link_sign_up_confirms_nothing(self, client: Client, link: str) -> None:
        client.post("/accounts/signup/", SIGN_UP)
        assert not EmailAddress.objects.get(email=ADDRESS).verified
        user = User.objects.get(username="mallory")
        assert invitations_of(factories.actor(user)) == []

    def test_the_link_confirms_the_address_of_an_account_that_did_not(self, link: str) -> None:
        mallory = factories.make_user("mallory", confirmed=False)
        client = signed_in(mallory)
        assert f"Accepting confirms your address {ADDRESS}" in text_of(client.get(link))
        client.post(link, {"answer": "accept"})
        assert EmailAddress.objects.get(user=mallory).verified
        assert member(mallory) == ("EDITOR", ["image-users"])

    def test_an_address_that_somebody_else_confirmed_is_not_proved(self, link: str) -> None:
        factories.make_user("mallory")
        claimer = factories.make_user("claimer", confirmed=False)
        EmailAddress.objects.create(user=claimer, email=ADDRESS, verified=False, primary=False)
        client = signed_in(claimer)
        assert "is not an address of your account" in text_of(client.get(link))
        client.post(link, {"answer": "accept"})
        assert member(claimer) is None

    def test_sign_in_comes_back(self, client: Client, link: str) -> None:
        factories.make_user("mallory")
        client.get(link)
        assert f'value="{ADDRESS}"' in client.get(f"/accounts/login/?next={link}").content.decode()
        response = client.post("/accounts/login/", {"login": ADDRESS, "password": factories.PASSWORD, "next": link})
        assert response["Location"] == link
        page = client.post(link, {"answer": "decline"}, follow=True)
        assert "You declined the invitation to acme." in text_of(page)
        assert "This invitation was declined" in text_of(client.get(link))

    def test_another_account_is_given_the_choice(self, bob: User, link: str) -> None:
        client = signed_in(bob)
        shown = text_of(client.get(link))
        assert f"was sent to {ADDRESS} , which is not an address of your account bob" in shown
        assert "Accept as bob all the same" in shown
        page = client.post(link, {"answer": "accept"}, follow=True)
        assert "Say that you want to accept it all the same" in text_of(page)
        assert member(bob) is None
        client.post(link, {"answer": "accept", "as_other": "yes"})
        assert member(bob) == ("EDITOR", ["image-users"])
        assert not EmailAddress.objects.filter(user=bob, email=ADDRESS).exists()

    def test_another_account_cannot_decline_for_the_invited(self, bob: User, link: str) -> None:
        page = signed_in(bob).post(link, {"answer": "decline"}, follow=True)
        assert "This invitation was sent to another address." in text_of(page)
        assert state() == InvitationState.PENDING

    def test_or_signs_out_and_comes_back(self, bob: User, link: str) -> None:
        client = signed_in(bob)
        assert client.post("/accounts/logout/", {"next": link})["Location"] == link
        assert "Create an account" in text_of(client.get(link))

    def test_by_name_means_that_account_and_no_other(
        self, acme: Organization, alice: User, bob: User, charlie: User
    ) -> None:
        path = invitations.send(invitations.make_invitation(acme, alice, "bob"))
        assert "Sign in as bob to answer" in text_of(Client().get(path))
        assert "/accounts/signup/?next" not in Client().get(path).content.decode()
        other = signed_in(charlie)
        assert "is for the account bob , and you are signed in as charlie" in text_of(other.get(path))
        page = other.post(path, {"answer": "accept", "as_other": "yes"}, follow=True)
        assert "This invitation is for another account." in text_of(page)
        assert member(charlie) is None
        signed_in(bob).post(path, {"answer": "accept"})
        assert member(bob) == ("MEMBER", [])

    def test_an_expired_one_says_so(self, client: Client, bob: User, invited: Invitation, link: str) -> None:
        invitations.expire(invited)
        for visitor in (client, signed_in(bob)):
            assert "This link has expired" in text_of(visitor.get(link))
        page = signed_in(bob).post(link, {"answer": "accept", "as_other": "yes"}, follow=True)
        assert "This link has expired" in text_of(page)
        assert member(bob) is None

    def test_an_expired_one_proves_no_address(self, invited: Invitation, link: str) -> None:
        invitations.expire(invited)
        mallory = factories.make_user("mallory", confirmed=False)
        client = signed_in(mallory)
        assert "This link has expired" in text_of(client.get(link))
        client.post(link, {"answer": "accept"})
        assert member(mallory) is None
        assert not EmailAddress.objects.get(user=mallory).verified
        anonymous = Client()
        anonymous.get(link)
        anonymous.post("/accounts/signup/", SIGN_UP | {"username": "m2", "email": "m2@example.org"})
        assert not EmailAddress.objects.get(email="m2@example.org").verified

    def test_the_invited_accept_after_the_link_has_expired(self, invited: Invitation, link: str) -> None:
        invitations.expire(invited)
        mallory = factories.make_user("mallory")
        assert "you can accept it all the same" in text_of(signed_in(mallory).get(link))
        signed_in(mallory).post(link, {"answer": "accept"})
        assert member(mallory) == ("EDITOR", ["image-users"])

    @pytest.mark.parametrize(
        ("closed", "sentence"),
        [
            (InvitationState.REVOKED, "This invitation was revoked."),
            (InvitationState.ACCEPTED, "This invitation was accepted already."),
            (InvitationState.DECLINED, "This invitation was declined"),
        ],
    )
    def test_a_closed_one_says_so_and_cannot_be_answered(
        self, client: Client, link: str, closed: InvitationState, sentence: str
    ) -> None:
        Invitation.objects.update(state=closed)
        mallory = factories.make_user("mallory")
        for visitor in (client, signed_in(mallory)):
            assert sentence in text_of(visitor.get(link))
        for answer in ("accept", "decline"):
            page = signed_in(mallory).post(link, {"answer": answer}, follow=True)
            assert f"This invitation was {closed}" in text_of(page)
        assert (member(mallory), state()) == (None, closed)

    def test_a_newer_mail_kills_it(self, client: Client, invited: Invitation, link: str) -> None:
        invitations.make_old()
        actions.resend_invitation(
            actor=factories.actor(invited.organization.memberships.get().user), invitation=invited
        )
        response = client.get(link)
        assert response.status_code == 404
        assert "A newer mail may have replaced it" in text_of(response)

    @pytest.mark.parametrize("secret", ["x", "moor_inv_", "0" * 64, "a" * 5_000])
    def test_one_that_we_never_sent(self, client: Client, invited: Invitation, secret: str) -> None:
        assert client.get(f"/organizations/invitations/{secret}").status_code == 404

    def test_the_hash_is_not_the_secret(self, client: Client, invited: Invitation, link: str) -> None:
        invited.refresh_from_db()
        assert client.get(f"/organizations/invitations/{invited.hash}").status_code == 404

    def test_of_an_organization_that_was_deleted(self, client: Client, acme: Organization, link: str) -> None:
        acme.delete()
        assert "the organization is gone" in text_of(client.get(link))

    def test_a_member_is_told_so(self, alices_client: Client, link: str) -> None:
        assert "You belong to this organization already." in text_of(alices_client.get(link))

    def test_costs_few_queries(self, bob: User, link: str, django_assert_max_num_queries: Any) -> None:
        client = signed_in(bob)
        with django_assert_max_num_queries(7):
            client.get(link)


class TestSignUpByInvitation:
    @pytest.fixture(autouse=True)
    def _by_invitation(self, settings: Any) -> None:
        settings.SIGNUP = "invite"

    def test_a_link_lets_one_in(self, client: Client, link: str) -> None:
        assert "By invitation only" in text_of(client.get("/accounts/signup/"))
        assert "Create an account" in text_of(client.get(link))
        assert "Create your account" in text_of(client.get("/accounts/signup/"))
        client.post("/accounts/signup/", SIGN_UP | {"next": link})
        assert User.objects.filter(username="mallory").exists()

    def test_and_for_that_address_only(self, client: Client, link: str) -> None:
        """Else one invitation would be good for any number of accounts."""
        client.get(link)
        page = client.post("/accounts/signup/", SIGN_UP | {"email": "other@example.org", "next": link})
        assert "Use the address that the invitation was sent to." in text_of(page)
        assert not User.objects.filter(username="mallory").exists()
        client.post("/accounts/signup/", SIGN_UP | {"email": ADDRESS.title(), "next": link})
        assert EmailAddress.objects.get(user__username="mallory", email=ADDRESS).verified

    @pytest.mark.parametrize("how", ["revoked", "expired", "by name", "no link"])
    def test_and_nothing_else_does(
        self, client: Client, acme: Organization, alice: User, bob: User, invited: Invitation, link: str, how: str
    ) -> None:
        if how == "by name":
            client.get(invitations.send(invitations.make_invitation(acme, alice, "bob")))
        elif how != "no link":
            client.get(link)
        if how == "revoked":
            actions.revoke_invitation(actor=factories.actor(alice), invitation=invited)
        if how == "expired":
            invitations.expire(invited)
        assert "By invitation only" in text_of(client.get("/accounts/signup/"))
        client.post("/accounts/signup/", SIGN_UP)
        assert not User.objects.filter(username="mallory").exists()

    def test_where_it_is_closed_no_link_helps(self, client: Client, link: str, settings: Any) -> None:
        settings.SIGNUP = "closed"
        page = text_of(client.get(link))
        assert "New accounts are not taken here" in page
        assert "Sign-up is closed" in text_of(client.get("/accounts/signup/"))


class TestInThePortal:
    def test_ones_own_are_listed_however_old(
        self, acme: Organization, alice: User, bob: User, bobs_client: Client
    ) -> None:
        by_name = invitations.make_invitation(acme, alice, "bob", team=make_team(acme, "image-users"))
        invitations.expire(by_name)
        by_email = invitations.make_invitation(make_organization(alice, "other"), alice, "bob@example.org")
        page = text_of(bobs_client.get("/organizations"))
        assert "You are invited" in page
        assert "alice invites you into the team image-users" in page
        accepted = bobs_client.post(f"/organizations/invitations/{by_name.public_id}/accept", follow=True)
        assert "Welcome: you belong to acme now." in text_of(accepted)
        assert member(bob) == ("MEMBER", ["image-users"])
        declined = bobs_client.post(f"/organizations/invitations/{by_email.public_id}/decline", follow=True)
        assert "You declined the invitation to other." in text_of(declined)
        assert "You are invited" not in text_of(bobs_client.get("/organizations"))

    def test_twice_changes_nothing(self, acme: Organization, alice: User, bob: User, bobs_client: Client) -> None:
        row = invitations.make_invitation(acme, alice, "bob", role=MemberRole.EDITOR)
        path = f"/organizations/invitations/{row.public_id}/accept"
        bobs_client.post(path)
        page = bobs_client.post(path, follow=True)
        assert "You belong to acme already. Nothing was changed." in text_of(page)
        assert Event.objects.filter(action="org.member.invite.accept").count() == 1
        assert Event.objects.filter(action="org.member.add", target="bob").count() == 1

    def test_who_left_meanwhile_cannot_come_back_by_an_old_one(
        self, acme: Organization, alice: User, bob: User, bobs_client: Client
    ) -> None:
        row = invitations.make_invitation(acme, alice, "bob")
        path = f"/organizations/invitations/{row.public_id}/accept"
        bobs_client.post(path)
        remove_member(actor=factories.actor(alice), organization=acme, username="bob")
        assert "This invitation was accepted already." in text_of(bobs_client.post(path, follow=True))
        assert member(bob) is None

    def test_a_member_stays_what_they_are(self, acme: Organization, alice: User, bob: User) -> None:
        row = invitations.make_invitation(acme, alice, "bob", role=MemberRole.OWNER)
        add_member(acme, bob)
        accepted = actions.accept_invitation(actor=factories.actor(bob), invitation=row)
        assert not accepted.is_new
        assert (member(bob), state()) == (("MEMBER", []), InvitationState.ACCEPTED)

    def test_an_unconfirmed_account_is_told_what_to_do(self, acme: Organization, alice: User, eve: User) -> None:
        row = invitations.make_invitation(acme, alice, "eve")
        client = signed_in(eve)
        assert "Confirm your e-mail address first; then you can accept." in text_of(client.get("/organizations"))
        page = client.post(f"/organizations/invitations/{row.public_id}/accept", follow=True)
        assert "Confirm your e-mail address first: open the link" in text_of(page)
        assert (member(eve), state()) == (None, InvitationState.PENDING)

    def test_an_unconfirmed_account_invited_by_name_is_confirmed_by_the_link(
        self, acme: Organization, alice: User, eve: User
    ) -> None:
        path = invitations.send(invitations.make_invitation(acme, alice, "eve", role=MemberRole.OWNER))
        signed_in(eve).post(path, {"answer": "accept"})
        assert EmailAddress.objects.get(user=eve).verified
        assert member(eve) == ("OWNER", [])

    def test_a_name_is_not_found_by_its_address(self, acme: Organization, alice: User, bob: User, eve: User) -> None:
        """Eve claims Bob's address and is invited by name: the invitation is hers alone."""
        EmailAddress.objects.filter(user=eve).update(email="bob@example.org")
        User.objects.filter(pk=eve.pk).update(email="bob@example.org")
        row = invitations.make_invitation(acme, alice, "eve")
        assert row.email == "bob@example.org"
        assert invitations_of(factories.actor(bob)) == []
        with pytest.raises(NotFound):
            actions.accept_invitation(actor=factories.actor(bob), invitation=row)

    @pytest.mark.parametrize("verb", ["accept", "decline"])
    def test_somebody_elses_is_not_found(
        self, acme: Organization, alice: User, bob: User, charlie: User, verb: str
    ) -> None:
        row = invitations.make_invitation(acme, alice, "bob")
        path = f"/organizations/invitations/{row.public_id}/{verb}"
        assert signed_in(charlie).post(path).status_code == 404
        assert signed_in(alice).post(path).status_code == 404
        assert Client().post(path)["Location"].startswith("/accounts/login/")
        assert Client().get(path).status_code == 405
        assert state() == InvitationState.PENDING

    def test_an_inviter_who_is_no_owner_any_more_has_still_invited(
        self, acme: Organization, alice: User, bob: User, charlie: User
    ) -> None:
        add_member(acme, charlie, MemberRole.OWNER)
        row = invitations.make_invitation(acme, alice, "bob")
        Membership.objects.filter(user=alice).update(role=MemberRole.MEMBER)
        actions.accept_invitation(actor=factories.actor(bob), invitation=row)
        assert member(bob) == ("MEMBER", [])

    def test_of_an_organization_that_was_deleted(self, acme: Organization, alice: User, bob: User) -> None:
        row = invitations.make_invitation(acme, alice, "bob")
        acme.delete()
        for answer in (actions.accept_invitation, actions.decline_invitation):
            with pytest.raises(NotFound):
                answer(actor=factories.actor(bob), invitation=row)

    def test_into_a_team_that_was_deleted(self, acme: Organization, alice: User, bob: User) -> None:
        team = make_team(acme, "image-users")
        row = invitations.make_invitation(acme, alice, "bob", team=team)
        team.delete()
        actions.accept_invitation(actor=factories.actor(bob), invitation=row)
        assert member(bob) == ("MEMBER", [])

    def test_of_somebody_who_was_deleted(self, acme: Organization, alice: User, bob: User) -> None:
        invitations.make_invitation(acme, alice, "bob")
        bob.delete()
        assert not Invitation.objects.exists()

    def test_answers_are_events(self, acme: Organization, alice: User, bob: User, charlie: User) -> None:
        for user, answer in ((bob, actions.accept_invitation), (charlie, actions.decline_invitation)):
            row = invitations.make_invitation(acme, alice, user.username)
            answer(actor=factories.actor(user), invitation=row)
        found = Event.objects.filter(namespace="acme", actor_name__in=["bob", "charlie"]).order_by("id")
        assert [(row.action, row.target) for row in found] == [
            ("org.member.invite.accept", "bob"),
            ("org.member.add", "bob"),
            ("org.member.invite.decline", "charlie"),
        ]

    def test_nobody_and_no_token_answers(self, acme: Organization, alice: User, bob: User) -> None:
        row = invitations.make_invitation(acme, alice, "bob")
        for answer in (actions.accept_invitation, actions.decline_invitation):
            with pytest.raises(Unauthorized):
                answer(actor=ANONYMOUS, invitation=row)
            with pytest.raises(Forbidden, match="access token"):
                answer(actor=factories.token_actor(bob), invitation=row)
        assert state() == InvitationState.PENDING


@pytest.mark.django_db(transaction=True)
def test_two_answers_at_once_make_one_member() -> None:
    alice, bob = factories.make_user("alice"), factories.make_user("bob")
    row = invitations.make_invitation(make_organization(alice), alice, "bob")
    gate = threading.Barrier(2, timeout=10)
    results: list[object] = []

    def work() -> None:
        mine = Invitation.objects.get(pk=row.pk)
        gate.wait()
        try:
            results.append(actions.accept_invitation(actor=factories.actor(bob), invitation=mine).is_new)
        except (OperationalError, Conflict):  # a second writer is refused at once by SQLite in memory
            results.append(False)
        finally:
            connection.close()

    workers = [threading.Thread(target=work) for _number in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(timeout=30)
    assert sorted(map(bool, results)) == [False, True]
    assert Membership.objects.filter(user=bob).count() == 1
    assert Event.objects.filter(action="org.member.invite.accept").count() == 1
