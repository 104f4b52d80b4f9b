"""Members: the list, one person, roles, removal, leaving, export."""

import csv
import io
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from django.utils.safestring import SafeString

from orgs import slots
from orgs.models import Invitation, MemberRole, Membership
from orgs.shown import last_seen
from orgs.slots import Slot
from portal.accounts.models import User
from portal.events.models import Event
from repositories.models import Grant
from tests import factories
from tests.conftest import signed_in
from tests.factories import orgs
from tests.orgs.conftest import Acme, counted, last_event, role_of

pytestmark = pytest.mark.django_db
MEMBERS = "/acme/-/members"


def names(page: str) -> list[str]:
    """The people of the list, in its order."""
    rows = page.split('<th scope="row">')[1:]
    return [row.split(f'href="{MEMBERS}/')[1].split('"')[0] for row in rows]


def test_everybody_in_it_sees_the_members_and_owners_their_addresses(acme: Acme) -> None:
    for user in (acme.alice, acme.ed, acme.bob):
        page = signed_in(user).get(MEMBERS).content.decode()
        assert names(page) == ["alice", "bob", "ed", "oscar"]
        assert ("bob@example.org" in page) is (user == acme.alice)
        assert ("Export CSV" in page) is (user == acme.alice)
        assert ('aria-label="Role of bob"' in page) is (user == acme.alice)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("q=b", ["bob"]),
        ("q=BOB", ["bob"]),
        ("q=Harbour", ["bob"]),
        ("role=owner", ["alice", "oscar"]),
        ("role=owner&q=osc", ["oscar"]),
        ("role=nonsense", ["alice", "bob", "ed", "oscar"]),
        ("q=nobody", []),
        ("q=oscar@example", ["oscar"]),
        ("q=%00", ["alice", "bob", "ed", "oscar"]),
    ],
)
def test_members_are_found_by_name_and_role(acme: Acme, query: str, found: list[str]) -> None:
    User.objects.filter(username="bob").update(full_name="Bob Harbour")
    page = signed_in(acme.alice).get(f"{MEMBERS}?{query}")
    assert page.status_code == 200
    assert names(page.content.decode()) == found


def test_a_member_cannot_find_by_address(acme: Acme) -> None:
    assert names(signed_in(acme.bob).get(f"{MEMBERS}?q=@example").content.decode()) == []


def test_pages_of_25_lead_on_and_back(acme: Acme) -> None:
    for number in range(26):
        orgs.add_member(acme.organization, factories.make_user(f"user{number:02}"))
    client = signed_in(acme.alice)
    first = client.get(MEMBERS)
    assert len(names(first.content.decode())) == 25
    page = first.context["page"]
    second = client.get(f"{MEMBERS}?cursor={page.next}")
    assert names(second.content.decode()) == ["user21", "user22", "user23", "user24", "user25"]
    back = client.get(f"{MEMBERS}?cursor={second.context['page'].previous}")
    assert names(back.content.decode()) == names(first.content.decode())
    assert client.get(f"{MEMBERS}?cursor=nonsense").status_code == 400


def test_the_list_costs_the_same_for_two_and_for_six(acme: Acme) -> None:
    client = signed_in(acme.alice)

    def cost() -> int:
        with counted() as queries:
            client.get(MEMBERS)
        return len(queries)

    few = cost()
    for number in range(4):
        user = factories.make_user(f"more{number}")
        orgs.add_member(acme.organization, user)
        orgs.make_team(acme.organization, f"team{number}", user, acme.bob)
    assert cost() == few


def test_an_account_that_is_switched_off_says_so(acme: Acme) -> None:
    client = signed_in(acme.alice)
    assert "Account switched off" not in client.get(MEMBERS).content.decode()
    User.objects.filter(username="bob").update(is_active=False)
    assert client.get(MEMBERS).content.decode().count("Account switched off") == 1


