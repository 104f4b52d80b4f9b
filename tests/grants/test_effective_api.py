"""Effective access through the API: the same answers as on the pages."""

from typing import Any

import pytest
from django.test import Client

from orgs.models import BasePermission, Organization, Team
from portal.accounts.models import TokenLevel, User
from repositories.models import Grant, Repository
from tests import factories
from tests.grants.conftest import make
from tests.grants.test_effective_people import make_robot

pytestmark = pytest.mark.django_db

PEOPLE = "/v2/namespaces/acme/repositories/api/-/access"
CHECK = "/v2/orgs/acme/access/check"
PREVIEW = "/v2/orgs/acme/access/preview"


def call(client: Client, method: str, path: str, body: Any = None, *, status: int = 200) -> Any:
    more = {} if body is None else {"data": body, "content_type": "application/json"}
    answer = getattr(client, method)(path, **more)
    assert answer.status_code == status, answer.content
    return answer.json()


def test_who_has_access(alices_client: Client, acme: Organization, api: Repository, users: Team) -> None:
    Grant.objects.create(namespace=acme.namespace, pattern="*", team=users, role=Grant.Role.WRITE)
    make_robot(acme, "ci", "pull")
    answer = call(alices_client, "get", f"{PEOPLE}?page_size=3")
    assert (answer["count"], len(answer["results"])) == (5, 3)
    (carol,) = call(alices_client, "get", f"{PEOPLE}?query=CAROL")["results"]
    assert (carol["name"], carol["kind"], carol["role"], carol["caps"]) == ("carol", "person", "write", [])
    assert carol["reasons"][0] == {
        "rule": "team",
        "role": "write",
        "text": "team image-users by pattern *",
        "team": "image-users",
        "pattern": "*",
        "expires_at": None,
    }
    (robot,) = call(alices_client, "get", f"{PEOPLE}?role=robots")["results"]
    assert (robot["name"], robot["kind"], robot["role"]) == ("acme:ci", "access token", "read")
    assert robot["caps"] == ["limited to: pull"]


def test_a_repository_called_access_is_not_hidden(alices_client: Client, acme: Organization, alice: User) -> None:
    make(alice, "api/access")
    answer = call(alices_client, "get", "/v2/namespaces/acme/repositories/api/access")
    assert answer["name"] == "api/access"


def test_check(alices_client: Client, bobs_client: Client, daves_client: Client, api: Repository) -> None:
    query = "?subject=bob&action=push"
    answer = call(alices_client, "get", f"{PEOPLE}/check{query}")
    assert (answer["allowed"], answer["role"], answer["exists"]) == (False, "read", True)
    assert answer["reason"] == "You need the role “write” on this repository."
    assert {"outcome": "gives", "text": "The base permission of acme for its members is: read.", "role": "read"} in (
        answer["rules"]
    )
    call(bobs_client, "get", f"{PEOPLE}/check{query}", status=403)
    call(daves_client, "get", f"{PEOPLE}/check{query}", status=404)
    answer = call(alices_client, "get", f"{CHECK}{query}&repository=payments/new")
    assert (answer["allowed"], answer["exists"], answer["repository"]) == (False, False, "acme/payments/new")
    call(alices_client, "get", f"{CHECK}?subject=bob&action=fly&repository=api", status=400)
    call(alices_client, "get", f"{CHECK}?subject=nobody&action=pull&repository=api", status=400)
    call(bobs_client, "get", f"{CHECK}{query}&repository=api", status=403)


def test_what_somebody_reaches(
    alices_client: Client, bobs_client: Client, carols_client: Client, acme: Organization, api: Repository, users: Team
) -> None:
    make(User.objects.get(username="alice"), "web")
    Grant.objects.create(namespace=acme.namespace, pattern="web", team=users, role=Grant.Role.ADMIN)
    robot = make_robot(acme, "ci", "pull", "push", path="acme/api")
    member = call(alices_client, "get", "/v2/orgs/acme/members/carol/access")
    found = [(row["repository"], row["role"], row["is_private"]) for row in member["results"]]
    assert found == [("acme/api", "read", True), ("acme/web", "admin", True)]
    assert call(carols_client, "get", "/v2/orgs/acme/members/carol/access?query=web")["count"] == 1
    call(bobs_client, "get", "/v2/orgs/acme/members/carol/access", status=403)
    team = call(alices_client, "get", "/v2/orgs/acme/groups/image-users/access")
    assert [(row["repository"], row["role"]) for row in team["results"]] == [("acme/web", "admin")]
    call(bobs_client, "get", "/v2/orgs/acme/groups/image-users/access", status=403)
    path = f"/v2/orgs/acme/access-tokens/{robot.public_id}/access"
    (row,) = call(alices_client, "get", path)["results"]
    assert (row["repository"], row["role"], row["caps"]) == ("acme/api", "write", ["limited to: pull, push"])
    call(bobs_client, "get", path, status=403)


