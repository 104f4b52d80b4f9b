"""Invitations through the API: Docker Hub's paths and shapes for owners, ours for the invited."""

import re
import uuid
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from orgs.access import OrgPermission, fetch_organization
from orgs.actions import invitations as actions
from orgs.invitations.lists import from_names
from orgs.models import Invitation, InvitationState, MemberRole, Membership, Organization
from portal.accounts.actor import Actor, actor_for_robot
from portal.accounts.models import OrganizationAccessToken, TokenAction, TokenLevel, User
from portal.kit import secrets
from portal.kit.errors import Forbidden, NotFound
from tests import factories
from tests.api.world import call
from tests.conftest import signed_in
from tests.factories import invitations
from tests.factories.orgs import add_member, make_organization, make_team

pytestmark = pytest.mark.django_db

INVITE = {"id", "inviter_username", "invitee", "org", "team", "role", "created_at", "expires_at"}
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


@pytest.fixture
def acme(alice: User) -> Organization:
    return make_organization(alice)


def bulk(user: User, *names: str, **more: Any) -> Any:
    return call("POST", "invites/bulk", {"org": "acme", "invitees": list(names)} | more, client=signed_in(user))


SECRET = f"{OrganizationAccessToken.PREFIX}not-a-secret"


def robot(organization: Organization, *granted: TokenAction) -> Actor:
    """The actor of an organization access token that may do so much to the organization itself, and has SECRET."""
    token = OrganizationAccessToken.objects.create(
        public_id=uuid.uuid4(),
        namespace=organization.namespace,
        label="ci",
        hash=secrets.hash_token(SECRET),
        limits=[{"path": organization.name, "actions": [str(action) for action in granted]}],
    )
    return actor_for_robot(token)


