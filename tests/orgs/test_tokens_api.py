"""Organization access tokens through the API, as Docker Hub's clients see them, and robots that sign in with them."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import jwt
import pytest
import time_machine
from django.test import Client

from orgs.models import BasePermission, Organization
from portal.accounts.limits import to_lines
from portal.accounts.models import OrganizationAccessToken, User
from portal.events.models import Event
from tests import factories
from tests.api.world import call
from tests.conftest import signed_in
from tests.factories.orgs import make_organization, make_team
from tests.factories.robots import make_robot

pytestmark = pytest.mark.django_db
URL = "orgs/acme/access-tokens"
PUSH = {"type": "TYPE_REPO", "path": "acme/api", "scopes": ["scope-image-push"]}
FIELDS = [
    "id", "label", "description", "created_by", "is_active", "created_at", "expires_at", "last_used_at", "last_used_ip",
    "last_used_ua", "resources", "limits", "team", "username", "old_secret_expires_at",
]  # fmt: skip


@pytest.fixture
def acme(alice: User) -> Organization:
    return make_organization(alice)


@pytest.fixture
def client(alice: User) -> Client:
    return signed_in(alice)


def create(client: Client, **body: Any) -> Any:
    return call("POST", URL, {"label": "ci", "resources": [PUSH]} | body, client=client)


def login(secret: str, name: str = "acme") -> Any:
    return call("POST", "auth/token", {"identifier": name, "secret": secret})


def test_the_secret_is_shown_once_and_signs_in(acme: Organization, client: Client) -> None:
    expiry = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    answer = create(client, description="the pipeline", expires_at=expiry)
    assert answer.status_code == 201
    token = answer.json()
    assert list(token) == [*FIELDS, "token"]
    assert str(UUID(token["id"])) == token["id"]
    assert token["token"].startswith("moor_oat_")
    assert (token["created_by"], token["username"], token["team"]) == ("alice", "acme", "")
    assert token["resources"] == [PUSH]
    assert token["limits"] == [{"path": "acme/api", "actions": ["pull", "push"]}]
    assert token["expires_at"].endswith("Z")
    assert token["last_used_at"] is None
    assert login(token["token"]).status_code == 200
    without = {name: token[name] for name in FIELDS}
    assert call("GET", f"{URL}/{token['id']}", client=client).json() == without
    page = call("GET", URL, client=client).json()
    assert page == {"total": 1, "next": None, "previous": None, "results": [without]}


def test_what_was_written_is_read_back_word_for_word_until_it_is_changed(acme: Organization, client: Client) -> None:
    written = [
        {"type": "TYPE_REPO", "path": "*/*/public", "scopes": ["scope-image-pull"]},
        {"type": "TYPE_ORG", "path": "acme", "scopes": ["scope-repository-create", "scope-member-read"]},
    ]
    token = create(client, resources=written).json()
    assert token["resources"] == written
    path = f"{URL}/{token['id']}"
    assert call("PATCH", path, {"label": "deploy"}, client=client).json()["resources"] == written
    kept = OrganizationAccessToken.objects.get()
    places, actions = to_lines(kept.limits)
    form = {"label": "renamed", "description": "", "places": places, "actions": actions}
    assert client.post(f"/acme/-/tokens/{kept.public_id}", form).status_code == 302
    assert call("GET", path, client=client).json()["resources"] == written
    ours = [{"path": "acme/web", "actions": ["pull"]}]
    changed = call("PATCH", path, {"resources": ours}, client=client).json()
    assert changed["limits"] == ours
    assert changed["resources"] == [{"type": "TYPE_REPO", "path": "acme/web", "scopes": ["scope-image-pull"]}]
    assert call("PATCH", path, {"resources": [PUSH]}, client=client).json()["resources"] == [PUSH]


def test_a_token_of_a_team(acme: Organization, client: Client) -> None:
    make_team(acme, "image-admins")
    assert create(client, team="image-admins").json()["team"] == "image-admins"
    refused = create(client, label="other", team="nobodies")
    assert refused.status_code == 400
    assert list(refused.json()["fields"]) == ["team"]


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({"label": ""}, 400, "label"),
        ({"label": "x" * 101}, 400, "label"),
        ({"label": "TAKEN"}, 409, "label"),
        ({"description": "x" * 501}, 400, "description"),
        ({"resources": []}, 400, "resources"),
        ({"resources": None}, 400, "resources"),
        ({"resources": [PUSH, {**PUSH, "path": "other/api"}]}, 400, "resources.1"),
        ({"resources": [{"path": "*", "actions": ["pull"]}]}, 400, "resources.0"),
        ({"resources": [{**PUSH, "scopes": ["scope-cake-eat"]}]}, 400, "resources.0"),
        ({"resources": [{**PUSH, "type": "TYPE_CAKE"}]}, 400, "resources.0.type"),
        ({"resources": [{"type": "TYPE_REPO", "path": "acme/api"}]}, 400, "resources.0"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, 400, "expires_at"),
    ],
    ids=str,
)
def test_what_is_wrong_stands_beside_its_field(
    acme: Organization, alice: User, client: Client, body: dict[str, Any], status: int, field: str
) -> None:
    make_robot(alice, acme, label="taken")
    answer = create(client, **body)
    assert answer.status_code == status
    found = answer.json()
    assert list(found["fields"]) == [field]
    assert found["text"] == found["detail"] == found["message"]
    assert OrganizationAccessToken.objects.count() == 1


def test_a_patch_changes_what_it_names(acme: Organization, alice: User, client: Client) -> None:
    token, secret = make_robot(alice, acme)
    path = f"{URL}/{token.public_id}"
    assert call("PATCH", path, {"is_active": False}, client=client).json()["is_active"] is False
    assert login(secret).status_code == 401
    changed = call("PATCH", path, {"is_active": True, "description": "x"}, client=client).json()
    assert (changed["label"], changed["description"], changed["is_active"]) == ("ci", "x", True)
    assert login(secret).status_code == 200
    assert call("DELETE", path, client=client).status_code == 204
    assert login(secret).status_code == 401
    assert call("GET", path, client=client).status_code == 404


def test_rotation_with_and_without_an_overlap(acme: Organization, alice: User, client: Client) -> None:
    token, first = make_robot(alice, acme)
    path = f"{URL}/{token.public_id}/rotate"
    answer = call("POST", path, {"overlap": 60, "expires_at": None}, client=client).json()
    assert answer["old_secret_expires_at"].endswith("Z")
    second = answer["token"]
    assert [login(secret).status_code for secret in (first, second)] == [200, 200]
    with time_machine.travel(datetime.now(UTC) + timedelta(seconds=61)):
        assert [login(secret).status_code for secret in (first, second)] == [401, 200]
    third = call("POST", path, {}, client=client).json()
    assert third["old_secret_expires_at"] is None
    assert [login(secret).status_code for secret in (first, second, third["token"])] == [401, 401, 200]
    for overlap in (-1, 7 * 86400 + 1, "long"):
        assert call("POST", path, {"overlap": overlap}, client=client).status_code == 400
    assert login(third["token"]).status_code == 200


class TestRobots:
    @pytest.mark.parametrize("name", ["acme", "ACME"])
    def test_sign_in_with_the_organizations_name(self, acme: Organization, alice: User, name: str) -> None:
        _token, secret = make_robot(alice, acme)
        assert login(secret, name).status_code == 200
        body = {"username": name, "password": secret}
        assert call("POST", "users/login", body).status_code == 200

    @pytest.mark.parametrize("name", ["alice", "other", "", "acme:ci", "alice@example.org"])
    def test_and_with_no_other(self, acme: Organization, alice: User, name: str) -> None:
        make_organization(alice, "other")
        _token, secret = make_robot(alice, acme)
        answer = login(secret, name or "x")
        assert answer.status_code == 401
        assert answer.json()["message"] == "incorrect username or password"

    def test_act_with_the_secret_or_with_a_bearer_token(self, acme: Organization, alice: User) -> None:
        factories.make_repository(alice, "mine")
        make_in(acme, alice, "api")
        make_in(acme, alice, "web")
        _token, secret = make_robot(alice, acme, "description", path="acme/api")
        for token in (secret, login(secret).json()["access_token"]):
            api, web = "repositories/acme/api", "repositories/acme/web"
            assert call("GET", api, token=token).status_code == 200
            assert call("PATCH", api, {"full_description": "x"}, token=token).status_code == 200
            assert call("DELETE", api, token=token).status_code == 403
            assert call("GET", web, token=token).status_code == 404
            assert call("GET", "repositories/alice/mine", token=token).status_code == 404

    def test_are_no_person(self, acme: Organization, alice: User, public_app: Any) -> None:
        _token, secret = make_robot(alice, acme, "manage", path="acme/*")
        app = f"repositories/{public_app.full_name}"
        assert call("GET", app, token=secret).status_code == 200
        refused = [
            call("GET", "user", token=secret),
            call("GET", "access-tokens", token=secret),
            call("POST", "access-tokens", {"token_label": "x", "scopes": ["repo:read"]}, token=secret),
            call("POST", f"{app}/stars", token=secret),
            call("POST", f"{app}/comments", {"comment": "hello"}, token=secret),
            call("POST", "orgs", {"orgname": "another"}, token=secret),
        ]
        assert [answer.status_code for answer in refused] == [403] * len(refused)

    @pytest.mark.parametrize("actions", [("organization:manage", "audit:read"), ("organization:read",)])
    def test_manage_no_tokens(self, acme: Organization, alice: User, actions: tuple[str, ...]) -> None:
        token, secret = make_robot(alice, acme, *actions, path="acme")
        assert call("GET", "orgs/acme/members", token=secret).status_code == 200
        for method, path in (("GET", URL), ("DELETE", f"{URL}/{token.public_id}")):
            assert call(method, path, token=secret).status_code == 403
        assert call("POST", f"{URL}/{token.public_id}/rotate", {}, token=secret).status_code == 403

    def test_bearer_tokens_die_with_their_token(self, acme: Organization, alice: User, client: Client) -> None:
        rows = OrganizationAccessToken.objects
        for number, change in enumerate(({"is_active": False}, {"expires_at": datetime.now(UTC)}, None)):
            token, secret = make_robot(alice, acme, "pull", label=f"robot {number}")
            bearer = login(secret).json()["access_token"]
            assert call("GET", "repositories/namespaces", token=bearer).status_code == 200
            rows.filter(pk=token.pk).update(**change) if change else rows.filter(pk=token.pk).delete()
            for dead in (bearer, secret):
                answer = call("GET", "repositories/namespaces", token=dead)
                assert answer.status_code == 401
                assert answer["WWW-Authenticate"].startswith("Bearer")

    def test_bearer_tokens_die_with_the_secret_that_made_them(
        self, acme: Organization, alice: User, client: Client
    ) -> None:
        token, secret = make_robot(alice, acme, "pull")
        bearer = login(secret).json()["access_token"]
        path = f"{URL}/{token.public_id}/rotate"
        call("POST", path, {"overlap": 60}, client=client)
        assert call("GET", "repositories/namespaces", token=bearer).status_code == 200
        call("POST", path, {}, client=client)
        assert call("GET", "repositories/namespaces", token=bearer).status_code == 401

    @pytest.mark.parametrize("changes", [{"oat": "1"}, {"oat": 4711}, {"sub": "0" * 32}, {"stamp": ""}])
    def test_a_bearer_token_of_another_making_is_refused(
        self, acme: Organization, alice: User, changes: dict[str, Any], settings: Any
    ) -> None:
        from portal.accounts import bearer

        _token, secret = make_robot(alice, acme)
        key = bearer._key(settings.SECRET_KEY)
        claims = jwt.decode(
            login(secret).json()["access_token"], key, algorithms=[bearer.ALGORITHM], audience=bearer.AUDIENCE
        )
        forged = jwt.encode(claims | changes, key, algorithm=bearer.ALGORITHM)
        assert call("GET", "repositories/namespaces", token=forged).status_code == 401

    def test_their_sign_in_stands_in_the_organizations_log(self, acme: Organization, alice: User) -> None:
        token, secret = make_robot(alice, acme)
        login(secret)
        event = Event.objects.get(action="user.login")
        assert (event.namespace, event.actor_name, event.actor_id) == ("acme", "acme:ci", token.public_id.hex)
        assert event.credential == "organization access token: ci"

    def test_of_a_team_see_what_the_team_is_granted(self, acme: Organization, alice: User) -> None:
        acme.base_permission = BasePermission.READ
        acme.save()
        team = make_team(acme, "image-admins")
        api = make_in(acme, alice, "api")
        make_in(acme, alice, "web")
        api.namespace.grants.create(pattern="api", team=team, role=2)
        _token, secret = make_robot(alice, acme, "pull", team="image-admins")
        assert call("GET", "repositories/acme/api", token=secret).status_code == 200
        assert call("GET", "repositories/acme/web", token=secret).status_code == 404


def make_in(organization: Organization, owner: User, name: str) -> Any:
    from repositories import actions

    return actions.create_repository(
        actor=factories.actor(owner), namespace=organization.name, name=name, visibility="private"
    )


@pytest.mark.parametrize(
    ("scopes", "reads", "writes"),
    [(["repo:public_read"], 403, 403), (["repo:read"], 200, 403), (["repo:admin"], 200, 201), (None, 200, 201)],
)
def test_a_lower_level_caps_the_limits_of_a_personal_token(
    acme: Organization, client: Client, scopes: list[str] | None, reads: int, writes: int
) -> None:
    resources = [{"path": "acme", "actions": ["organization:manage"]}]
    body = {"token_label": "hr", "resources": resources} | ({"scopes": scopes} if scopes else {})
    secret = call("POST", "access-tokens", body, client=client).json()["token"]
    assert call("GET", "orgs/acme/members", token=secret).status_code == reads
    assert call("POST", "orgs/acme/groups", {"name": "image-users"}, token=secret).status_code == writes
    assert call("GET", "orgs/acme/access-tokens", token=secret).status_code == 403
