"""Sharing through the API: teams and collaborators at Docker Hub's paths, grants by pattern at ours."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from orgs.models import Organization, Team
from portal.accounts.models import OrganizationAccessToken, User
from repositories.models import Grant, Repository
from tests import factories
from tests.api.world import call
from tests.conftest import signed_in
from tests.factories.orgs import make_organization, make_team
from tests.grants.conftest import make
from tests.grants.test_sharing_actions import ADMIN, READ, WRITE, give, share

pytestmark = pytest.mark.django_db
REPO = "repositories/acme/api"
NEW = "namespaces/acme/repositories/api"
GRANTS = "orgs/acme/groups/image-users/grants"


@pytest.mark.parametrize("base", [REPO, NEW])
def test_a_team_is_granted_changed_and_taken_off(base: str, acme, alice: User, api: Repository, users: Team) -> None:
    client = signed_in(alice)
    answer = call("POST", f"{base}/groups", {"group_id": users.pk, "permission": "read"}, client=client)
    expected = {"group_id": users.pk, "group_name": "image-users", "permission": "read"}
    assert (answer.status_code, answer.json()) == (200, expected)
    one = f"{base}/groups/{users.pk}"
    assert call("GET", one, client=client).json() == expected
    for method, permission in (("PATCH", "write"), ("PUT", "admin")):
        changed = call(method, one, {"permission": permission}, client=client)
        assert changed.json() == expected | {"permission": permission}
    listed = call("GET", f"{base}/groups/", client=client).json()
    assert listed == {"count": 1, "next": None, "previous": None, "results": [expected | {"permission": "admin"}]}
    assert call("DELETE", f"{one}/", client=client).status_code == 204
    assert call("GET", one, client=client).status_code == 404
    assert not Grant.objects.exists()


@pytest.mark.parametrize("base", [REPO, NEW])
def test_a_person_is_added_changed_and_removed(base: str, acme, alice: User, dave: User, api: Repository) -> None:
    client = signed_in(alice)
    made = call("POST", f"{base}/collaborators/", {"user": "dave"}, client=client)
    expected = {"user": "dave", "permission": "write", "expires_at": None, "is_expired": False}
    assert (made.status_code, made.json()) == (201, expected)
    until = (timezone.now() + timedelta(days=2)).replace(microsecond=0)
    one = f"{base}/collaborators/dave"
    body = {"permission": "read", "expires_at": until.isoformat()}
    changed = call("PATCH", one, body, client=client).json()
    assert changed == expected | {"permission": "read", "expires_at": until.isoformat().replace("+00:00", "Z")}
    assert call("PATCH", one, {"permission": "admin"}, client=client).json()["expires_at"] is not None
    assert call("PATCH", one, {"expires_at": None}, client=client).json() == expected | {"permission": "admin"}
    assert call("GET", f"{base}/collaborators", client=client).json()["results"] == [expected | {"permission": "admin"}]
    assert call("GET", one, client=client).json()["user"] == "dave"
    assert call("DELETE", one, client=client).status_code == 204
    assert call("DELETE", one, client=client).status_code == 404


def test_a_pattern_is_granted_to_a_team(acme: Organization, olivia: User, users: Team) -> None:
    client = signed_in(olivia)
    made = call("POST", GRANTS, {"pattern": "payments/*", "permission": "read"}, client=client)
    assert made.status_code == 201
    assert {"pattern": "payments/*", "permission": "read"}.items() <= made.json().items()
    call("POST", GRANTS, {"pattern": "api", "permission": "admin"}, client=client)
    changed = call("PATCH", GRANTS, {"pattern": "payments/*", "permission": "write"}, client=client)
    assert changed.json()["permission"] == "write"
    listed = call("GET", GRANTS, client=client).json()["results"]
    assert [(row["pattern"], row["permission"]) for row in listed] == [("api", "admin"), ("payments/*", "write")]
    assert call("GET", f"{GRANTS}?pattern=api", client=client).json()["count"] == 1
    assert call("DELETE", f"{GRANTS}?pattern=payments/*", client=client).status_code == 204
    assert call("DELETE", f"{GRANTS}?pattern=payments/*", client=client).status_code == 404
    assert call("DELETE", GRANTS, client=client).status_code == 400
    assert Grant.objects.get().pattern == "api"


def test_who_may_see_and_change_what_a_repository_is_shared_with(
    acme: Organization, api: Repository, alice: User, olivia: User, bob: User, carol: User, dave: User, users: Team
) -> None:
    share(api, alice, bob, ADMIN)
    erin = factories.make_user("erin")
    share(api, alice, erin, WRITE)
    body = {"group_id": users.pk, "permission": "read"}
    seen = {
        name: (
            call("GET", f"{REPO}/groups", client=client).status_code,
            call("POST", f"{REPO}/groups", body, client=client).status_code,
            call("GET", f"{REPO}/collaborators", client=client).status_code,
            call("POST", f"{REPO}/collaborators", {"user": "dave", "permission": "read"}, client=client).status_code,
        )
        for name, client in (
            ("owner", signed_in(alice)),
            ("editor", signed_in(olivia)),
            ("admin", signed_in(bob)),
            ("writer", signed_in(erin)),
            ("reader", signed_in(carol)),
            ("nobody", Client()),
        )
    }
    assert seen == {
        "owner": (200, 200, 200, 201),
        "editor": (200, 200, 200, 201),
        "admin": (200, 200, 200, 201),
        "writer": (403, 403, 403, 403),
        "reader": (403, 403, 403, 403),
        "nobody": (404, 404, 404, 404),
    }
    stranger = signed_in(factories.make_user("frank"))
    assert call("GET", f"{REPO}/collaborators", client=stranger).status_code == 404


def test_who_may_see_and_change_what_a_team_is_granted(
    acme: Organization, alice: User, olivia: User, bob: User, carol: User, dave: User, users: Team
) -> None:
    give(acme, alice, users, "secret-plans", READ)
    body = {"pattern": "*", "permission": "read"}
    seen = {
        user.username: (
            call("GET", GRANTS, client=signed_in(user)).status_code,
            call("POST", GRANTS, body, client=signed_in(user)).status_code,
        )
        for user in (alice, olivia, carol, bob, dave)
    }
    assert seen == {
        "alice": (200, 201),
        "olivia": (200, 201),
        "carol": (200, 403),  # in the team
        "bob": (403, 403),  # not in it: a grant may name what is hidden from him
        "dave": (404, 404),
    }
    assert call("GET", GRANTS).status_code == 401


@pytest.mark.parametrize(
    ("level", "status"), [("repo:public_read", 404), ("repo:read", 403), ("repo:write", 403), ("repo:admin", 201)]
)
def test_a_personal_access_token_needs_the_highest_level(
    acme: Organization, api: Repository, alice: User, dave: User, level: str, status: int
) -> None:
    _token, secret = factories.make_access_token(alice, level)
    bearer = call("POST", "users/login", {"username": "alice", "password": secret}).json()["token"]
    body = {"user": "dave", "permission": "read"}
    assert call("POST", f"{REPO}/collaborators", body, token=bearer).status_code == status


def robot(alice: User, acme: Organization, path: str, *actions: str) -> Any:
    from portal.accounts.actor import actor_for_robot

    token = OrganizationAccessToken.objects.create(
        namespace=acme.namespace,
        public_id=uuid4(),
        label="terraform",
        hash="x" * 64,
        limits=[{"path": path, "actions": list(actions)}],
    )
    return actor_for_robot(token)


def test_a_robot_shares_where_its_limits_let_it(
    acme: Organization, api: Repository, alice: User, dave: User, users: Team
) -> None:
    from portal.kit.errors import Forbidden, NotFound
    from repositories.grants.actions import grant_to_person, grant_to_team

    manages = robot(alice, acme, "acme/api", "manage")
    grant_to_person(actor=manages, repository=api, username="dave", role=READ)
    grant_to_team(actor=manages, organization=acme, team=users, pattern="api", role=READ)
    assert Grant.objects.filter(created_by=None).count() == 2
    with pytest.raises((Forbidden, NotFound)):
        grant_to_team(actor=manages, organization=acme, team=users, pattern="*", role=READ)
    OrganizationAccessToken.objects.all().delete()
    everywhere = robot(alice, acme, "acme", "organization:manage")
    grant_to_team(actor=everywhere, organization=acme, team=users, pattern="*", role=READ)
    OrganizationAccessToken.objects.all().delete()
    pulls = robot(alice, acme, "acme/*", "pull", "push")
    with pytest.raises(Forbidden):
        grant_to_person(actor=pulls, repository=api, username="dave", role=ADMIN)


@pytest.mark.parametrize(
    ("path", "body", "status", "field"),
    [
        ("groups", {"group_id": 1, "permission": "owner"}, 400, "permission"),
        ("groups", {"permission": "read"}, 400, "group_id"),
        ("groups", {"group_id": "x", "permission": "read"}, 400, "group_id"),
        ("groups", {"group_id": 2**80, "permission": "read"}, 400, "group_id"),
        ("groups", {"group_id": 999_999, "permission": "read"}, 404, ""),
        ("collaborators", {"user": "nobody-here"}, 400, "user"),
        ("collaborators", {"user": "acme"}, 400, "user"),
        ("collaborators", {"user": ""}, 400, "user"),
        ("collaborators", {}, 400, "user"),
        ("collaborators", {"user": "dave", "permission": "execute"}, 400, "permission"),
        ("collaborators", {"user": "dave", "expires_at": "yesterday"}, 400, "expires_at"),
        ("collaborators", {"user": "dave", "expires_at": "2001-01-01T00:00:00Z"}, 400, "expires_at"),
    ],
)
def test_bad_bodies(acme, api, alice: User, dave: User, path: str, body: Any, status: int, field: str) -> None:
    answer = call("POST", f"{REPO}/{path}", body, client=signed_in(alice))
    assert answer.status_code == status
    assert list(answer.json().get("fields", {})) == ([field] if field else [])
    assert not Grant.objects.exists()


@pytest.mark.parametrize("pattern", ["A", "a*b", "a//b", "", "x" * 256, "a\0", "app/images"])
def test_bad_patterns(acme: Organization, alice: User, users: Team, pattern: str) -> None:
    answer = call("POST", GRANTS, {"pattern": pattern, "permission": "read"}, client=signed_in(alice))
    assert answer.status_code == 400
    assert list(answer.json()["fields"]) == ["pattern"]
    assert not Grant.objects.exists()


@pytest.mark.parametrize("group_id", [2**62, 2**63, 2**80])
def test_a_number_that_no_team_has(acme: Organization, api: Repository, alice: User, group_id: int) -> None:
    assert call("GET", f"{REPO}/groups/{group_id}", client=signed_in(alice)).status_code == 404


def test_teams_of_others_and_of_persons_are_not_found(
    acme: Organization, api: Repository, alice: User, private_app: Repository, users: Team
) -> None:
    other = make_team(make_organization(alice, "globex"), "ops")
    client = signed_in(alice)
    body = {"group_id": other.pk, "permission": "read"}
    assert call("POST", f"{REPO}/groups", body, client=client).status_code == 404
    body = {"group_id": users.pk, "permission": "read"}
    assert call("POST", "repositories/alice/private-app/groups", body, client=client).status_code == 404
    assert not Grant.objects.exists()


def test_a_guest_who_is_admin_shares_with_people_and_knows_no_teams(
    acme: Organization, api: Repository, alice: User, dave: User, users: Team
) -> None:
    share(api, alice, dave, ADMIN)
    client = signed_in(dave)
    body = {"group_id": users.pk, "permission": "read"}
    assert call("POST", f"{REPO}/groups", body, client=client).status_code == 404
    factories.make_user("erin")
    assert call("POST", f"{REPO}/collaborators", {"user": "erin"}, client=client).status_code == 201


def test_ones_own_last_admin_right_is_a_conflict(acme, api: Repository, alice: User, dave: User) -> None:
    share(api, alice, dave, ADMIN)
    answer = call("DELETE", f"{REPO}/collaborators/dave", client=signed_in(dave))
    assert answer.status_code == 409
    assert "Ask alice, olivia to do it" in answer.json()["detail"]
    assert Grant.objects.exists()


def test_what_is_shared_with_oneself(
    acme: Organization, api: Repository, alice: User, bob: User, dave: User, private_app: Repository
) -> None:
    make(alice, "shop")
    make(alice, "open", visibility="public")
    share(api, alice, dave, READ)
    share(private_app, alice, dave, WRITE)
    share(api, alice, bob, WRITE)
    names = [row["name"] for row in call("GET", "user/repositories/shared", client=signed_in(dave)).json()["results"]]
    assert sorted(names) == ["api", "private-app"]
    assert call("GET", "user/repositories/shared", client=signed_in(bob)).json()["count"] == 0
    assert call("GET", "user/repositories/shared").status_code == 401
    Grant.objects.filter(user=dave).update(expires_at=timezone.now() - timedelta(minutes=1))
    assert call("GET", "user/repositories/shared", client=signed_in(dave)).json()["count"] == 0


def test_the_repository_says_how_many_collaborators_it_has(
    acme: Organization, api: Repository, alice: User, dave: User, carol: User
) -> None:
    share(api, alice, dave, READ)
    share(api, alice, carol, READ)
    owner = call("GET", REPO, client=signed_in(alice)).json()
    assert (owner["collaborator_count"], owner["affiliation"]) == (2, "owner")
    guest = call("GET", REPO, client=signed_in(dave)).json()
    assert guest["affiliation"] == "collaborator"


@pytest.mark.parametrize("path", [f"{REPO}/groups", f"{REPO}/collaborators", GRANTS])
def test_lists_cost_the_same_for_two_and_for_six(
    acme: Organization, api: Repository, alice: User, users: Team, path: str
) -> None:
    client = signed_in(alice)

    def more(numbers: range) -> None:
        for number in numbers:
            give(acme, alice, make_team(acme, f"team-{number}"), "api", READ)
            give(acme, alice, users, f"p{number}/*", READ)
            share(api, alice, factories.make_user(f"guest-{number}"), READ)

    counts = []
    for numbers in (range(2), range(2, 6)):
        more(numbers)
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert call("GET", path, client=client).status_code == 200
        counts.append(len(queries))
    assert counts[0] == counts[1]
