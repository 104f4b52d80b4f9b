"""Organizations, members and teams through the API: Docker Hub's shapes, and who is let in."""

import csv
import io
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from orgs import actions
from orgs.models import Invitation, MemberRole, Organization, Team
from portal.accounts.models import Namespace, TokenLevel, User
from repositories.models import Repository
from tests import factories
from tests.api.world import call
from tests.conftest import signed_in
from tests.factories import orgs
from tests.orgs.conftest import Acme, counted, last_event, make_robot, role_of

pytestmark = pytest.mark.django_db
ORGANIZATION = [
    *("id", "uuid", "orgname", "full_name", "location", "company", "description", "profile_url", "gravatar_url"),
    *("gravatar_email", "date_joined", "type", "badge", "is_active", "role"),
]
MEMBER = [
    *("id", "username", "full_name", "email", "company", "location", "profile_url", "gravatar_url", "gravatar_email"),
    *("date_joined", "type", "role", "groups", "is_guest", "last_logged_in_at", "last_seen_at"),
]
GROUP = ["id", "uuid", "name", "description", "member_count"]
ENVELOPE = ["count", "next", "previous", "results"]


def token(user: User, level: str = TokenLevel.ADMIN) -> str:
    return factories.make_access_token(user, level)[1]


def status(method: str, path: str, body: Any = None, **who: Any) -> int:
    code: int = call(method, path, body, **who).status_code
    return code


def invite(acme: Acme, email: str = "mallory@example.org", **more: Any) -> Invitation:
    until = timezone.now() + timedelta(days=14)
    return Invitation.objects.create(organization=acme.organization, email=email, expires_at=until, **more)


class TestOrganizations:
    def test_are_created_and_read(self, alice: User) -> None:
        body = {
            "orgname": "acme",
            "full_name": "Acme",
            "company": "A",
            "location": "Kiel",
            "profile_url": "https://acme.example",
        }
        answer = call("POST", "orgs/", body, token=token(alice))
        assert answer.status_code == 201
        made = answer.json()
        assert list(made) == ORGANIZATION
        assert {name: made[name] for name in body} == body
        assert (made["type"], made["role"], made["is_active"]) == ("Organization", "Owner", True)
        assert made["date_joined"].endswith("Z")
        read = call("GET", "orgs/Acme", client=signed_in(alice))
        assert (read.status_code, read.json()) == (200, made)

    @pytest.mark.parametrize(
        ("name", "code"), [("bob", 409), ("Acme", 400), ("orgs", 400), ("", 400), (None, 400), ("a\0", 400)]
    )
    def test_with_a_name_that_will_not_do_are_not(self, alice: User, bob: User, name: str | None, code: int) -> None:
        answer = call("POST", "orgs", {"orgname": name}, client=signed_in(alice))
        assert answer.status_code == code
        assert list(answer.json()["fields"]) == ["orgname"]
        assert not Organization.objects.exists()

    @pytest.mark.parametrize(("level", "code"), [("repo:read", 403), ("repo:write", 403), ("repo:admin", 201)])
    def test_are_created_by_a_token_of_the_highest_level(self, alice: User, level: str, code: int) -> None:
        assert status("POST", "orgs", {"orgname": "acme"}, token=token(alice, level)) == code

    def test_are_not_created_by_nobody_nor_unconfirmed_nor_robots(self, acme: Acme, eve: User) -> None:
        assert status("POST", "orgs", {"orgname": "new"}) == 401
        assert status("POST", "orgs", {"orgname": "new"}, client=signed_in(eve)) == 403
        _robot, secret = make_robot(acme, "organization:manage")
        assert status("POST", "orgs", {"orgname": "new"}, token=secret) == 403

    def test_of_ones_own_are_listed(self, acme: Acme) -> None:
        orgs.make_organization(acme.bob, "aaa")
        page = call("GET", "user/orgs/?page_size=100", client=signed_in(acme.bob)).json()
        assert list(page) == ENVELOPE
        assert [(row["orgname"], row["role"]) for row in page["results"]] == [("aaa", "Owner"), ("acme", "Member")]
        assert call("GET", "user/orgs", client=signed_in(acme.charlie)).json()["count"] == 0
        assert status("GET", "user/orgs") == 401
        _robot, secret = make_robot(acme, "organization:read")
        assert [row["orgname"] for row in call("GET", "user/orgs", token=secret).json()["results"]] == ["acme"]

    def test_are_changed_by_owners(self, acme: Acme) -> None:
        answer = call(
            "PATCH", "orgs/acme", {"profile_url": "https://acme.org", "company": "A"}, token=token(acme.alice)
        )
        assert answer.status_code == 200
        assert (answer.json()["profile_url"], answer.json()["company"]) == ("https://acme.org", "A")
        bad = call("PATCH", "orgs/acme", {"profile_url": "ftp://x.org"}, client=signed_in(acme.alice))
        assert (bad.status_code, list(bad.json()["fields"])) == (400, ["profile_url"])
        assert status("PATCH", "orgs/acme", {"company": "B"}, client=signed_in(acme.ed)) == 403

    def test_are_deleted_with_a_password_and_when_empty(self, acme: Acme) -> None:
        namespace = acme.organization.namespace
        row = Repository.objects.create(namespace=namespace, name="api", full_name="acme/api")
        client = signed_in(acme.alice)
        assert status("DELETE", "orgs/acme", token=token(acme.alice)) == 403
        refused = call("DELETE", "orgs/acme", client=client)
        assert (refused.status_code, "acme/api" in refused.json()["detail"]) == (409, True)
        row.delete()
        assert status("DELETE", "orgs/acme/", client=client) == 204
        assert status("GET", "orgs/acme", client=client) == 404


