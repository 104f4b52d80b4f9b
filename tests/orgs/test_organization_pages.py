"""The list of organizations, a new one, its settings, its end."""

import pytest
from django.test import Client

from orgs.models import Invitation, MemberRole, Membership, Organization, Team
from portal.accounts.models import Namespace, OrganizationAccessToken, User
from portal.events.models import Event
from repositories.models import Grant, Repository
from tests.conftest import signed_in
from tests.factories import orgs
from tests.orgs.conftest import Acme, counted, last_event, make_robot

pytestmark = pytest.mark.django_db
SETTINGS = "/acme/-/settings"


def post(client: Client, path: str, **data: str) -> tuple[int, str]:
    response = client.post(path, data)
    return response.status_code, response.content.decode()


def test_the_creator_owns_it(alice: User, alices_client: Client) -> None:
    response = alices_client.post(
        "/organizations/new", {"name": "acme", "full_name": " Acme Ltd. ", "description": "Everything"}
    )
    assert (response.status_code, response["Location"]) == (302, "/acme/-/members")
    acme = Organization.objects.get()
    assert (acme.full_name, acme.description, acme.base_permission) == ("Acme Ltd.", "Everything", 1)
    assert list(acme.memberships.values_list("user__username", "role")) == [("alice", MemberRole.OWNER)]
    event = last_event()
    assert (event.action, event.actor_name, event.namespace, event.target) == ("org.create", "alice", "acme", "acme")


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("Acme", "Use lower-case letters only."),
        ("a", "Use 2 to 39 characters."),
        ("ac me", "Use letters and digits"),
        ("acmé", "without accents"),
        ("orgs", "“orgs” is reserved."),
        ("bob", "“bob” is taken."),
        ("taken", "“taken” is taken."),
        ("", "This field is required."),
        ("a\0b", "Null characters are not allowed."),
    ],
)
def test_a_name_that_will_not_do_is_explained(alices_client: Client, bob: User, name: str, sentence: str) -> None:
    orgs.make_organization(bob, "taken")
    status, page = post(alices_client, "/organizations/new", name=name)
    assert status == 422
    assert sentence in page
    assert Organization.objects.count() == 1


def test_a_held_name_is_not_given_away(alice: User, alices_client: Client) -> None:
    Namespace.objects.create(name="gone")
    status, page = post(alices_client, "/organizations/new", name="gone")
    assert status == 422
    assert "“gone” is taken." in page


def test_only_who_has_confirmed_an_address_creates_one(eve: User) -> None:
    client = signed_in(eve)
    page = client.get("/organizations/new")
    assert page.status_code == 200
    assert "Confirm your e-mail address" in page.content.decode()
    assert client.post("/organizations/new", {"name": "evil"}).status_code == 403
    assert not Organization.objects.exists()


def test_the_list_shows_ones_own_with_role_and_size(acme: Acme) -> None:
    page = signed_in(acme.bob).get("/organizations").content.decode()
    assert 'href="/acme"' in page
    assert "4 members" in page
    assert "1 team<" in page
    empty = signed_in(acme.charlie).get("/organizations").content.decode()
    assert "acme" not in empty
    assert "You belong to no organization yet" in empty


def test_the_list_costs_the_same_for_two_and_for_six(alice: User, alices_client: Client) -> None:
    def cost() -> int:
        with counted() as queries:
            alices_client.get("/organizations")
        return len(queries)

    orgs.make_organization(alice, "one")
    orgs.make_organization(alice, "two")
    few = cost()
    for name in ("three", "four", "five", "six"):
        orgs.make_organization(alice, name)
    assert cost() == few


def test_an_owner_changes_the_profile(acme: Acme) -> None:
    client = signed_in(acme.alice)
    texts = {"full_name": "Acme", "description": "All", "link": "acme.example.org", "company": "A", "location": "Kiel"}
    assert client.post(SETTINGS, {"form": "profile", **texts}).status_code == 302
    acme.organization.refresh_from_db()
    found = {name: getattr(acme.organization, name) for name in texts}
    assert found == {**texts, "link": "https://acme.example.org"}
    event = last_event()
    assert (event.action, event.old["location"], event.new["location"]) == ("org.settings.update", "", "Kiel")
    assert "https://acme.example.org" in client.get("/acme/-/members").content.decode()


def test_saving_what_is_there_records_nothing(acme: Acme) -> None:
    before = Event.objects.count()
    assert signed_in(acme.alice).post(SETTINGS, {"form": "profile"}).status_code == 302
    assert Event.objects.count() == before


@pytest.mark.parametrize("link", ["ftp://example.org", "javascript:alert(1)", "not a link", "https://" + "x" * 300])
def test_a_link_is_a_web_address(acme: Acme, link: str) -> None:
    status, page = post(signed_in(acme.alice), SETTINGS, form="profile", link=link)
    assert status == 422
    assert "field-errors" in page
    acme.organization.refresh_from_db()
    assert acme.organization.link == ""