class TestBulk:
    def test_answers_as_clients_read_it(self, acme: Organization, alice: User, bob: User, charlie: User) -> None:
        make_team(acme, "image-users")
        add_member(acme, charlie)
        answer = bulk(alice, "bob", "carol@example.org", "charlie", "nobody", "bob", "alice", team="image-users")
        assert answer.status_code == 202
        lines = answer.json()["invitees"]
        assert [(line["invitee"], line["status"]) for line in lines] == [
            ("bob", "invited"),
            ("carol@example.org", "invited"),
            ("charlie", "existing_org_member"),
            ("nobody", "invalid_email_or_docker_id"),
            ("bob", "duplicate"),
            ("alice", "yourself"),
        ]
        assert ["invite" in line for line in lines] == [True, True, False, False, False, False]
        assert [bool(line["detail"]) for line in lines] == [False, False, True, True, True, True]
        invite = lines[0]["invite"]
        assert set(invite) == INVITE
        assert invite["id"] == str(Invitation.objects.get(invitee=bob).public_id)
        assert (invite["inviter_username"], invite["invitee"], invite["org"], invite["team"], invite["role"]) == (
            "alice",
            "bob",
            "acme",
            "image-users",
            "Member",
        )
        assert TIME.fullmatch(invite["created_at"])

    def test_again_says_invited_already(self, acme: Organization, alice: User, bob: User) -> None:
        bulk(alice, "bob")
        assert bulk(alice, "bob").json()["invitees"][0]["status"] == "existing_org_invite"

    def test_a_dry_run_says_what_would_be(self, acme: Organization, alice: User, bob: User) -> None:
        line = bulk(alice, "bob", dry_run=True).json()["invitees"][0]
        assert (line["status"], "invite" in line) == ("invited", False)
        assert not Invitation.objects.exists()

    @pytest.mark.parametrize("role", ["editor", "Editor", "EDITOR"])
    def test_takes_a_role_in_any_case(self, acme: Organization, alice: User, bob: User, role: str) -> None:
        assert bulk(alice, "bob", role=role).json()["invitees"][0]["invite"]["role"] == "Editor"

    @pytest.mark.parametrize(
        ("more", "field"),
        [
            ({"role": "god"}, "role"),
            ({"team": "nothing"}, "team"),
            ({"invitees": []}, "invitees"),
            ({"invitees": ["x"] * 1_001}, "invitees"),
            ({"invitees": "bob"}, "invitees"),
            ({"invitees": [{"a": 1}]}, "invitees.0"),
            ({"dry_run": "perhaps"}, "dry_run"),
        ],
    )
    def test_bad_input_names_the_field(
        self, acme: Organization, alice: User, bob: User, more: dict[str, Any], field: str
    ) -> None:
        answer = bulk(alice, "bob", **more)
        assert answer.status_code == 400
        assert list(answer.json()["fields"]) == [field]
        assert not Invitation.objects.exists()

    def test_what_names_nobody_is_a_line_of_its_own(self, acme: Organization, alice: User) -> None:
        lines = bulk(alice, "", " ", "a b", "x" * 900).json()["invitees"]
        assert {line["status"] for line in lines} == {"invalid_email_or_docker_id"}

    def test_too_many_mails(self, acme: Organization, alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("orgs.invitations.limits.MAILS_PER_WINDOW", 1)
        answer = bulk(alice, "a@example.org", "b@example.org")
        assert answer.status_code == 429
        assert "1 are left" in answer.json()["message"]
        assert int(answer["Retry-After"]) > 0


class TestAnOwnersInvites:
    def test_the_pending_ones_as_data(self, acme: Organization, alice: User, bob: User) -> None:
        invitations.make_invitation(acme, alice, "carol@example.org")
        row = invitations.make_invitation(acme, alice, "bob")
        actions.revoke_invitation(actor=factories.actor(alice), invitation=row)
        answer = call("GET", "orgs/acme/invites", client=signed_in(alice))
        assert answer.status_code == 200
        (invite,) = answer.json()["data"]
        assert (set(invite), invite["invitee"], invite["team"]) == (INVITE, "carol@example.org", "")

    def test_costs_the_same_for_two_and_for_six(self, acme: Organization, alice: User) -> None:
        client = signed_in(alice)

        def queries() -> int:
            with CaptureQueriesContext(connection) as captured:
                assert call("GET", "orgs/acme/invites", client=client).status_code == 200
            return len(captured)

        for number in range(2):
            invitations.make_invitation(acme, alice, f"user{number}@example.org")
        few = queries()
        for number in range(2, 6):
            invitations.make_invitation(acme, alice, f"user{number}@example.org")
        assert queries() == few <= 6

    def test_delete_and_resend(self, acme: Organization, alice: User) -> None:
        row = invitations.make_invitation(acme, alice, "carol@example.org")
        client, one = signed_in(alice), f"invites/{row.public_id}"
        assert call("PATCH", f"{one}/resend", client=client).status_code == 409  # its mail waits
        invitations.send(row)
        assert call("PATCH", f"{one}/resend", client=client).status_code == 429
        invitations.make_old()
        assert call("PATCH", f"{one}/resend/", client=client).status_code == 204
        assert call("DELETE", one, client=client).status_code == 204
        assert call("DELETE", one, client=client).status_code == 409
        row.refresh_from_db()
        assert row.state == InvitationState.REVOKED

    @pytest.mark.parametrize("one", ["00000000-0000-0000-0000-000000000000", "1", "x", "bulk/x"])
    def test_what_is_not_there(self, acme: Organization, alice: User, one: str) -> None:
        for method, path in (("DELETE", f"invites/{one}"), ("PATCH", f"invites/{one}/resend")):
            assert call(method, path, client=signed_in(alice)).status_code == 404


CASES = [
    ("GET", "orgs/acme/invites", None),
    ("POST", "invites/bulk", {"org": "acme", "invitees": ["dave@example.org"]}),
    ("PATCH", "invites/{id}/resend", None),
    ("DELETE", "invites/{id}", None),
]


@pytest.mark.parametrize(("method", "path", "body"), CASES)
@pytest.mark.parametrize(
    ("who", "expected"), [("nobody", 401), ("stranger", 404), ("invited", 404), ("member", 403), ("editor", 403)]
)
def test_who_may_not(
    acme: Organization, alice: User, bob: User, method: str, path: str, body: Any, who: str, expected: int
) -> None:
    add_member(acme, factories.make_user("member"))
    add_member(acme, factories.make_user("editor"), MemberRole.EDITOR)
    factories.make_user("stranger")
    factories.make_user("invited")
    row = invitations.make_invitation(acme, alice, "invited")
    client = None if who == "nobody" else signed_in(User.objects.get(username=who))
    answer = call(method, path.format(id=row.public_id), body, client=client)
    assert answer.status_code == expected
    row.refresh_from_db()
    assert (row.state, Invitation.objects.count()) == (InvitationState.PENDING, 1)


@pytest.mark.parametrize(("method", "path", "body"), CASES)
@pytest.mark.parametrize("level", TokenLevel.values)
def test_an_owners_access_token_lists_from_read_on_and_sends_with_all(
    acme: Organization, alice: User, method: str, path: str, body: Any, level: str
) -> None:
    row = invitations.make_invitation(acme, alice, "carol@example.org")
    invitations.send(row)
    invitations.make_old()
    _token, secret = factories.make_access_token(alice, level)
    answer = call(method, path.format(id=row.public_id), body, token=secret)
    least = [TokenLevel.ADMIN] if method != "GET" else [TokenLevel.READ, TokenLevel.WRITE, TokenLevel.ADMIN]
    assert (answer.status_code < 300) == (level in least)
    assert answer.status_code in {200, 202, 204, 403}


class TestRobots:
    def test_one_that_manages_invites(self, acme: Organization, bob: User) -> None:
        actor = robot(acme, TokenAction.MANAGE_ORGANIZATION)
        (line,) = actions.invite(actor=actor, organization=acme, entries=from_names(["bob"]))
        assert line.invitation is not None
        assert (line.invitation.inviter, line.invitation.invitee) == (None, bob)
        actions.accept_invitation(actor=factories.actor(bob), invitation=line.invitation)
        assert Membership.objects.filter(user=bob).exists()

    def test_through_the_api(self, acme: Organization, bob: User) -> None:
        robot(acme, TokenAction.MANAGE_ORGANIZATION)
        answer = call("POST", "invites/bulk", {"org": "acme", "invitees": ["bob"]}, token=SECRET)
        assert answer.status_code == 202
        invite = answer.json()["invitees"][0]["invite"]
        assert invite["inviter_username"] == ""
        assert call("GET", "orgs/acme/invites", token=SECRET).json()["data"] == [invite]
        assert call("DELETE", f"invites/{invite['id']}", token=SECRET).status_code == 204
        for path in ("user/invites", f"invites/{invite['id']}/accept"):
            assert call("GET" if path == "user/invites" else "POST", path, token=SECRET).status_code == 403

    def test_one_that_reads_sees_and_sends_none(self, acme: Organization) -> None:
        actor = robot(acme, TokenAction.READ_ORGANIZATION)
        assert fetch_organization(actor, "acme", OrgPermission.SEE_INVITATIONS).pk == acme.pk
        with pytest.raises(Forbidden):
            actions.invite(actor=actor, organization=acme, entries=from_names(["bob"]))

    @pytest.mark.parametrize("action", [TokenAction.PULL, TokenAction.MANAGE, TokenAction.READ_AUDIT])
    def test_one_that_does_something_else(self, acme: Organization, action: TokenAction) -> None:
        actor = robot(acme, action)
        with pytest.raises(Forbidden):
            fetch_organization(actor, "acme", OrgPermission.SEE_INVITATIONS)
        with pytest.raises(Forbidden):
            actions.invite(actor=actor, organization=acme, entries=from_names(["bob"]))

    def test_one_of_another_organization(self, acme: Organization, bob: User) -> None:
        actor = robot(make_organization(bob, "other"), TokenAction.MANAGE_ORGANIZATION)
        with pytest.raises(NotFound):
            actions.invite(actor=actor, organization=acme, entries=from_names(["bob"]))


class TestTheInvited:
    def test_see_accept_and_decline(self, acme: Organization, alice: User, bob: User) -> None:
        one = invitations.make_invitation(acme, alice, "bob")
        two = invitations.make_invitation(make_organization(alice, "other"), alice, "bob@example.org")
        client = signed_in(bob)
        found = call("GET", "user/invites", client=client).json()["data"]
        assert [(invite["org"], invite["invitee"]) for invite in found] == [
            ("other", "bob@example.org"),
            ("acme", "bob"),
        ]
        answer = call("POST", f"invites/{one.public_id}/accept", client=client)
        assert (answer.status_code, answer.json()["org"]) == (200, "acme")
        assert call("POST", f"invites/{one.public_id}/accept", client=client).status_code == 200  # a member already
        assert call("POST", f"invites/{two.public_id}/decline", client=client).status_code == 204
        assert call("POST", f"invites/{two.public_id}/decline", client=client).status_code == 409
        assert call("GET", "user/invites", client=client).json() == {"data": []}
        assert list(Membership.objects.filter(user=bob).values_list("organization__namespace__name")) == [("acme",)]

    @pytest.mark.parametrize("path", ["invites/{id}/accept", "invites/{id}/decline", "user/invites"])
    def test_with_a_password_and_not_with_a_token(self, acme: Organization, alice: User, bob: User, path: str) -> None:
        row = invitations.make_invitation(acme, alice, "bob")
        method = "GET" if path.startswith("user") else "POST"
        full = path.format(id=row.public_id)
        assert call(method, full).status_code == 401
        _token, secret = factories.make_access_token(bob)
        assert call(method, full, token=secret).status_code == 403
        row.refresh_from_db()
        assert row.state == InvitationState.PENDING
        login = call("POST", "users/login", {"username": "bob", "password": factories.PASSWORD}).json()["token"]
        assert call(method, full, token=login).status_code < 300

    @pytest.mark.parametrize("verb", ["accept", "decline"])
    def test_somebody_elses(self, acme: Organization, alice: User, bob: User, charlie: User, verb: str) -> None:
        row = invitations.make_invitation(acme, alice, "bob")
        for user in (charlie, alice):
            assert call("POST", f"invites/{row.public_id}/{verb}", client=signed_in(user)).status_code == 404

    def test_before_the_address_is_confirmed(self, acme: Organization, alice: User, eve: User) -> None:
        row = invitations.make_invitation(acme, alice, "eve")
        answer = call("POST", f"invites/{row.public_id}/accept", client=signed_in(eve))
        assert answer.status_code == 403
        assert "Confirm your e-mail address" in answer.json()["message"]
