"""Teams: the list, one team, who is in it, its end."""

import pytest
from django.test import Client

from orgs.models import Team, TeamMember
from portal.accounts.models import OrganizationAccessToken
from portal.events.models import Event
from repositories.models import Grant
from tests import factories
from tests.conftest import signed_in
from tests.factories import orgs
from tests.orgs.conftest import Acme, counted, last_event, make_robot

pytestmark = pytest.mark.django_db
TEAMS = "/acme/-/teams"
TEAM = f"{TEAMS}/image-users"


def post(client: Client, path: str, **data: str) -> tuple[int, str]:
    response = client.post(path, data)
    return response.status_code, response.content.decode()


def people(team: Team) -> list[str]:
    rows = TeamMember.objects.filter(team=team).order_by("membership__user__username")
    return list(rows.values_list("membership__user__username", flat=True))


def test_an_owner_makes_a_team(acme: Acme) -> None:
    client = signed_in(acme.alice)
    response = client.post(TEAMS, {"name": "image-admins", "description": " They push "})
    assert (response.status_code, response["Location"]) == (302, f"{TEAMS}/image-admins")
    team = Team.objects.get(name="image-admins")
    assert team.description == "They push"
    event = last_event()
    assert (event.action, event.namespace, event.target) == ("org.team.create", "acme", "image-admins")
    assert "Nobody in it yet" in client.get(f"{TEAMS}/image-admins").content.decode()


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("Admins", "Use lower-case letters only."),
        ("a", "Use 2 to 40 characters."),
        ("a" * 41, "Use 2 to 40 characters."),
        ("two words", "Use the letters a to z"),
        ("-x", "begin with a letter or a digit"),
        ("äöü", "Use the letters a to z"),
        ("owners", "“owners” is reserved"),
        ("image-users", "There is a team “image-users” already."),
        ("", "This field is required."),
        ("line\nbreak", "Use the letters a to z"),
    ],
)
def test_a_name_that_will_not_do_is_explained(acme: Acme, name: str, sentence: str) -> None:
    for path in (TEAMS, f"{TEAMS}/other/edit"):
        Team.objects.get_or_create(organization=acme.organization, name="other")
        status, page = post(signed_in(acme.alice), path, name=name)
        assert status == 422
        assert sentence in page
    assert set(Team.objects.values_list("name", flat=True)) == {"image-users", "other"}


def test_two_organizations_may_have_a_team_of_one_name(acme: Acme) -> None:
    other = orgs.make_organization(acme.charlie, "other")
    assert orgs.make_team(other, "image-users").pk != acme.team.pk


def test_a_description_has_an_end(acme: Acme) -> None:
    assert post(signed_in(acme.alice), TEAMS, name="long", description="x" * 501)[0] == 422
    assert not Team.objects.filter(name="long").exists()


def test_everybody_in_it_sees_teams_and_owners_the_forms(acme: Acme) -> None:
    for user in (acme.alice, acme.ed, acme.bob):
        client = signed_in(user)
        for path, form in ((TEAMS, "Create team"), (TEAM, "Add to the team")):
            page = client.get(path)
            assert page.status_code == 200
            assert (form in page.content.decode()) is (user == acme.alice)
        assert "They pull" in client.get(TEAM).content.decode()


def test_teams_are_found_by_name(acme: Acme) -> None:
    orgs.make_team(acme.organization, "payments")
    client = signed_in(acme.bob)
    page = client.get(f"{TEAMS}?q=PAY").content.decode()
    assert f'href="{TEAMS}/payments"' in page
    assert f'href="{TEAM}"' not in page
    assert "Nothing found" in client.get(f"{TEAMS}?q=zzz").content.decode()


@pytest.mark.parametrize("path", [TEAMS, TEAM])
def test_lists_cost_the_same_for_two_and_for_six(acme: Acme, path: str) -> None:
    client = signed_in(acme.alice)

    def cost() -> int:
        with counted() as queries:
            client.get(path)
        return len(queries)

    few = cost()
    for number in range(5):
        user = factories.make_user(f"more{number}")
        orgs.add_member(acme.organization, user)
        orgs.make_team(acme.organization, f"team{number}", user)
        TeamMember.objects.create(team=acme.team, membership=user.memberships.get())
    assert cost() == few