def test_an_editor_changes_the_defaults_and_not_the_profile(acme: Acme) -> None:
    client = signed_in(acme.ed)
    page = client.get(SETTINGS).content.decode()
    assert "Save defaults" in page
    assert "Save profile" not in page
    assert "Delete organization" not in page
    choice = {"form": "defaults", "default_visibility": "public", "create_on_push": "off"}
    assert client.post(SETTINGS, choice).status_code == 302
    acme.organization.refresh_from_db()
    namespace = Namespace.objects.get(name="acme")
    assert (acme.organization.default_visibility, namespace.create_on_push) == ("public", "off")
    assert client.post(SETTINGS, {"form": "profile", "full_name": "Mine"}).status_code == 403
    acme.organization.refresh_from_db()
    assert acme.organization.full_name == ""


@pytest.mark.parametrize("field", ["default_visibility", "create_on_push"])
def test_a_default_that_is_none_changes_nothing(acme: Acme, field: str) -> None:
    choice = {"form": "defaults", "default_visibility": "public", "create_on_push": "off", field: "nonsense"}
    assert signed_in(acme.alice).post(SETTINGS, choice).status_code == 422
    acme.organization.refresh_from_db()
    assert acme.organization.default_visibility == "private"
    assert Namespace.objects.get(name="acme").create_on_push == "private"


def test_an_empty_organization_is_deleted_and_its_name_stays_held(acme: Acme, alices_client: Client) -> None:
    make_robot(acme, "organization:read")
    make_robot(acme, label="team", for_team=acme.team)
    Grant.objects.create(namespace=acme.organization.namespace, pattern="*", team=acme.team, role=1)
    Grant.objects.create(namespace=acme.organization.namespace, pattern="api", user=acme.charlie, role=1)
    response = alices_client.post(f"{SETTINGS}/delete", {"typed_name": " acme "})
    assert (response.status_code, response["Location"]) == (302, "/organizations")
    for rows in (Organization, Membership, Team, Grant, OrganizationAccessToken, Invitation):
        assert not rows.objects.exists(), rows
    assert Namespace.objects.filter(name="acme").exists()
    event = last_event()
    assert event.action == "org.delete"
    assert event.old["members"] == ["alice", "bob", "ed", "oscar"]
    assert event.old["teams"] == ["image-users"]
    assert sorted(event.old["access_tokens"]) == ["ci", "team"]
    assert post(alices_client, "/organizations/new", name="acme")[0] == 422
    assert alices_client.get("/acme/-/members").status_code == 404


def test_a_wrong_name_deletes_nothing(acme: Acme, alices_client: Client) -> None:
    status, page = post(alices_client, f"{SETTINGS}/delete", typed_name="acm")
    assert status == 422
    assert "Type “acme”" in page
    assert Organization.objects.exists()


@pytest.mark.parametrize(("count", "said"), [(1, "there is a repository in it (acme/r0)"), (5, "there are 5 repo")])
def test_repositories_stand_in_the_way_of_a_deletion(acme: Acme, alices_client: Client, count: int, said: str) -> None:
    for number in range(count):
        namespace = acme.organization.namespace
        Repository.objects.create(namespace=namespace, name=f"r{number}", full_name=f"acme/r{number}")
    status, page = post(alices_client, f"{SETTINGS}/delete", typed_name="acme")
    assert status == 409
    assert said in page
    assert ("acme/r0, acme/r1, acme/r2…" in page) == (count == 5)
    assert Organization.objects.exists()
    assert Membership.objects.count() == 4


@pytest.mark.parametrize("who", ["ed", "bob", "charlie"])
def test_nobody_but_owners_deletes(acme: Acme, who: str) -> None:
    status, _page = post(signed_in(getattr(acme, who)), f"{SETTINGS}/delete", typed_name="acme")
    assert status == (404 if who == "charlie" else 403)
    assert Organization.objects.exists()


def test_an_owner_who_is_not_confirmed_changes_nothing(acme: Acme, eve: User) -> None:
    orgs.add_member(acme.organization, eve)
    acme.organization.memberships.filter(user=eve).update(role=MemberRole.OWNER)
    client = signed_in(eve)
    assert client.get("/acme/-/members").status_code == 200
    assert client.post("/acme/-/members/bob/role", {"role": "editor", "confirmed": "yes"}).status_code == 403
    assert client.post(f"{SETTINGS}/delete", {"typed_name": "acme"}).status_code == 403


def test_the_menu_leads_to_the_organizations(alices_client: Client) -> None:
    assert 'href="/organizations"' in alices_client.get("/organizations").content.decode()
