"""The pages of organization access tokens."""

import datetime
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from orgs.models import MemberRole, Organization
from portal.accounts import credentials
from portal.accounts.models import OrganizationAccessToken, User
from portal.kit.errors import Unauthorized
from tests import factories
from tests.conftest import signed_in
from tests.factories.orgs import add_member, make_organization, make_team
from tests.factories.robots import make_robot

URL = "/acme/-/tokens"
NEW = f"{URL}/new"
FORM = {
    "label": "deploy",
    "description": "the pipeline",
    "owner": "",
    "places": "acme/api\nacme/payments/*",
    "actions": ["push"],
    "expiry": "",
}


@pytest.fixture
def acme(alice: User, bob: User) -> Organization:
    organization = make_organization(alice)
    add_member(organization, bob)
    make_team(organization, "image-admins", bob)
    return organization


def works(secret: str) -> bool:
    try:
        return credentials.authenticate("acme", secret).robot_id is not None
    except Unauthorized:
        return False


def test_an_empty_list_says_what_tokens_are_for(acme: Organization, alices_client: Client) -> None:
    page = alices_client.get(URL).content.decode()
    assert "No access tokens yet" in page
    assert f'href="{NEW}"' in page


def test_a_new_token_is_shown_once_with_its_login_name(acme: Organization, alice: User, alices_client: Client) -> None:
    page = alices_client.post(NEW, FORM)
    assert page.status_code == 201
    assert "no-store" in page["Cache-Control"]
    secret = page.context["secret"]
    text = page.content.decode()
    assert secret.startswith("moor_oat_")
    assert secret in text
    assert "docker login -u acme testserver" in text
    assert works(secret)
    token = OrganizationAccessToken.objects.get()
    assert (token.label, token.description, token.created_by) == ("deploy", "the pipeline", alice)
    assert not token.for_team
    assert token.limits == [
        {"path": "acme/api", "actions": ["pull", "push"]},
        {"path": "acme/payments/*", "actions": ["pull", "push"]},
    ]
    listed = alices_client.get(URL).content.decode()
    for shown in ("deploy", "acme/payments/*", "pull, push", "the organization", "never used", "Active"):
        assert shown in listed
    assert secret not in listed
    assert secret not in str(OrganizationAccessToken.objects.values().get())
    assert secret not in alices_client.get(f"{URL}/{token.public_id}").content.decode()


def test_a_token_may_act_for_a_team(acme: Organization, bob: User, alices_client: Client) -> None:
    assert alices_client.post(NEW, {**FORM, "owner": "image-admins"}).status_code == 201
    token = OrganizationAccessToken.objects.get()
    assert token.for_team
    assert token.team_robot.team.name == "image-admins"
    assert "team image-admins" in alices_client.get(URL).content.decode()
    for client in (alices_client, signed_in(bob)):
        page = client.get("/acme/-/teams/image-admins").content.decode()
        assert "deploy" in page
        assert (f'href="{URL}/{token.public_id}"' in page) == (client is alices_client)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"label": ""}, "label"),
        ({"label": "x" * 101}, "label"),
        ({"label": "CI"}, "label"),
        ({"description": "x" * 501}, "description"),
        ({"owner": "nobodies"}, "owner"),
        ({"places": ""}, "places"),
        ({"places": "*"}, "places"),
        ({"places": "other/api"}, "places"),
        ({"places": "acme/api\nacme//"}, "places"),
        ({"places": "acme/api: fly\nacme/web"}, "places"),
        ({"actions": []}, "actions"),
        ({"actions": ["fly"]}, "actions"),
        ({"actions": ["push", "audit:read"]}, "actions"),
        ({"expiry": "date"}, "expiry_date"),
        ({"expiry": "date", "expiry_date": "2020-01-01"}, "expiry_date"),
    ],
    ids=str,
)
def test_bad_input_gets_a_sentence_under_its_field(
    acme: Organization, alice: User, alices_client: Client, changes: dict[str, Any], field: str
) -> None:
    make_robot(alice, acme, label="ci")
    page = alices_client.post(NEW, {**FORM, **changes})
    assert page.status_code == 422
    assert list(page.context["form"].errors) == [field]
    assert OrganizationAccessToken.objects.count() == 1