@pytest.mark.parametrize("path", ["", "/settings", "/members", "/groups", "/groups/image-users"])
def test_who_sees_what_is_in_it(acme: Acme, path: str) -> None:
    """Everybody who belongs to it; strangers cannot tell it from one that does not exist."""
    for user in (acme.alice, acme.ed, acme.bob):
        assert status("GET", f"orgs/acme{path}", client=signed_in(user)) == 200
    stranger = call("GET", f"orgs/acme{path}", client=signed_in(acme.charlie))
    missing = call("GET", f"orgs/no-such{path}", client=signed_in(acme.charlie))
    assert stranger.status_code == missing.status_code == 404
    assert stranger.content == missing.content
    assert status("GET", f"orgs/acme{path}") == 401
    assert status("GET", f"orgs/acme{path}", token=token(acme.alice, TokenLevel.PUBLIC_READ)) == 403
    assert status("GET", f"orgs/acme{path}", token=token(acme.alice, TokenLevel.READ)) == 200
    _robot, secret = make_robot(acme, "organization:read")
    assert status("GET", f"orgs/acme{path}", token=secret) == 200
    _robot, secret = make_robot(acme, "push", label="push")
    assert status("GET", f"orgs/acme{path}", token=secret) == 403


class TestSettings:
    def test_are_read_and_changed(self, acme: Acme) -> None:
        read = call("GET", "orgs/acme/settings", client=signed_in(acme.bob)).json()
        assert read == {
            "restricted_images": {
                "enabled": False,
                "allow_official_images": False,
                "allow_verified_publishers": False,
            },
            "base_permission": "read",
            "who_creates": "editors",
            "who_publishes": "owners",
            "default_visibility": "private",
            "create_on_push": "private",
        }
        new = {
            "base_permission": "none",
            "who_creates": "members",
            "who_publishes": "nobody",
            "default_visibility": "public",
            "create_on_push": "off",
        }
        answer = call("PUT", "orgs/acme/settings", {**read, **new}, token=token(acme.alice))
        assert (answer.status_code, answer.json()) == (200, {**read, **new})
        assert call("GET", "orgs/acme/settings", client=signed_in(acme.alice)).json() == {**read, **new}
        assert last_event().action == "org.settings.update"

    def test_editors_change_defaults_only_and_nothing_by_half(self, acme: Acme) -> None:
        client = signed_in(acme.ed)
        assert status("PUT", "orgs/acme/settings", {"create_on_push": "off"}, client=client) == 200
        both = {"create_on_push": "public", "base_permission": "write"}
        assert status("PUT", "orgs/acme/settings", both, client=client) == 403
        assert Namespace.objects.get(name="acme").create_on_push == "off"
        assert status("PUT", "orgs/acme/settings", {"create_on_push": "off"}, client=signed_in(acme.bob)) == 403

    @pytest.mark.parametrize(
        "body",
        [
            {"restricted_images": {"enabled": True}},
            {"restricted_images": "no"},
            {"base_permission": "admin"},
            {"who_creates": "everybody"},
            {"who_publishes": None},
            {"default_visibility": "internal"},
            {"create_on_push": 1},
        ],
        ids=str,
    )
    def test_that_make_no_sense_are_refused(self, acme: Acme, body: dict[str, Any]) -> None:
        answer = call("PUT", "orgs/acme/settings", body, client=signed_in(acme.alice))
        assert answer.status_code == 400
        assert next(iter(answer.json()["fields"])).startswith(next(iter(body)))