def test_members_join_and_go(acme: Acme) -> None:
    client = signed_in(acme.alice)
    response = client.post(f"{TEAM}/members", {"member": " Ed "})
    assert (response.status_code, response["Location"]) == (302, TEAM)
    assert people(acme.team) == ["bob", "ed"]
    event = last_event()
    assert (event.action, event.target, event.new) == ("org.team.member.add", "image-users", {"member": "ed"})
    response = client.post(f"{TEAM}/members/bob/remove", {"next": "/acme/-/members/bob"})
    assert response["Location"] == "/acme/-/members/bob"
    assert people(acme.team) == ["ed"]
    event = last_event()
    assert (event.action, event.old) == ("org.team.member.remove", {"member": "bob"})
    assert client.post(f"{TEAM}/members/bob/remove").status_code == 404
    assert client.post(f"{TEAM}/members/ed/remove", {"next": "https://evil.example"})["Location"] == TEAM


def test_twice_in_a_team_is_once(acme: Acme) -> None:
    before = Event.objects.count()
    assert post(signed_in(acme.alice), f"{TEAM}/members", member="bob")[0] == 302
    assert people(acme.team) == ["bob"]
    assert Event.objects.count() == before


@pytest.mark.parametrize("name", ["charlie", "nobody", "charlie@example.org", "x" * 60, "a b"])
def test_who_does_not_belong_to_the_organization_is_refused(acme: Acme, name: str) -> None:
    status, page = post(signed_in(acme.alice), f"{TEAM}/members", member=name)
    assert status == 422
    assert f"“{name}” does not belong to acme. Invite them first" in page
    assert people(acme.team) == ["bob"]


def test_a_member_is_added_by_a_confirmed_address(acme: Acme) -> None:
    client = signed_in(acme.alice)
    acme.oscar.emailaddress_set.update(verified=False)  # type: ignore[attr-defined]
    assert post(client, f"{TEAM}/members", member="Oscar@example.org")[0] == 422
    assert post(client, f"{TEAM}/members", member="Ed@Example.org")[0] == 302
    assert people(acme.team) == ["bob", "ed"]


def test_a_team_is_renamed_and_keeps_what_it_has(acme: Acme) -> None:
    Grant.objects.create(namespace=acme.organization.namespace, pattern="api", team=acme.team, role=1)
    client = signed_in(acme.alice)
    response = client.post(f"{TEAM}/edit", {"name": "pullers", "description": "They pull"})
    assert response["Location"] == f"{TEAMS}/pullers"
    acme.team.refresh_from_db()
    assert (acme.team.name, people(acme.team), acme.team.grants.count()) == ("pullers", ["bob"], 1)
    event = last_event()
    assert (event.action, event.old, event.new) == ("org.team.update", {"name": "image-users"}, {"name": "pullers"})
    assert client.get(TEAM).status_code == 404


def test_a_team_goes_with_its_grants_and_tokens(acme: Acme) -> None:
    namespace = acme.organization.namespace
    Grant.objects.create(namespace=namespace, pattern="payments/*", team=acme.team, role=2)
    make_robot(acme, label="deploy", for_team=acme.team)
    make_robot(acme, label="stays")
    client = signed_in(acme.alice)
    page = client.get(f"{TEAM}/delete").content.decode()
    assert "acme/payments/*" in page
    assert "deploy" in page
    assert Team.objects.exists(), "asking deletes nothing"
    response = client.post(f"{TEAM}/delete")
    assert (response.status_code, response["Location"]) == (302, TEAMS)
    assert not Team.objects.exists()
    assert not Grant.objects.exists()
    assert list(OrganizationAccessToken.objects.values_list("label", flat=True)) == ["stays"]
    assert acme.organization.memberships.filter(user=acme.bob).exists()
    gone = Event.objects.get(action="org.access_token.delete")
    assert (gone.target, gone.old) == ("deploy", {"team": "image-users"})
    event = Event.objects.get(action="org.team.delete")
    assert event.old["members"] == ["bob"]
    assert event.old["grants"] == [{"pattern": "payments/*", "role": "write"}]
    assert event.old["access_tokens"] == ["deploy"]
    assert client.post(f"{TEAM}/delete").status_code == 404


@pytest.mark.parametrize("who", ["ed", "bob", "charlie"])
def test_others_than_owners_change_no_team(acme: Acme, who: str) -> None:
    client, refused = signed_in(getattr(acme, who)), 404 if who == "charlie" else 403
    for path in (TEAMS, f"{TEAM}/edit", f"{TEAM}/delete", f"{TEAM}/members", f"{TEAM}/members/bob/remove"):
        assert client.post(path, {"name": "mine", "member": who}).status_code == refused, path
    assert list(Team.objects.values_list("name", flat=True)) == ["image-users"]
    assert people(acme.team) == ["bob"]


def test_one_organization_cannot_reach_anothers_team(acme: Acme) -> None:
    orgs.make_organization(acme.charlie, "other")
    client = signed_in(acme.charlie)
    assert client.get("/other/-/teams/image-users").status_code == 404
    assert client.post("/other/-/teams/image-users/delete").status_code == 404
    assert Team.objects.exists()
