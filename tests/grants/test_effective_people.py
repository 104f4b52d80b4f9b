"""Who has access, and what somebody can reach: names, roles, reasons, caps; and that both agree with what decides."""

import csv
import io
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from orgs.models import BasePermission, MemberRole, Organization, Team, TeamRobot
from portal.accounts.models import OrganizationAccessToken, TokenLevel, User
from portal.kit.secrets import hash_token
from repositories.access import Role, visible
from repositories.access.people import who_has_access
from repositories.models import Grant, Repository
from tests import factories
from tests.conftest import signed_in
from tests.factories.orgs import add_member
from tests.grants.conftest import make

pytestmark = pytest.mark.django_db

PAGE, CSV = "/acme/api/-/access", "/acme/api/-/access/export"


def make_robot(organization: Organization, label: str, *actions: str, path: str = "acme/*", **more: Any) -> Any:
    return OrganizationAccessToken.objects.create(
        public_id=uuid.uuid4(),
        namespace=organization.namespace,
        label=label,
        hash=hash_token(f"moor_oat_{label}"),
        limits=[{"path": path, "actions": list(actions)}],
        **more,
    )


def told(repository: Repository) -> dict[str, tuple[str, list[str], list[str]]]:
    return {
        entry.subject.name: (entry.role_word, [reason.words for reason in entry.reasons], list(entry.caps))
        for entry in who_has_access(repository)
    }


def content(response: Any) -> str:
    return b"".join(response).decode() if response.streaming else response.content.decode()


def test_everybody_with_all_their_reasons(
    acme: Organization, api: Repository, users: Team, admins: Team, dave: User, eve: User
) -> None:
    namespace = acme.namespace
    Grant.objects.create(namespace=namespace, pattern="*", team=admins, role=Grant.Role.WRITE)
    Grant.objects.create(namespace=namespace, pattern="api", team=users, role=Grant.Role.READ)
    until = timezone.now() + timedelta(days=5)
    Grant.objects.create(namespace=namespace, pattern="api", user=dave, role=Grant.Role.READ, expires_at=until)
    Grant.objects.create(namespace=namespace, pattern="api", user=eve, role=Grant.Role.ADMIN)
    found = told(api)
    assert found["alice"] == ("admin", ["owner of the organization"], [])
    assert found["olivia"] == ("admin", ["editor of the organization"], [])
    assert found["bob"] == ("write", ["team image-admins by pattern *", "base permission read"], [])
    assert found["carol"] == ("read", ["base permission read", "team image-users"], [])
    assert found["dave"][0] == "read"
    assert found["dave"][1][0].startswith("collaborator until ")
    assert found["eve"] == ("read", ["collaborator"], ["e-mail address not confirmed: no more than read"])
    assert list(found)[:2] == ["alice", "olivia"]


def test_who_is_switched_off_has_no_access_and_that_is_said(api: Repository, bob: User) -> None:
    User.objects.filter(pk=bob.pk).update(is_active=False)
    assert told(api)["bob"] == ("none", ["base permission read"], ["the account is switched off"])


def test_the_base_permission_none_and_ended_grants_give_nothing(
    acme: Organization, api: Repository, dave: User
) -> None:
    acme.base_permission = BasePermission.NONE
    acme.save()
    Grant.objects.create(
        namespace=acme.namespace, pattern="api", user=dave, role=Grant.Role.ADMIN, expires_at=timezone.now()
    )
    assert set(told(api)) == {"alice", "olivia"}


def test_access_tokens_with_what_their_limits_leave(acme: Organization, api: Repository, users: Team) -> None:
    Grant.objects.create(namespace=acme.namespace, pattern="*", team=users, role=Grant.Role.WRITE)
    make_robot(acme, "puller", "pull")
    make_robot(acme, "pusher", "pull", "push", path="acme/api")
    make_robot(acme, "elsewhere", "pull", "push", path="acme/web")
    make_robot(acme, "off", "pull", is_active=False)
    make_robot(acme, "expired", "pull", expires_at=timezone.now())
    TeamRobot.objects.create(team=users, token=make_robot(acme, "crew", "pull", "push", "manage", for_team=True))
    found = {name: entry for name, entry in told(api).items() if ":" in name}
    assert found == {
        "acme:crew": ("write", ["team image-users by pattern *"], ["limited to: pull, push, manage"]),
        "acme:pusher": ("write", ["access token of the organization"], ["limited to: pull, push"]),
        "acme:puller": ("read", ["access token of the organization"], ["limited to: pull"]),
        "acme:off": (
            "none",
            ["access token of the organization"],
            ["the access token is switched off", "limited to: pull"],
        ),
        "acme:expired": (
            "none",
            ["access token of the organization"],
            ["the access token has expired", "limited to: pull"],
        ),
    }