@pytest.mark.parametrize(
    ("change", "gains", "losses"),
    [
        ({"base_permission": "none"}, [], ["carol"]),
        ({"base_permission": "write"}, ["bob", "carol"], []),
        ({"grant": {"team": "image-users", "pattern": "*", "role": "write"}}, ["carol", "image-users"], []),
        ({"grant": {"team": "image-admins", "pattern": "api", "role": "none"}}, [], ["bob", "image-admins"]),
        ({"grant": {"user": "dave", "pattern": "api", "role": "read"}}, ["dave"], []),
        ({"grant": {"user": "bob", "pattern": "api", "role": "admin"}}, ["bob"], []),
        ({"membership": {"user": "bob", "role": "none"}}, [], ["bob"]),
        ({"membership": {"user": "bob", "role": "editor"}}, ["bob"], []),
        ({"membership": {"user": "carol", "team": "image-admins", "role": "member"}}, ["carol"], []),
        ({"membership": {"user": "bob", "team": "image-admins", "role": "none"}}, [], ["bob"]),
        ({"visibility": {"repository": "api", "visibility": "public"}}, [], []),
    ],
)
def test_preview(
    change: Any,
    gains: list[str],
    losses: list[str],
    alices_client: Client,
    acme: Organization,
    api: Repository,
    users: Team,
    admins: Team,
    dave: User,
) -> None:
    if change == {"base_permission": "write"} or "visibility" in change or "user" in change.get("grant", {}):
        admins.delete()
    else:
        role = Grant.Role.WRITE
        Grant.objects.create(namespace=acme.namespace, pattern="api", team=admins, role=role)
    answer = call(alices_client, "post", PREVIEW, change)
    assert sorted({row["name"] for row in answer["gains"]}) == gains
    assert sorted({row["name"] for row in answer["losses"]}) == losses
    assert answer["outsiders"] == (["dave"] if "dave" in gains else [])
    assert answer["becomes_public"] == (["acme/api"] if "visibility" in change else [])
    assert answer["needs_confirmation"] == ("dave" in gains or "visibility" in change)
    acme.refresh_from_db()
    assert acme.base_permission == BasePermission.READ
    assert not acme.namespace.grants.filter(user=dave).exists()


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"base_permission": "admin"},
        {"base_permission": "none", "visibility": {"repository": "api", "visibility": "public"}},
        {"grant": {"pattern": "*", "role": "read"}},
        {"grant": {"team": "image-users", "user": "bob", "pattern": "*", "role": "read"}},
        {"grant": {"team": "image-users", "pattern": "a*b", "role": "read"}},
        {"grant": {"user": "nobody", "pattern": "api", "role": "read"}},
    ],
)
def test_what_cannot_be_previewed(body: Any, alices_client: Client, api: Repository, users: Team) -> None:
    call(alices_client, "post", PREVIEW, body, status=400)


def test_a_preview_needs_what_the_change_needs(bobs_client: Client, daves_client: Client, api: Repository) -> None:
    call(bobs_client, "post", PREVIEW, {"base_permission": "none"}, status=403)
    call(daves_client, "post", PREVIEW, {"base_permission": "none"}, status=404)


@pytest.mark.parametrize(("level", "status"), [(TokenLevel.WRITE, 403), (TokenLevel.ADMIN, 200)])
def test_an_access_token_needs_the_level(level: TokenLevel, status: int, alice: User, api: Repository) -> None:
    _token, secret = factories.make_access_token(alice, level)
    headers = {"Authorization": f"Bearer {secret}"}
    assert Client(headers=headers).get(PEOPLE).status_code == status
    assert Client(headers=headers).get(f"{CHECK}?subject=bob&action=pull&repository=api").status_code == (
        200 if status == 200 else 403
    )