class TestMembers:
    def test_are_listed_in_docker_hubs_shape(self, acme: Acme) -> None:
        page = call("GET", "orgs/acme/members/?page_size=100", client=signed_in(acme.alice)).json()
        assert list(page) == ENVELOPE
        assert [row["username"] for row in page["results"]] == ["alice", "bob", "ed", "oscar"]
        bob = page["results"][1]
        assert list(bob) == MEMBER
        assert (bob["id"], bob["email"]) == (acme.bob.public_id, "bob@example.org")
        assert (bob["type"], bob["role"], bob["groups"]) == ("User", "Member", ["image-users"])
        assert bob["date_joined"].endswith("Z")
        assert bob["last_seen_at"] is None

    def test_show_their_address_to_owners_only(self, acme: Acme) -> None:
        for user in (acme.ed, acme.bob):
            page = call("GET", "orgs/acme/members", client=signed_in(user)).json()
            assert {row["email"] for row in page["results"]} == {""}
        _robot, secret = make_robot(acme, "organization:read")
        assert {row["email"] for row in call("GET", "orgs/acme/members", token=secret).json()["results"]} == {""}

    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ("search=BO", ["bob"]),
            ("search=oscar@", ["oscar"]),
            ("role=owner", ["alice", "oscar"]),
            ("role=Editor", ["ed"]),
            ("type=member&page_size=1&page=2", ["bob"]),
            ("invites=true", ["alice", "bob", "ed", "oscar", "", "charlie"]),
            ("type=all&invites=true&page_size=3&page=2", ["oscar", "", "charlie"]),
            ("type=invitee", ["", "charlie"]),
            ("type=invitee&search=mallory", [""]),
            ("type=invitee&role=editor", ["charlie"]),
        ],
    )
    def test_are_found(self, acme: Acme, query: str, found: list[str]) -> None:
        invite(acme)
        invite(acme, acme.charlie.email, invitee=acme.charlie, role=MemberRole.EDITOR)
        invite(acme, "gone@example.org", state="revoked")
        page = call("GET", f"orgs/acme/members?{query}", client=signed_in(acme.alice)).json()
        assert [row["username"] for row in page["results"]] == found

    def test_that_are_invited_say_so(self, acme: Acme) -> None:
        row = invite(acme, team=acme.team)
        found = call("GET", "orgs/acme/members?type=invitee", client=signed_in(acme.alice)).json()["results"][0]
        assert list(found) == MEMBER
        assert (found["id"], found["type"], found["role"]) == (row.public_id.hex, "Invitee", "Invitee")
        assert (found["email"], found["groups"], found["date_joined"]) == ("mallory@example.org", ["image-users"], None)

    @pytest.mark.parametrize("query", ["type=invitee", "invites=true"])
    def test_that_are_invited_are_for_owners(self, acme: Acme, query: str) -> None:
        assert status("GET", f"orgs/acme/members?{query}", client=signed_in(acme.bob)) == 403

    @pytest.mark.parametrize("query", ["role=king", "type=x", "invites=maybe", "search=a%00b"])
    def test_are_not_found_by_nonsense(self, acme: Acme, query: str) -> None:
        assert status("GET", f"orgs/acme/members?{query}", client=signed_in(acme.alice)) == 400
        assert status("GET", "orgs/acme/members?page=99", client=signed_in(acme.alice)) == 404

    def test_cost_the_same_for_two_and_for_six(self, acme: Acme) -> None:
        client = signed_in(acme.alice)

        def cost() -> int:
            with counted() as queries:
                call("GET", "orgs/acme/members?invites=true", client=client)
            return len(queries)

        invite(acme)
        few = cost()
        for number in range(4):
            user = factories.make_user(f"more{number}")
            orgs.add_member(acme.organization, user)
            orgs.make_team(acme.organization, f"team{number}", user)
            invite(acme, f"new{number}@example.org", team=acme.team)
        assert cost() == few

    @pytest.mark.parametrize("role", ["editor", "Editor", "EDITOR"])
    def test_change_their_role(self, acme: Acme, role: str) -> None:
        answer = call("PUT", "orgs/acme/members/bob/", {"role": role}, token=token(acme.alice))
        assert (answer.status_code, answer.json()["role"]) == (200, "Editor")
        assert role_of(acme, acme.bob) == MemberRole.EDITOR

    @pytest.mark.parametrize("body", [{}, {"role": "king"}, {"role": None}, {"role": ["owner"]}, {"role": "invitee"}])
    def test_get_no_role_that_is_none(self, acme: Acme, body: dict[str, Any]) -> None:
        answer = call("PUT", "orgs/acme/members/bob", body, client=signed_in(acme.alice))
        assert (answer.status_code, list(answer.json()["fields"])) == (400, ["role"])

    def test_are_removed_and_leave(self, acme: Acme) -> None:
        assert status("DELETE", "orgs/acme/members/bob", client=signed_in(acme.ed)) == 403
        assert status("DELETE", "orgs/acme/members/bob/", token=token(acme.alice)) == 204
        assert status("DELETE", "orgs/acme/members/bob", client=signed_in(acme.alice)) == 404
        assert status("DELETE", "orgs/acme/members/ed", client=signed_in(acme.ed)) == 204
        assert status("DELETE", "orgs/acme/members/oscar", client=signed_in(acme.oscar)) == 204
        last = call("DELETE", "orgs/acme/members/alice", client=signed_in(acme.alice))
        assert (last.status_code, "last owner" in last.json()["detail"]) == (409, True)
        assert status("PUT", "orgs/acme/members/alice", {"role": "member"}, client=signed_in(acme.alice)) == 409

    def test_are_managed_by_robots_that_may(self, acme: Acme) -> None:
        _robot, reads = make_robot(acme, "organization:read", label="reads")
        _robot, manages = make_robot(acme, "organization:manage", label="manages")
        assert status("PUT", "orgs/acme/members/bob", {"role": "editor"}, token=reads) == 403
        assert status("PUT", "orgs/acme/members/bob", {"role": "editor"}, token=manages) == 200
        assert last_event().actor_name == "acme:manages"
        assert status("DELETE", "orgs/acme/members/bob", token=reads) == 403
        assert status("DELETE", "orgs/acme/members/bob", token=manages) == 204

    def test_are_exported(self, acme: Acme) -> None:
        assert status("GET", "orgs/acme/members/export", client=signed_in(acme.ed)) == 403
        assert status("GET", "orgs/acme/members/export") == 401
        answer = call("GET", "orgs/acme/members/export", token=token(acme.alice))
        assert answer.status_code == 200
        assert answer["Content-Type"] == "text/csv; charset=utf-8"
        assert answer["Content-Disposition"].startswith('attachment;filename="acme-members-')
        rows = list(csv.reader(io.StringIO(b"".join(answer.streaming_content).decode())))
        assert rows[0] == ["Name", "Username", "Email", "Type", "Role", "Teams", "Date Joined"]
        assert [row[1] for row in rows[1:]] == ["alice", "bob", "ed", "oscar"]