def test_it_agrees_with_what_everybody_sees(
    acme: Organization, api: Repository, users: Team, dave: User, eve: User
) -> None:
    web = make(User.objects.get(username="alice"), "web", visibility="public")
    Grant.objects.create(namespace=acme.namespace, pattern="a*", team=users, role=Grant.Role.ADMIN)
    Grant.objects.create(namespace=acme.namespace, pattern="web", user=dave, role=Grant.Role.WRITE)
    add_member(acme, eve, MemberRole.EDITOR)
    for repository in (api, web):
        public = Role.READ if repository.visibility == "public" else Role.NONE
        roles = {entry.subject.name: entry.role for entry in who_has_access(repository)}
        for user in User.objects.all():
            row = visible(factories.actor(user)).filter(pk=repository.pk).first()
            assert roles.get(user.username, public) == (row.role if row else 0), (user, repository)


def test_the_page_says_it(olivias_client: Client, api: Repository, bobs_client: Client, daves_client: Client) -> None:
    page = content(olivias_client.get(PAGE))
    assert "Who has access" in page
    assert "base permission read" in page
    assert "editor of the organization" in page
    assert bobs_client.get(PAGE).status_code == 403
    assert daves_client.get(PAGE).status_code == 404
    assert Client().get(PAGE).status_code == 404


def test_find_and_filter(alices_client: Client, api: Repository) -> None:
    part = "/acme/api/-/access/people"
    htmx = {"HX-Request": "true"}
    found = content(alices_client.get(f"{part}?who=CAR", headers=htmx))
    assert ">carol<" in found
    assert ">bob<" not in found
    assert "1 person or access token" in found
    found = content(alices_client.get(f"{part}?role=admin", headers=htmx))
    assert ">olivia<" in found
    assert ">bob<" not in found
    assert "Nobody found" in content(alices_client.get(f"{part}?who=zzz", headers=htmx))
    assert alices_client.get(f"{part}?who=bob")["Location"] == f"{PAGE}?who=bob"
    assert alices_client.get(f"{part}?people=99999999999", headers=htmx).status_code == 200


def test_a_public_repository_has_an_entry_for_everybody(alices_client: Client, acme: Organization, alice: User) -> None:
    make(alice, "web", visibility="public")
    assert "Everybody: read (public)" in content(alices_client.get("/acme/web/-/access"))
    rows = list(csv.reader(io.StringIO(content(alices_client.get("/acme/web/-/access/export")))))
    assert rows[1] == ["Everybody", "", "everybody", "read", "public", ""]


def test_the_export_holds_everybody_and_no_formula(alices_client: Client, api: Repository, bob: User) -> None:
    User.objects.filter(pk=bob.pk).update(full_name="=1+1")
    answer = alices_client.get(CSV)
    rows = list(csv.reader(io.StringIO(content(answer))))
    assert rows[0] == ["Name", "Full name", "Kind", "Role", "Reasons", "Limited by"]
    assert [row[0] for row in rows[1:]] == ["alice", "olivia", "bob", "carol"]
    assert ["bob", "'=1+1", "person", "read", "base permission read", ""] in rows
    assert "attachment" in answer["Content-Disposition"]


def queries(client: Client, url: str) -> int:
    with CaptureQueriesContext(
        connection,
    ) as found:
        response = client.get(url)
        assert response.status_code == 200
        content(response)
    return len(found)


@pytest.mark.parametrize(
    "url",
    [
        PAGE,
        CSV,
        "/acme/-/members/bob/access",
        "/acme/-/teams/image-users/access",
        "/acme/-/check?subject=bob&repository=api",
    ],
)
def test_more_rows_cost_no_more_queries(
    url: str, alices_client: Client, acme: Organization, api: Repository, users: Team, alice: User
) -> None:
    Grant.objects.create(namespace=acme.namespace, pattern="*", team=users, role=Grant.Role.READ)
    make_robot(acme, "first", "pull")
    queries(alices_client, url)
    two = queries(alices_client, url)
    for n in range(4):
        add_member(acme, factories.make_user(f"member{n}"))
        make(alice, f"app{n}")
        make_robot(acme, f"ci{n}", "pull")
    assert queries(alices_client, url) == two