def test_htmx_gets_the_list_alone(acme: Acme) -> None:
    page = signed_in(acme.alice).get(f"{MEMBERS}?q=bob", headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in page
    assert names(page) == ["bob"]


def test_last_seen_is_the_later_of_sign_in_and_use() -> None:
    now = timezone.now()
    assert last_seen(User()) is None
    assert last_seen(User(last_login=now)) == now
    assert last_seen(User(last_login=now, last_seen_at=now - timedelta(days=1))) == now
    assert last_seen(User(last_login=now - timedelta(days=1), last_seen_at=now)) == now


def test_a_role_is_changed_in_place(acme: Acme) -> None:
    response = signed_in(acme.alice).post(f"{MEMBERS}/bob/role", {"role": "editor", "confirmed": "yes"})
    assert (response.status_code, response["Location"]) == (302, MEMBERS)
    assert role_of(acme, acme.bob) == MemberRole.EDITOR
    event = last_event()
    assert (event.action, event.target) == ("org.member.role.change", "bob")
    assert (event.old, event.new) == ({"role": "member"}, {"role": "editor"})


def test_the_same_role_changes_nothing(acme: Acme) -> None:
    before = Event.objects.count()
    assert signed_in(acme.alice).post(f"{MEMBERS}/oscar/role", {"role": "owner"}).status_code == 302
    assert Event.objects.count() == before


@pytest.mark.parametrize(
    ("name", "role"), [("bob", "owner"), ("oscar", "member"), ("bob", "editor"), ("ed", "member"), ("oscar", "editor")]
)
def test_a_change_of_role_is_asked_about(acme: Acme, name: str, role: str) -> None:
    client, before = signed_in(acme.alice), role_of(acme, getattr(acme, name))
    asked = client.post(f"{MEMBERS}/{name}/role", {"role": role})
    assert asked.status_code == 200
    assert 'name="confirmed"' in asked.content.decode()
    assert role_of(acme, getattr(acme, name)) == before
    assert client.post(f"{MEMBERS}/{name}/role", {"role": role, "confirmed": "yes"}).status_code == 302
    assert role_of(acme, getattr(acme, name)) == MemberRole[role.upper()]


@pytest.mark.parametrize("role", ["", "king", "3", "owner\0"])
def test_a_role_that_is_none_is_refused(acme: Acme, role: str) -> None:
    assert signed_in(acme.alice).post(f"{MEMBERS}/bob/role", {"role": role}).status_code == 400
    assert role_of(acme, acme.bob) == MemberRole.MEMBER


def test_who_has_not_confirmed_an_address_cannot_become_owner(acme: Acme, eve: User) -> None:
    orgs.add_member(acme.organization, eve)
    page = signed_in(acme.alice).post(f"{MEMBERS}/eve/role", {"role": "owner", "confirmed": "yes"})
    assert page.status_code == 409
    assert "eve has not confirmed an e-mail address yet" in page.content.decode()
    assert role_of(acme, eve) == MemberRole.MEMBER


def test_a_member_is_removed_with_teams_and_grants(acme: Acme) -> None:
    namespace = acme.organization.namespace
    Grant.objects.create(namespace=namespace, pattern="api", user=acme.bob, role=2)
    kept = Grant.objects.create(namespace=acme.alice.namespace, pattern="mine", user=acme.bob, role=1)
    client = signed_in(acme.alice)
    page = client.get(f"{MEMBERS}/bob/remove").content.decode()
    assert "Remove bob?" in page
    assert "image-users" in page
    response = client.post(f"{MEMBERS}/bob/remove")
    assert (response.status_code, response["Location"]) == (302, MEMBERS)
    assert role_of(acme, acme.bob) is None
    assert list(acme.team.team_members.all()) == []
    assert list(Grant.objects.all()) == [kept]
    event = last_event()
    assert (event.action, event.target) == ("org.member.remove", "bob")
    assert event.old["teams"] == ["image-users"]
    assert event.old["grants"] == [{"pattern": "api", "role": "write", "expires_at": None}]
    assert client.post(f"{MEMBERS}/bob/remove").status_code == 404


@pytest.mark.parametrize("who", ["ed", "bob", "oscar"])
def test_everybody_may_leave(acme: Acme, who: str) -> None:
    user = getattr(acme, who)
    client = signed_in(user)
    assert "Leave acme?" in client.get(f"{MEMBERS}/{who}/remove").content.decode()
    response = client.post(f"{MEMBERS}/{who}/remove")
    assert (response.status_code, response["Location"]) == (302, "/organizations")
    assert role_of(acme, user) is None
    assert client.get(MEMBERS).status_code == 404


def test_the_last_owner_stays(acme: Acme) -> None:
    client = signed_in(acme.alice)
    assert client.post(f"{MEMBERS}/oscar/remove").status_code == 302
    for path, data in (
        (f"{MEMBERS}/alice/remove", {}),
        (f"{MEMBERS}/alice/role", {"role": "editor", "confirmed": "y"}),
    ):
        page = client.post(path, data)
        assert page.status_code == 409
        assert "alice is the last owner of acme" in page.content.decode()
    assert role_of(acme, acme.alice) == MemberRole.OWNER


@pytest.mark.parametrize("lacks", ["an account that is switched on", "a confirmed address"])
def test_an_owner_who_cannot_act_does_not_count(acme: Acme, lacks: str) -> None:
    if lacks == "a confirmed address":
        acme.oscar.emailaddress_set.update(verified=False)  # type: ignore[attr-defined]
    else:
        User.objects.filter(pk=acme.oscar.pk).update(is_active=False)
    client = signed_in(acme.alice)
    assert client.post(f"{MEMBERS}/alice/remove").status_code == 409
    assert client.post(f"{MEMBERS}/oscar/remove").status_code == 302, "while the one who acts stays"


@pytest.mark.parametrize("who", ["ed", "bob"])
def test_others_than_owners_change_nobody(acme: Acme, who: str) -> None:
    client = signed_in(getattr(acme, who))
    for path in (f"{MEMBERS}/alice/remove", f"{MEMBERS}/alice/role"):
        assert client.post(path, {"role": "member", "confirmed": "yes"}).status_code == 403
    assert role_of(acme, acme.alice) == MemberRole.OWNER
    assert client.get("/acme/-/members.csv").status_code == 403


def test_strangers_learn_nothing_and_nobody_signs_in_first(acme: Acme, client: Client) -> None:
    stranger = signed_in(acme.charlie)
    for path in (MEMBERS, f"{MEMBERS}/bob", f"{MEMBERS}/charlie/remove", f"{MEMBERS}.csv"):
        assert stranger.get(path).status_code == 404
        assert stranger.get(path.replace("acme", "no-such")).status_code == 404
        assert client.get(path)["Location"].startswith("/accounts/login/")
    assert stranger.post(f"{MEMBERS}/bob/role", {"role": "owner"}).status_code == 404
    assert client.post(f"{MEMBERS}/bob/role", {"role": "owner"}).status_code == 401


def test_a_persons_page_shows_teams_and_lets_owners_change_them(acme: Acme) -> None:
    orgs.make_team(acme.organization, "admins")
    client = signed_in(acme.alice)
    page = client.get(f"{MEMBERS}/bob").content.decode()
    assert '<option value="admins">' in page
    assert client.post(f"{MEMBERS}/bob/teams", {"team": "admins"}).status_code == 302
    assert "/acme/-/teams/admins" in client.get(f"{MEMBERS}/bob").content.decode()
    assert client.post(f"{MEMBERS}/bob/teams", {"team": "nonsense"}).status_code == 404
    assert client.post(f"{MEMBERS}/charlie/teams", {"team": "admins"}).status_code == 400
    assert client.get(f"{MEMBERS}/charlie").status_code == 404
    assert "Add to the team" not in signed_in(acme.bob).get(f"{MEMBERS}/bob").content.decode()


def test_rooms_above_fill_their_places(acme: Acme, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slots, "_PARTS", {})
    seen: list[object] = []

    def part(request: object, about: object, **more: object) -> SafeString:
        seen.append((about, more))
        return SafeString("what a room above knows")

    for slot in Slot:
        slots.register(slot, part)
        slots.register(slot, part)
    client = signed_in(acme.alice)
    paths = (f"{MEMBERS}/bob", f"{MEMBERS}/bob/remove", "/acme/-/teams/image-users", "/acme/-/teams/image-users/delete")
    for path in paths:
        assert client.get(path).content.decode().count("what a room above knows") == 1, path
    asked = client.post(f"{MEMBERS}/bob/role", {"role": "owner"})
    assert "what a room above knows" in asked.content.decode()
    assert seen[-1] == (Membership.objects.get(user=acme.bob), {"role": MemberRole.OWNER})


def test_the_export_has_docker_hubs_columns_and_no_formulas(acme: Acme) -> None:
    User.objects.filter(username="bob").update(full_name="=1+1")
    User.objects.filter(username="ed").update(full_name='@Ed, the "editor"')
    orgs.make_team(acme.organization, "admins", acme.bob)
    Invitation.objects.create(
        organization=acme.organization,
        email="mallory@example.org",
        team=acme.team,
        expires_at=timezone.now() + timedelta(days=14),
    )
    response = signed_in(acme.alice).get(f"{MEMBERS}.csv")
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert response["Content-Disposition"].startswith('attachment;filename="acme-members-20')
    assert response["Content-Disposition"].endswith('Z.csv"')
    assert response.streaming
    text = b"".join(response.streaming_content).decode()  # type: ignore[attr-defined]
    rows = list(csv.DictReader(io.StringIO(text)))
    assert list(rows[0]) == ["Name", "Username", "Email", "Type", "Role", "Teams", "Date Joined"]
    assert [row["Username"] for row in rows] == ["alice", "bob", "ed", "oscar", ""]
    bob, invited = rows[1], rows[4]
    joined = Membership.objects.get(user=acme.bob).created_at.strftime("%Y-%m-%dT%H:%M:%SZ")
    assert bob == {
        "Name": "'=1+1",
        "Username": "bob",
        "Email": "bob@example.org",
        "Type": "User",
        "Role": "Member",
        "Teams": "admins, image-users",
        "Date Joined": joined,
    }
    assert rows[2]["Name"] == '\'@Ed, the "editor"'
    assert (invited["Email"], invited["Type"], invited["Teams"]) == ("mallory@example.org", "Invitee", "image-users")