class TestGroups:
    def test_are_made_read_changed_and_deleted(self, acme: Acme) -> None:
        bearer = token(acme.alice)
        answer = call("POST", "orgs/acme/groups/", {"name": "admins", "description": "They push"}, token=bearer)
        assert answer.status_code == 201
        made = answer.json()
        assert list(made) == GROUP
        assert (made["name"], made["description"], made["member_count"]) == ("admins", "They push", 0)
        assert isinstance(made["id"], int)
        assert call("GET", "orgs/acme/groups/admins", token=bearer).json() == made
        changed = call("PATCH", "orgs/acme/groups/admins", {"description": "x"}, token=bearer).json()
        assert (changed["name"], changed["description"]) == ("admins", "x")
        changed = call("PUT", "orgs/acme/groups/admins", {"name": "pushers"}, token=bearer).json()
        assert (changed["id"], changed["name"], changed["description"]) == (made["id"], "pushers", "")
        assert status("DELETE", "orgs/acme/groups/pushers/", token=bearer) == 204
        assert status("GET", "orgs/acme/groups/pushers", token=bearer) == 404

    @pytest.mark.parametrize(
        ("name", "code"), [("image-users", 409), ("Big", 400), ("owners", 400), ("", 400), (None, 400), (" x", 400)]
    )
    def test_with_a_name_that_will_not_do_are_not(self, acme: Acme, name: str | None, code: int) -> None:
        Team.objects.create(organization=acme.organization, name="other")
        for method, path in (("POST", ""), ("PUT", "/other"), ("PATCH", "/other")):
            answer = call(method, f"orgs/acme/groups{path}", {"name": name}, client=signed_in(acme.alice))
            assert (answer.status_code, list(answer.json()["fields"])) == (code, ["name"]), method
        assert Team.objects.count() == 2

    def test_are_listed_and_found(self, acme: Acme) -> None:
        orgs.make_team(acme.organization, "admins", acme.ed)
        client = signed_in(acme.bob)

        def found(query: str = "") -> list[tuple[str, int]]:
            page = call("GET", f"orgs/acme/groups?{query}", client=client).json()
            return [(row["name"], row["member_count"]) for row in page["results"]]

        assert found() == [("admins", 1), ("image-users", 1)]
        assert found("search=ADM") == [("admins", 1)]
        actions.add_team_member(actor=factories.actor(acme.alice), team=acme.team, username="ed")
        assert found("username=Ed") == [("admins", 1), ("image-users", 2)]
        assert found("username=bob") == [("image-users", 2)]
        assert found("username=nobody") == []

    def test_have_members(self, acme: Acme) -> None:
        bearer, path = token(acme.alice), "orgs/acme/groups/image-users/members"
        added = call("POST", f"{path}/", {"member": "ed"}, token=bearer)
        assert (added.status_code, list(added.json()), added.json()["username"]) == (200, MEMBER, "ed")
        assert status("POST", path, {"member": "Oscar@Example.org"}, token=bearer) == 200
        page = call("GET", path, token=bearer).json()
        assert list(page) == ENVELOPE
        assert [row["username"] for row in page["results"]] == ["bob", "ed", "oscar"]
        assert call("GET", f"{path}?search=ED@", token=bearer).json()["count"] == 1
        assert call("GET", f"{path}?search=ED@", client=signed_in(acme.bob)).json()["count"] == 0
        assert status("DELETE", f"{path}/ed/", token=bearer) == 204
        assert status("DELETE", f"{path}/ed", token=bearer) == 404
        refused = call("POST", path, {"member": "charlie"}, token=bearer)
        assert (refused.status_code, list(refused.json()["fields"])) == (400, ["member"])
        assert "Invite them first" in refused.json()["detail"]

    @pytest.mark.parametrize("who", ["ed", "bob", "charlie"])
    def test_are_changed_by_owners_only(self, acme: Acme, who: str) -> None:
        client, refused = signed_in(getattr(acme, who)), 404 if who == "charlie" else 403
        group = "orgs/acme/groups/image-users"
        assert status("POST", "orgs/acme/groups", {"name": "mine"}, client=client) == refused
        for method in ("PUT", "PATCH", "DELETE"):
            assert status(method, group, {"name": "mine"}, client=client) == refused
        assert status("POST", f"{group}/members", {"member": who}, client=client) == refused
        assert status("DELETE", f"{group}/members/bob", client=client) == refused
        assert list(Team.objects.values_list("name", flat=True)) == ["image-users"]
        assert acme.team.team_members.count() == 1

    def test_cost_the_same_for_two_and_for_six(self, acme: Acme) -> None:
        client = signed_in(acme.alice)

        def cost() -> list[int]:
            found = []
            for path in ("orgs/acme/groups", "orgs/acme/groups/image-users/members", "user/orgs"):
                with counted() as queries:
                    call("GET", path, client=client)
                found.append(len(queries))
            return found

        few = cost()
        for number in range(4):
            user = factories.make_user(f"more{number}")
            orgs.add_member(acme.organization, user)
            orgs.make_team(acme.organization, f"team{number}", user)
            actions.add_team_member(actor=factories.actor(acme.alice), team=acme.team, username=user.username)
            orgs.make_organization(acme.alice, f"other{number}")
        assert cost() == few
