"""The owners' pages: the form, the review step, the list, sending again and revoking."""

import re
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from orgs.invitations import limits, sending
from orgs.invitations.lists import MOST_ENTRIES
from orgs.models import Invitation, InvitationState, MemberRole, Organization
from portal.accounts.models import User
from tests import factories
from tests.conftest import signed_in
from tests.factories import invitations
from tests.factories.orgs import add_member, make_organization, make_team
from tests.web.brackets import speak_brackets, untranslated

pytestmark = pytest.mark.django_db

LIST = "/acme/-/invitations"
NEW, SEND, RESEND = f"{LIST}/new", f"{LIST}/send", f"{LIST}/resend"
HTMX = {"HX-Request": "true"}


@pytest.fixture
def acme(alice: User) -> Organization:
    return make_organization(alice)


def text_of(response: Any) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


def file(raw: bytes | str, name: str = "people.csv") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, raw.encode() if isinstance(raw, str) else raw, "text/csv")


def hidden(page: Any) -> dict[str, str]:
    """What the review step would send, as a browser without script does."""
    return dict(re.findall(r'<input type="hidden" name="(people|role|team)" value="([^"]*)">', page.content.decode()))


def labels() -> list[str]:
    return [row.label for row in Invitation.objects.order_by("id")]


class TestReview:
    def test_shows_what_each_line_is_and_sends_nothing(
        self, acme: Organization, alices_client: Client, bob: User, charlie: User
    ) -> None:
        add_member(acme, charlie)
        people = "bob, carol@example.org\ncharlie; nobody bob\nalice"
        page = alices_client.post(NEW, {"people": people, "role": "member"})
        assert page.status_code == 200
        shown = text_of(page)
        assert "2 people will be invited with the role Member . 4 lines are left out." in shown
        for words in (
            "charlie 2 Member Belongs to the organization already.",
            "nobody 2 Invalid There is no such user.",
            "bob 2 Duplicate The same as in line 1.",
            "alice 3 You This is you.",
            "Send 2 invitations",
        ):
            assert words in shown, words
        assert not Invitation.objects.exists()

    def test_then_sends_what_it_showed(self, acme: Organization, alices_client: Client, bob: User) -> None:
        make_team(acme, "image-users")
        review = alices_client.post(
            NEW, {"people": "bob carol@example.org nobody", "role": "editor", "team": "image-users"}
        )
        assert "with the role Editor , into the team image-users ." in text_of(review)
        page = alices_client.post(SEND, hidden(review), follow=True)
        assert page.redirect_chain == [(LIST, 302)]
        assert "2 people are invited." in text_of(page)
        assert labels() == ["bob", "carol@example.org"]
        assert {(row.role, str(row.team)) for row in Invitation.objects.all()} == {(MemberRole.EDITOR, "image-users")}

    def test_judges_again_what_comes_back(self, acme: Organization, alices_client: Client, bob: User) -> None:
        """The hidden list came by way of the browser; and meanwhile things happened."""
        review = alices_client.post(NEW, {"people": "bob dave@example.org", "role": "member"})
        add_member(acme, bob)
        changed = hidden(review) | {"people": "bob dave@example.org nobody alice <script>"}
        page = alices_client.post(SEND, changed, follow=True)
        assert "1 person is invited." in text_of(page)
        assert "4 were left out." in text_of(page)
        assert labels() == ["dave@example.org"]

    def test_takes_a_csv_file(self, acme: Organization, alices_client: Client) -> None:
        raw = "name,email\r\nCarol,carol@example.org\r\nBroken\r\n"
        page = alices_client.post(NEW, {"file": file(raw), "role": "member"})
        assert "1 person will be invited" in text_of(page)
        assert "Broken 3 Invalid This line has no column “email”." in text_of(page)
        assert hidden(page)["people"] == "carol@example.org"

    def test_a_thousand_lines_with_broken_ones(self, acme: Organization, alices_client: Client) -> None:
        rows = [f"user{number}@example.org" for number in range(MOST_ENTRIES)]
        rows[3], rows[500] = "no address", '"broken"x'
        page = alices_client.post(NEW, {"file": file("email\n" + "\n".join(rows)), "role": "member"})
        assert "998 people will be invited" in text_of(page)
        assert "2 lines are left out" in text_of(page)
        sent = alices_client.post(SEND, hidden(page), follow=True)
        assert "998 people are invited." in text_of(sent)
        assert Invitation.objects.count() == 998

    def test_warns_of_owners(self, acme: Organization, alices_client: Client) -> None:
        page = alices_client.post(NEW, {"people": "carol@example.org", "role": "owner"})
        assert "Owners can do everything here, remove you included." in text_of(page)

    def test_with_nobody_to_invite_there_is_nothing_to_send(self, acme: Organization, alices_client: Client) -> None:
        page = alices_client.post(NEW, {"people": "nobody", "role": "member"})
        assert "Nobody in this list can be invited." in text_of(page)
        assert "Send" not in text_of(page).replace("Send to", "")

    def test_escapes_what_was_written(self, acme: Organization, alices_client: Client) -> None:
        page = alices_client.post(NEW, {"people": '"><script>alert(1)</script>', "role": "member"})
        assert "<script>alert" not in page.content.decode()

    @pytest.mark.parametrize(
        ("given", "field", "sentence"),
        [
            ({"people": ""}, "people", "Name at least one person."),
            ({"people": ",;"}, "people", "Name at least one person."),
            ({"people": "a " * (MOST_ENTRIES + 1)}, "people", "line 1 holds one more"),
            ({"people": "x" * 300_001}, "people", "The list is too long"),
            ({"people": "nul\0"}, "people", "Null characters are not allowed"),
            ({"file": b""}, "file", "The file is empty."),
            ({"file": b"email\n\xff"}, "file", "Line 2 is not in UTF-8."),
            ({"file": b'email\n"a@example.org\n'}, "file", "In line 2 a quotation mark opens that never closes."),
            ({"file": b"name\nBob"}, "file", "Line 1 must name the columns"),
            ({"file": b"email\n" + b"a@example.org\n" * 1_001}, "file", "line 1002 holds one more"),
            ({"file": b"email\n" + b"x" * 1_000_001}, "file", "The file is too large"),
            ({"people": "bob", "file": b"email\na@example.org"}, "file", "Give a list or a file, not both."),
            ({"people": "bob", "role": "god"}, "role", "Select a valid choice"),
            ({"people": "bob", "team": "nothing"}, "team", "Select a valid choice"),
        ],
    )
    def test_bad_input_is_told_under_the_field(
        self, acme: Organization, alices_client: Client, given: dict[str, Any], field: str, sentence: str
    ) -> None:
        data = {"role": "member"} | given
        if isinstance(data.get("file"), bytes):
            data["file"] = file(data["file"])
        page = alices_client.post(NEW, data)
        assert page.status_code == 422
        html = page.content.decode()
        assert sentence in html
        assert f'id="id_{field}_error"' in html
        assert not Invitation.objects.exists()

    @pytest.mark.parametrize("given", [{}, {"people": "bob"}, {"people": "bob", "role": "god"}, {"role": "member"}])
    def test_a_confirmation_that_was_tampered_with(
        self, acme: Organization, alices_client: Client, bob: User, given: dict[str, str]
    ) -> None:
        assert alices_client.post(SEND, given).status_code == 422
        assert not Invitation.objects.exists()

    def test_too_many_mails_within_an_hour(
        self, acme: Organization, alices_client: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(limits, "MAILS_PER_WINDOW", 1)
        review = alices_client.post(NEW, {"people": "a@example.org b@example.org", "role": "member"})
        page = alices_client.post(SEND, hidden(review))
        assert page.status_code == 429
        assert "1 invitation mails within an hour, and 1 are left. Nothing was sent." in text_of(page)
        assert "a@example.org b@example.org" in text_of(page), "the list is still there"
        assert not Invitation.objects.exists()


class TestTheList:
    def test_is_empty_first(self, acme: Organization, alices_client: Client) -> None:
        page = text_of(alices_client.get(LIST))
        assert "Nobody is waiting for an answer" in page
        assert "Invite people" in page

    def test_shows_whom_for_what_and_until_when(
        self, acme: Organization, alice: User, alices_client: Client, bob: User
    ) -> None:
        team = make_team(acme, "image-users")
        invitations.send(invitations.make_invitation(acme, alice, "bob", role=MemberRole.EDITOR, team=team))
        waiting = invitations.make_invitation(acme, alice, "carol@example.org")
        page = text_of(alices_client.get(LIST))
        assert "bob by alice Editor team image-users Pending sent just now link until" in page
        assert "carol@example.org by alice Member Pending The mail is being sent." in page
        assert "bob@example.org" not in page, "their address is theirs"
        invitations.expire(Invitation.objects.get(invitee=bob))
        Invitation.objects.filter(pk=waiting.pk).update(mail_attempts=1)
        page = text_of(alices_client.get(LIST))
        assert "Link expired" in page
        assert "could not be sent yet, and is tried again" in page
        Invitation.objects.filter(pk=waiting.pk).update(mail_attempts=sending.MOST_ATTEMPTS)
        assert "Not delivered The mail server refused the mail." in text_of(alices_client.get(LIST))

    @pytest.mark.parametrize(
        ("query", "expected"),
        [
            ("", ["pending", "expired"]),
            ("state=pending", ["pending", "expired"]),
            ("state=expired", ["expired"]),
            ("state=accepted", ["accepted"]),
            ("state=declined", ["declined"]),
            ("state=revoked", ["revoked"]),
            ("state=all", ["pending", "expired", "accepted", "declined", "revoked"]),
            ("state=nonsense", ["pending", "expired"]),
            ("q=PEND", ["pending"]),
            ("q=example.com", ["pending", "expired"]),
            ("q=bob", ["expired"]),
            ("q=bob@", []),
            ("q=%00", ["pending", "expired"]),
            ("q=%25", []),
        ],
    )
    def test_is_found_by_name_and_state(
        self,
        acme: Organization,
        alice: User,
        alices_client: Client,
        bob: User,
        query: str,
        expected: list[str],
    ) -> None:
        names = {name: f"{name}@example.com" for name in ("pending", "accepted", "declined", "revoked")}
        for state, address in names.items():
            row = invitations.make_invitation(acme, alice, address)
            Invitation.objects.filter(pk=row.pk).update(state=state)
        late = invitations.make_invitation(acme, alice, "bob")
        invitations.send(late)
        invitations.expire(late)
        names["expired"] = "bob"
        if query == "q=example.com":
            expected = ["pending"]
        page = alices_client.get(f"{LIST}?{query}", headers=HTMX).content.decode()
        assert "<html" not in page
        shown = set(re.findall(r'<span class="invitation-label">([^<]+)</span>', page))
        assert shown == {names[name] for name in expected}

    def test_in_pages(self, acme: Organization, alice: User, alices_client: Client) -> None:
        for number in range(30):
            invitations.make_invitation(acme, alice, f"user{number}@example.org")
        page = alices_client.get(LIST).content.decode()
        assert "user29@example.org" in page
        assert "user4@example.org" not in page
        following = re.search(r'rel="next" href="([^"]+)"', page)
        assert following
        assert "user4@example.org" in alices_client.get(LIST + following[1]).content.decode()
        assert alices_client.get(f"{LIST}?cursor=broken").status_code == 400

    def test_costs_the_same_for_two_and_for_six(self, acme: Organization, alice: User, alices_client: Client) -> None:
        team = make_team(acme, "image-users")

        def queries() -> int:
            with CaptureQueriesContext(connection) as captured:
                assert alices_client.get(LIST).status_code == 200
            return len(captured)

        def add(number: int) -> None:
            factories.make_user(f"user{number}")
            invitations.make_invitation(acme, alice, f"user{number}", team=team)

        for number in range(2):
            add(number)
        few = queries()
        for number in range(2, 6):
            add(number)
        assert queries() == few <= 7


class TestChanging:
    @pytest.fixture
    def row(self, acme: Organization, alice: User) -> Invitation:
        row = invitations.make_invitation(acme, alice, "carol@example.org")
        invitations.send(row)
        return row

    def test_send_again(self, alices_client: Client, row: Invitation) -> None:
        path = f"{LIST}/{row.public_id}/resend"
        assert "A mail was sent a moment ago." in text_of(alices_client.post(path, follow=True))
        invitations.make_old()
        assert "The mail to carol@example.org is sent again." in text_of(alices_client.post(path, follow=True))
        assert "The mail is waiting to be sent." in text_of(alices_client.post(path, follow=True))

    def test_revoke(self, alices_client: Client, row: Invitation) -> None:
        path = f"{LIST}/{row.public_id}/revoke"
        page = text_of(alices_client.post(path, follow=True))
        assert "The invitation of carol@example.org is revoked." in page
        assert "Nobody is waiting for an answer" in page
        assert "This invitation was revoked." in text_of(alices_client.post(path, follow=True))

    def test_send_many_again(self, acme: Organization, alice: User, alices_client: Client, row: Invitation) -> None:
        other = invitations.make_invitation(acme, alice, "dave@example.org")
        invitations.send(other)
        assert "Nothing was sent" in text_of(alices_client.post(RESEND, {"which": "all"}, follow=True))
        invitations.make_old()
        assert "Tick the invitations" in text_of(alices_client.post(RESEND, {"which": "chosen"}, follow=True))
        chosen = {"which": "chosen", "id": [str(row.public_id), "broken", "00000000-0000-0000-0000-000000000000"]}
        assert "1 mail is sent again." in text_of(alices_client.post(RESEND, chosen, follow=True))
        other.refresh_from_db()
        assert other.sent_at is not None
        assert "1 mail is sent again." in text_of(alices_client.post(RESEND, {"which": "all"}, follow=True))

    def test_too_many(self, alices_client: Client, row: Invitation, monkeypatch: pytest.MonkeyPatch) -> None:
        invitations.make_old()
        monkeypatch.setattr(limits, "MAILS_PER_WINDOW", 1)
        for path in (f"{LIST}/{row.public_id}/resend", RESEND):
            page = text_of(alices_client.post(path, {"which": "all"}, follow=True))
            assert "1 invitation mails within an hour, and 0 are left" in page
        row.refresh_from_db()
        assert row.sent_at is not None

    def test_each_is_found_below_its_own_organization_only(
        self, alice: User, alices_client: Client, row: Invitation
    ) -> None:
        make_organization(alice, "other")
        for verb in ("resend", "revoke"):
            assert alices_client.post(f"/other/-/invitations/{row.public_id}/{verb}").status_code == 404
        row.refresh_from_db()
        assert row.state == InvitationState.PENDING


PATHS = [
    ("GET", LIST),
    ("GET", NEW),
    ("POST", NEW),
    ("POST", SEND),
    ("POST", RESEND),
    ("POST", f"{LIST}/{{id}}/resend"),
    ("POST", f"{LIST}/{{id}}/revoke"),
]


@pytest.mark.parametrize(("method", "path"), PATHS)
@pytest.mark.parametrize(
    ("who", "expected"), [("nobody", (302, 401)), ("charlie", (404,)), ("bob", (403,)), ("carol", (403,))]
)
def test_only_owners_get_there(
    acme: Organization,
    alice: User,
    bob: User,
    charlie: User,
    method: str,
    path: str,
    who: str,
    expected: tuple[int, ...],
) -> None:
    carol = factories.make_user("carol")
    add_member(acme, bob)
    add_member(acme, carol, MemberRole.EDITOR)
    row = invitations.make_invitation(acme, alice, "dave@example.org")
    client = Client() if who == "nobody" else signed_in({"bob": bob, "carol": carol, "charlie": charlie}[who])
    full = path.format(id=row.public_id)
    response = client.get(full) if method == "GET" else client.post(full, {"people": "x", "role": "member"})
    assert response.status_code in expected
    row.refresh_from_db()
    assert (row.state, Invitation.objects.count()) == (InvitationState.PENDING, 1)


NAMES = ("alice", "acme", "bob", "charlie", "image-users", "example.org", "carol", "dave", "nobody", "testserver")


def said(response: Any) -> list[str]:
    return untranslated(response.content.decode(), *NAMES)


def test_every_text_is_translated(
    acme: Organization, alice: User, bob: User, charlie: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    team = make_team(acme, "image-users")
    add_member(acme, charlie)
    client, bobs = signed_in(alice), signed_in(bob)
    speak_brackets(monkeypatch)
    pages = [client.get(LIST), client.get(NEW)]
    pages += [client.post(NEW, {"people": "bob\ncharlie\nnobody\nbob\nalice", "role": "owner", "team": "image-users"})]
    by_name = invitations.make_invitation(acme, alice, "bob", team=team)
    row = invitations.make_invitation(acme, alice, "dave@example.org", team=team)
    link, own_link = invitations.send(row), invitations.send(by_name)
    pages += [client.get(LIST), bobs.get("/organizations")]
    pages += [visitor.get(path) for path in (link, own_link) for visitor in (Client(), bobs, signed_in(charlie))]
    invitations.expire(row)
    pages += [Client().get(link), bobs.get(link)]
    for state in (InvitationState.ACCEPTED, InvitationState.DECLINED, InvitationState.REVOKED):
        Invitation.objects.filter(pk=row.pk).update(state=state)
        pages += [bobs.get(link), client.get(f"{LIST}?state={state}"), client.get(f"{LIST}?q=none")]
    pages += [bobs.get("/organizations/invitations/x"), Client().get("/organizations/invitations/x")]
    assert [said(page) for page in pages if said(page)] == []