# -- What somebody can reach --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("who", "url", "status"),
    [
        ("alice", "/acme/-/members/bob/access", 200),
        ("olivia", "/acme/-/members/bob/access", 200),
        ("bob", "/acme/-/members/bob/access", 200),
        ("carol", "/acme/-/members/bob/access", 403),
        ("dave", "/acme/-/members/bob/access", 404),
        ("alice", "/acme/-/members/dave/access", 404),
        ("olivia", "/acme/-/teams/image-users/access", 200),
        ("carol", "/acme/-/teams/image-users/access", 200),
        ("bob", "/acme/-/teams/image-users/access", 403),
        ("dave", "/acme/-/teams/image-users/access", 404),
        ("alice", "/acme/-/tokens/{robot}/access", 200),
        ("olivia", "/acme/-/tokens/{robot}/access", 403),
        ("dave", "/acme/-/tokens/{robot}/access", 404),
        ("bob", "/accounts/access/", 200),
        ("carol", "/accounts/tokens/{token}/access/", 200),
        ("bob", "/accounts/tokens/{token}/access/", 404),
    ],
)
def test_who_may_know_what_somebody_reaches(
    who: str, url: str, status: int, acme: Organization, api: Repository, users: Team, carol: User, dave: User
) -> None:
    robot = make_robot(acme, "ci", "pull")
    token, _secret = factories.make_access_token(carol, TokenLevel.READ)
    client = signed_in(User.objects.get(username=who))
    address = url.format(robot=robot.public_id, token=token.public_id)
    assert client.get(address).status_code == status
    if status == 200:
        assert content(client.get(f"{address}?export=csv")).startswith("Repository,Visibility,Role,Reasons,Limited by")


def test_a_member_is_looked_at_in_this_organization_only(
    alices_client: Client, acme: Organization, api: Repository, bob: User
) -> None:
    factories.make_repository(bob, "secret")
    page = content(alices_client.get("/acme/-/members/bob/access"))
    assert "acme/api" in page
    assert "bob/secret" not in page
    assert "bob/secret" in content(signed_in(bob).get("/accounts/access/"))


def test_oneself_is_shown_what_is_shared_and_not_all_that_is_public(
    api: Repository, dave: User, charlie: User, acme: Organization
) -> None:
    factories.make_repository(charlie, "public", visibility="public")
    Grant.objects.create(namespace=acme.namespace, pattern="api", user=dave, role=Grant.Role.READ)
    page = content(signed_in(dave).get("/accounts/access/"))
    assert "acme/api" in page
    assert "charlie/public" not in page


def test_an_access_token_is_shown_what_its_level_and_limits_leave(api: Repository, carol: User, alice: User) -> None:
    make(alice, "web", visibility="public")
    token, _secret = factories.make_access_token(carol, TokenLevel.PUBLIC_READ)
    page = content(signed_in(carol).get(f"/accounts/tokens/{token.public_id}/access/"))
    assert "acme/web" in page
    assert "acme/api" not in page
    token.level, token.limits = TokenLevel.WRITE, [{"path": "acme/api", "actions": ["pull"]}]
    token.save()
    page = content(signed_in(carol).get(f"/accounts/tokens/{token.public_id}/access/"))
    assert "acme/api" in page
    assert "limited to: pull" in page


def test_a_token_that_is_off_reaches_nothing(acme: Organization, api: Repository, alices_client: Client) -> None:
    robot = make_robot(acme, "ci", "pull", is_active=False)
    page = content(alices_client.get(f"/acme/-/tokens/{robot.public_id}/access"))
    assert "Nothing gives a role" in page


def test_the_reach_is_what_they_see(acme: Organization, api: Repository, users: Team, alices_client: Client) -> None:
    acme.base_permission = BasePermission.NONE
    acme.save()
    make(User.objects.get(username="alice"), "payments/web")
    Grant.objects.create(namespace=acme.namespace, pattern="payments/*", team=users, role=Grant.Role.WRITE)
    for url in ("/acme/-/members/carol/access", "/acme/-/teams/image-users/access"):
        rows = list(csv.reader(io.StringIO(content(alices_client.get(f"{url}?export=csv")))))
        assert rows[1:] == [["acme/payments/web", "private", "write", "team image-users by pattern payments/*", ""]]
        found = content(alices_client.get(f"{url}?q=api", headers={"HX-Request": "true"}))
        assert "acme/api" not in found


def test_the_pages_of_a_member_and_a_team_lead_there(
    alices_client: Client, acme: Organization, api: Repository, users: Team
) -> None:
    page = content(alices_client.get("/acme/-/members/carol"))
    assert "/acme/-/members/carol/access" in page
    assert "base permission read" in page
    assert "/acme/-/teams/image-users/access" in content(alices_client.get("/acme/-/teams/image-users"))


def test_five_thousand_members_are_few_queries(
    acme: Organization, api: Repository, django_assert_num_queries: Callable[..., Any]
) -> None:
    with django_assert_num_queries(2):
        who_has_access(api)
