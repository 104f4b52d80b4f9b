"""Personal access tokens, under their new and their old name."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from portal.accounts.models import PersonalAccessToken, User
from repositories.models import Repository
from tests import factories
from tests.api.world import call, sign_in
from tests.conftest import signed_in

pytestmark = pytest.mark.django_db
FIELDS = [
    "uuid", "client_id", "creator_ip", "creator_ua", "created_at", "last_used", "generated_by", "is_active", "token",
    "token_label", "scopes", "expires_at", "resources",
]  # fmt: skip


def create(user: User, path: str = "access-tokens", **body: Any) -> Any:
    body = {"token_label": "ci", "scopes": ["repo:write"]} | body
    return call("POST", path, {k: v for k, v in body.items() if v is not ...}, client=signed_in(user))


def test_the_secret_is_shown_once_and_works(alice: User) -> None:
    expiry = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    answer = create(alice, expires_at=expiry)
    assert answer.status_code == 201
    token = answer.json()
    assert list(token) == FIELDS
    assert str(UUID(token["uuid"])) == token["uuid"]
    assert token["token"].startswith("moor_pat_")
    assert token["scopes"] == ["repo:write"]
    assert token["created_at"].endswith("Z")
    assert token["expires_at"].endswith("Z")
    assert token["last_used"] is None
    assert token["is_active"] is True
    assert call("GET", "user", token=token["token"]).status_code == 200
    client = signed_in(alice)
    assert call("GET", f"access-tokens/{token['uuid']}", client=client).json() == token | {"token": ""}
    assert [row["token"] for row in call("GET", "access-tokens", client=client).json()["results"]] == [""]


def test_of_several_scopes_the_highest_counts(alice: User) -> None:
    assert create(alice, scopes=["repo:read", "repo:admin", "repo:write"]).json()["scopes"] == ["repo:admin"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"token_label": ""}, "token_label"),
        ({"token_label": "x" * 101}, "token_label"),
        ({"token_label": "\u0000"}, "token_label"),
        ({"token_label": ...}, "token_label"),
        ({"scopes": []}, "scopes"),
        ({"scopes": ...}, "scopes"),
        ({"scopes": "repo:read"}, "scopes"),
        ({"scopes": ["repo:everything"]}, "scopes.0"),
        ({"expires_at": "tomorrow"}, "expires_at"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
    ],
    ids=str,
)
def test_what_is_wrong_stands_beside_its_field(alice: User, body: dict[str, Any], field: str) -> None:
    answer = create(alice, **body)
    assert answer.status_code == 400
    found = answer.json()
    assert list(found["fields"]) == [field]
    assert found["text"] == found["detail"] == found["message"]
    assert not PersonalAccessToken.objects.exists()


def test_the_list_counts_those_that_work(alice: User, bob: User) -> None:
    for label in ("one", "two", "three"):
        create(alice, token_label=label)
    create(bob)
    off, expired, _on = PersonalAccessToken.objects.filter(user=alice).order_by("id")
    PersonalAccessToken.objects.filter(pk=off.pk).update(is_active=False)
    PersonalAccessToken.objects.filter(pk=expired.pk).update(expires_at=datetime.now(UTC) - timedelta(days=1))
    page = call("GET", "access-tokens", client=signed_in(alice)).json()
    assert list(page) == ["count", "next", "previous", "active_count", "results"]
    assert (page["count"], page["active_count"]) == (3, 1)
    assert [row["token_label"] for row in page["results"]] == ["three", "two", "one"]


def test_a_token_is_renamed_and_switched_off(alice: User) -> None:
    token = create(alice).json()
    client = signed_in(alice)
    path = f"access-tokens/{token['uuid']}"
    assert call("PATCH", path, {"token_label": "deploy"}, client=client).json()["token_label"] == "deploy"
    assert call("PATCH", path, {"is_active": False}, client=client).json()["is_active"] is False
    assert call("PATCH", path, {"token_label": "x" * 101}, client=client).status_code == 400
    assert call("GET", "user", token=token["token"]).status_code == 401


def test_what_is_no_token_is_not_found(alice: User, bob: User) -> None:
    hers, _secret = factories.make_access_token(alice)
    for uuid in ("x", "0" * 32, str(hers.public_id), "%00"):
        for path in ("access-tokens", "api_tokens"):
            assert call("GET", f"{path}/{uuid}", client=signed_in(bob)).status_code == 404


def test_under_the_old_name_scopes_may_be_left_out(alice: User) -> None:
    """hub-tool sends no scopes for a token that may do all, and is_active with every request."""
    answer = create(alice, "api_tokens", scopes=..., is_active=False)
    assert answer.status_code == 201
    assert answer.json()["scopes"] == ["repo:admin"]
    assert answer.json()["is_active"] is True


def test_an_access_token_manages_no_tokens(alice: User) -> None:
    _row, secret = factories.make_access_token(alice)
    answer = call("GET", "access-tokens", token=secret)
    assert answer.status_code == 403
    assert "password" in answer.json()["message"]


PULL = {"path": "alice/private-app", "actions": ["pull"]}


def test_a_token_is_limited_to_places_and_actions(alice: User, private_app: Repository, public_app: Repository) -> None:
    factories.make_repository(alice, "other")
    limited = [{"path": "alice/private-*", "actions": ["description"]}, {"path": "alice/oth", "actions": ["manage"]}]
    token = create(alice, scopes=..., resources=limited).json()
    assert (token["scopes"], token["resources"]) == (["repo:admin"], limited)
    path = f"access-tokens/{token['uuid']}"
    assert call("GET", path, client=signed_in(alice)).json()["resources"] == limited
    bearer = sign_in("alice", token["token"])
    for secret in (token["token"], bearer):
        app = f"repositories/{private_app.full_name}"
        assert call("PATCH", app, {"description": "x"}, token=secret).status_code == 200
        assert call("PATCH", app, {"is_private": False}, token=secret).status_code == 403
        assert call("GET", f"{app}/webhooks", token=secret).status_code == 403
        assert call("GET", "repositories/alice/other", token=secret).status_code == 404
        assert call("GET", f"repositories/{public_app.full_name}", token=secret).status_code == 200
        refused = call("PATCH", f"repositories/{public_app.full_name}", {"description": "x"}, token=secret)
        assert refused.status_code == 403


def test_a_lower_level_caps_the_limits(alice: User, private_app: Repository) -> None:
    resources = [{"path": "alice/*", "actions": ["description"]}]
    token = create(alice, scopes=["repo:read"], resources=resources).json()
    assert token["scopes"] == ["repo:read"]
    app = f"repositories/{private_app.full_name}"
    assert call("GET", app, token=token["token"]).status_code == 200
    assert call("PATCH", app, {"description": "x"}, token=token["token"]).status_code == 403


def test_without_limits_the_answer_says_so(alice: User) -> None:
    assert create(alice).json()["resources"] is None
    assert create(alice, resources=None).json()["resources"] is None


@pytest.mark.parametrize(
    ("resources", "field"),
    [
        ([], "resources"),
        ("alice/private-app", "resources.__all__"),
        ([PULL, {**PULL, "path": "alice//x"}], "resources.1"),
        ([{**PULL, "path": "alice"}], "resources.0"),
        ([{**PULL, "actions": ["fly"]}], "resources.0.actions.0"),
        ([{**PULL, "actions": []}], "resources.0.actions"),
        ([{"path": "alice/app"}], "resources.0.actions"),
        ([{"actions": ["pull"]}], "resources.0.path"),
        ([{**PULL, "path": f"alice/app{number}"} for number in range(51)], "resources"),
    ],
    ids=str,
)
def test_wrong_limits_are_named(alice: User, resources: Any, field: str) -> None:
    answer = create(alice, scopes=..., resources=resources)
    assert answer.status_code == 400
    assert list(answer.json()["fields"]) == [field]
    assert not PersonalAccessToken.objects.exists()
