"""The rules of an organization, and the changes that are shown before they are made."""

import pytest
from django.test import Client

from orgs.models import BasePermission, Organization, Team
from portal.accounts.models import User
from repositories.models import Grant, Repository
from tests import factories
from tests.conftest import signed_in

pytestmark = pytest.mark.django_db

RULES = "/acme/-/rules"
SAME = {"base_permission": "1", "who_creates": "editors", "who_publishes": "owners"}


def text(response: object) -> str:
    return response.content.decode()  # type: ignore[attr-defined, no-any-return]


@pytest.mark.parametrize(("who", "status"), [("alice", 200), ("olivia", 403), ("bob", 403), ("dave", 404)])
def test_owners_set_the_rules(who: str, status: int, acme: Organization, dave: User) -> None:
    client = signed_in(User.objects.get(username=who))
    assert client.get(RULES).status_code == status
    assert client.post(RULES, SAME | {"who_creates": "members"}).status_code == (302 if status == 200 else status)
    acme.refresh_from_db()
    assert (acme.who_creates == "members") == (status == 200)


def test_another_base_permission_is_shown_first_and_saved_when_confirmed(
    alices_client: Client, acme: Organization, api: Repository
) -> None:
    page = text(alices_client.post(RULES, SAME | {"base_permission": "0"}))
    assert "Save these rules?" in page
    assert "Lose" in page
    assert "base permission read" in page
    acme.refresh_from_db()
    assert acme.base_permission == BasePermission.READ
    assert alices_client.post(RULES, SAME | {"base_permission": "0", "confirmed": "1"}).status_code == 302
    acme.refresh_from_db()
    assert acme.base_permission == BasePermission.NONE


def test_a_base_permission_that_changes_nobodys_access_is_saved_at_once(
    alices_client: Client, acme: Organization
) -> None:
    assert alices_client.post(RULES, SAME | {"base_permission": "2"}).status_code == 302


def test_what_is_no_rule_is_refused_under_its_field(alices_client: Client, acme: Organization) -> None:
    answer = alices_client.post(RULES, SAME | {"who_creates": "everybody"})
    assert answer.status_code == 422
    acme.refresh_from_db()
    assert acme.who_creates == "editors"


# -- Visibility ---------------------------------------------------------------------------------------------------


def test_becoming_public_is_asked_first(alices_client: Client, api: Repository) -> None:
    url = "/acme/api/-/settings/visibility"
    page = text(alices_client.post(url, {"visibility": "public"}))
    assert "Make acme/api public?" in page
    assert "Everybody gains read" in page
    api.refresh_from_db()
    assert api.visibility == "private"
    answer = alices_client.post(url, {"visibility": "public", "confirmed": "1"}, follow=True)
    assert "is public: everybody can see and pull it." in text(answer)
    api.refresh_from_db()
    assert api.visibility == "public"
    alices_client.post(url, {"visibility": "private"})
    api.refresh_from_db()
    assert api.visibility == "private"


def test_who_may_not_publish_is_told_so_instead_of_asked(olivias_client: Client, api: Repository) -> None:
    answer = olivias_client.post("/acme/api/-/settings/visibility", {"visibility": "public"})
    assert answer.status_code == 403


@pytest.mark.parametrize(("who", "status"), [("bob", 403), ("dave", 404)])
def test_others_change_no_visibility(who: str, status: int, api: Repository, dave: User) -> None:
    client = signed_in(User.objects.get(username=who))
    answer = client.post("/acme/api/-/settings/visibility", {"visibility": "public", "confirmed": "1"})
    assert answer.status_code == status
    assert Client().post("/acme/api/-/settings/visibility", {"visibility": "public"}).status_code == 404
    api.refresh_from_db()
    assert api.visibility == "private"


def test_what_is_no_visibility_is_refused(alices_client: Client, api: Repository) -> None:
    assert alices_client.post("/acme/api/-/settings/visibility", {"visibility": "secret"}).status_code == 400


# -- People and teams ---------------------------------------------------------------------------------------------


def test_removing_a_member_shows_what_they_lose(alices_client: Client, api: Repository) -> None:
    page = text(alices_client.get("/acme/-/members/bob/remove"))
    assert "Lose" in page
    assert "acme/api" in page


def test_making_somebody_owner_shows_what_they_gain(alices_client: Client, api: Repository) -> None:
    page = text(alices_client.post("/acme/-/members/bob/role", {"role": "owner"}))
    assert "Gain" in page
    assert "owner of the organization" in page


def test_the_last_owner_is_told_by_the_page_itself(alices_client: Client, acme: Organization) -> None:
    assert alices_client.get("/acme/-/members/alice/remove").status_code == 200


def test_deleting_a_team_shows_what_its_people_lose(
    alices_client: Client, acme: Organization, api: Repository, users: Team
) -> None:
    Grant.objects.create(namespace=acme.namespace, pattern="*", team=users, role=Grant.Role.WRITE)
    page = text(alices_client.get("/acme/-/teams/image-users/delete"))
    assert "Lose" in page
    assert "team image-users" in page


def test_joining_and_leaving_a_team_can_be_looked_at_first(
    alices_client: Client, acme: Organization, api: Repository, users: Team, admins: Team
) -> None:
    Grant.objects.create(namespace=acme.namespace, pattern="*", team=users, role=Grant.Role.WRITE)
    page = text(alices_client.post("/acme/-/teams/image-users/members/preview", {"member": "bob"}))
    assert "Put bob into image-users?" in page
    assert "Gain" in page
    assert 'action="/acme/-/teams/image-users/members"' in page
    assert not users.team_members.filter(membership__user__username="bob").exists()
    page = text(alices_client.post("/acme/-/teams/image-users/members/carol/preview"))
    assert "Take carol out of image-users?" in page
    assert "Lose" in page
    assert users.team_members.filter(membership__user__username="carol").exists()


@pytest.mark.parametrize(("who", "status"), [("olivia", 403), ("bob", 403), ("dave", 404)])
def test_only_who_may_change_a_team_may_look_at_the_change(
    who: str, status: int, acme: Organization, users: Team, dave: User
) -> None:
    client = signed_in(User.objects.get(username=who))
    assert client.post("/acme/-/teams/image-users/members/preview", {"member": "bob"}).status_code == status
    assert client.post("/acme/-/teams/image-users/members/carol/preview").status_code == status


def test_somebody_who_is_no_member_cannot_join(alices_client: Client, users: Team) -> None:
    factories.make_user("zoe")
    assert alices_client.post("/acme/-/teams/image-users/members/preview", {"member": "zoe"}).status_code == 404