def test_an_organization_has_a_hundred_at_most(
    acme: Organization, alice: User, alices_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orgs.actions.access_tokens.TOKENS_MAX", 1)
    make_robot(alice, acme)
    page = alices_client.post(NEW, FORM)
    assert page.status_code == 422
    assert "Delete one first" in page.content.decode()


def test_a_token_is_edited_in_place(acme: Organization, alice: User, alices_client: Client) -> None:
    token, secret = make_robot(alice, acme, "pull", path="acme/api")
    url = f"{URL}/{token.public_id}"
    form = alices_client.get(url).context["form"]
    assert (form["places"].value(), form["actions"].value()) == ("acme/api", ["pull"])
    changed = {"label": "release", "description": "", "places": "acme/web: push\nacme/api: pull", "actions": []}
    answer = alices_client.post(url, changed)
    assert answer["Location"] == url
    token.refresh_from_db()
    assert token.label == "release"
    assert token.limits == [
        {"path": "acme/web", "actions": ["pull", "push"]},
        {"path": "acme/api", "actions": ["pull"]},
    ]
    form = alices_client.get(url).context["form"]
    assert form["places"].value() == "acme/web: pull, push\nacme/api: pull"
    assert credentials.authenticate("acme", secret).credential.label == "release"
    assert alices_client.post(url, {**changed, "places": "other/*"}).status_code == 422


def test_two_tokens_never_share_a_label(acme: Organization, alice: User, alices_client: Client) -> None:
    make_robot(alice, acme, label="ci")
    token, _secret = make_robot(alice, acme, label="deploy")
    form = {"label": "CI", "description": "", "places": "acme/*", "actions": ["pull"]}
    page = alices_client.post(f"{URL}/{token.public_id}", form)
    assert page.status_code == 422
    assert "already" in page.context["form"].errors["label"][0]
    other = make_organization(alice, "other")
    make_robot(alice, other, label="ci")


@pytest.mark.parametrize(("overlap", "hours"), [("0", 0), ("3600", 1), ("86400", 24), ("604800", 168)])
def test_rotation_overlaps_for_as_long_as_was_chosen(acme: Organization, alice: User, overlap: str, hours: int) -> None:
    with time_machine.travel("2026-03-01T12:00:00Z", tick=False) as clock:
        token, old = make_robot(alice, acme)
        url = f"{URL}/{token.public_id}"
        page = signed_in(alice).post(f"{url}/rotate", {"overlap": overlap, "expiry": "keep"})
        assert page.status_code == 200
        assert "no-store" in page["Cache-Control"]
        new = page.context["secret"]
        assert new in page.content.decode()
        assert works(new)
        if hours:
            clock.shift(datetime.timedelta(hours=hours, seconds=-1))
            assert works(old)
            clock.shift(datetime.timedelta(seconds=1))
        assert not works(old)
        assert works(new)
    token.refresh_from_db()
    assert token.expires_at is None


def test_the_secret_before_the_last_dies_with_the_next_rotation(
    acme: Organization, alice: User, alices_client: Client
) -> None:
    token, first = make_robot(alice, acme)
    url = f"{URL}/{token.public_id}/rotate"
    second = alices_client.post(url, {"overlap": "86400", "expiry": "keep"}).context["secret"]
    assert "the old secret ends" in alices_client.get(URL).content.decode()
    third = alices_client.post(url, {"overlap": "86400", "expiry": "30"}).context["secret"]
    assert [works(secret) for secret in (first, second, third)] == [False, True, True]
    token.refresh_from_db()
    assert token.expires_at is not None


def test_an_expired_token_is_revived_without_its_old_secret(
    acme: Organization, alice: User, alices_client: Client
) -> None:
    token, old = make_robot(alice, acme)
    OrganizationAccessToken.objects.update(expires_at=timezone.now() - datetime.timedelta(days=1))
    url = f"{URL}/{token.public_id}"
    page = alices_client.get(url).content.decode()
    assert "stays valid" not in page
    assert "Expired" in page
    assert alices_client.post(f"{url}/rotate", {"overlap": "86400", "expiry": "keep"}).status_code == 422
    new = alices_client.post(f"{url}/rotate", {"overlap": "86400", "expiry": "30"}).context["secret"]
    assert [works(old), works(new)] == [False, True]


@pytest.mark.parametrize("form", [{"overlap": "12"}, {"overlap": "0", "expiry": "date", "expiry_date": "2020-01-01"}])
def test_a_rotation_that_is_refused_changes_nothing(
    acme: Organization, alice: User, alices_client: Client, form: dict[str, str]
) -> None:
    token, secret = make_robot(alice, acme)
    assert alices_client.post(f"{URL}/{token.public_id}/rotate", {"expiry": "keep", **form}).status_code == 422
    assert works(secret)


def test_switched_off_it_is_refused_and_switched_on_it_works_again(
    acme: Organization, alice: User, alices_client: Client
) -> None:
    token, secret = make_robot(alice, acme)
    url = f"{URL}/{token.public_id}/switch"
    alices_client.post(url, {"is_active": "false"})
    assert not works(secret)
    assert "Switch on" in alices_client.get(f"{URL}/{token.public_id}").content.decode()
    alices_client.post(url, {"is_active": "true"})
    assert works(secret)


def test_deleting_asks_for_the_label(acme: Organization, alice: User, alices_client: Client) -> None:
    token, secret = make_robot(alice, acme)
    url = f"{URL}/{token.public_id}/delete"
    assert alices_client.post(url)["Location"] == f"{URL}/{token.public_id}"
    assert works(secret)
    assert alices_client.post(url, {"typed_label": "ci"})["Location"] == URL
    assert not works(secret)


@pytest.mark.parametrize("who", ["editor", "member", "stranger", "nobody", "owner of another"])
def test_for_owners_only(acme: Organization, alice: User, bob: User, charlie: User, who: str) -> None:
    token, _secret = make_robot(alice, acme)
    if who == "editor":
        acme.memberships.filter(user=bob).update(role=MemberRole.EDITOR)
    make_organization(charlie, "other")
    client = Client() if who == "nobody" else signed_in(bob if who in {"editor", "member"} else charlie)
    expected = {"editor": 403, "member": 403, "nobody": 302}.get(who, 404)
    base = f"{URL}/{token.public_id}"
    for url in (URL, NEW, base):
        assert client.get(url).status_code == expected
    for url in (f"{base}/rotate", f"{base}/switch", f"{base}/delete"):
        assert client.post(url, {"typed_label": "ci"}).status_code == (401 if who == "nobody" else expected)
    token.refresh_from_db()
    assert token.is_active


def test_a_token_of_another_organization_is_not_found(acme: Organization, alice: User, alices_client: Client) -> None:
    token, _secret = make_robot(alice, make_organization(alice, "other"))
    for public_id in (token.public_id, uuid4()):
        assert alices_client.get(f"{URL}/{public_id}").status_code == 404
        assert alices_client.post(f"{URL}/{public_id}/switch", {"is_active": "false"}).status_code == 404


def test_the_list_costs_the_same_for_two_and_for_six(
    acme: Organization, alice: User, alices_client: Client, django_assert_num_queries: Any
) -> None:
    for number in range(2):
        make_robot(alice, acme, label=f"robot {number}", team="image-admins" if number else "")
    with django_assert_num_queries(6):  # session, user, confirmed, organization twice, tokens
        alices_client.get(URL)
    for number in range(2, 6):
        make_robot(alice, acme, label=f"robot {number}", team="image-admins")
    with django_assert_num_queries(6):
        alices_client.get(URL)


def test_what_happened_is_recorded_without_a_secret(acme: Organization, alice: User, alices_client: Client) -> None:
    from portal.events.models import Event

    page = alices_client.post(NEW, FORM)
    token = OrganizationAccessToken.objects.get()
    url = f"{URL}/{token.public_id}"
    alices_client.post(f"{url}/rotate", {"overlap": "3600", "expiry": "keep"})
    alices_client.post(f"{url}/switch", {"is_active": "false"})
    alices_client.post(f"{url}/switch", {"is_active": "false"})
    alices_client.post(f"{url}/delete", {"typed_label": "deploy"})
    events = Event.objects.filter(action__startswith="org.access_token.").order_by("id")
    assert [(event.action.rpartition(".")[2], event.namespace, event.target) for event in events] == [
        ("create", "acme", "deploy"),
        ("update", "acme", "deploy"),
        ("update", "acme", "deploy"),
        ("delete", "acme", "deploy"),
    ]
    created, rotated, switched, deleted = events
    assert created.new["limits"] == token.limits == deleted.old["limits"]
    assert rotated.new["rotated"] is True
    assert (switched.old, switched.new) == ({"is_active": True}, {"is_active": False})
    for event in events:
        assert page.context["secret"] not in f"{event.old}{event.new}"
        assert token.hash not in f"{event.old}{event.new}"


def test_a_team_takes_its_robots_along(acme: Organization, alice: User) -> None:
    from orgs.actions import delete_team

    _token, secret = make_robot(alice, acme, team="image-admins")
    delete_team(actor=factories.actor(alice), team=acme.teams.get())
    assert not works(secret)
