"""The calls that Docker Hub's clients make, in their order and with their headers and slashes.

Read from the clients' sources; their own binaries have Docker Hub's address compiled in, hub-tool's excepted.
"""

import json
from datetime import datetime
from typing import Any

import pytest
from django.test import Client

from portal.accounts.models import User
from portal.kit.errors import Invalid
from repositories.models import Repository
from tests import factories
from tests.api.world import call, make_index, make_manifest, make_tag

pytestmark = pytest.mark.django_db
PASSWORD = factories.PASSWORD
JSON = "application/json"


def send(method: str, path: str, body: Any = None, **headers: str) -> Any:
    data = {} if body is None else {"data": json.dumps(body), "content_type": JSON}
    return getattr(Client(enforce_csrf_checks=True), method)(path, headers={"Accept": JSON, **headers}, **data)


def go_time(text: str | None) -> bool:
    """What Go's time.Time decodes: RFC 3339, or null."""
    return text is None or bool(datetime.fromisoformat(text))


def test_docker_pushrm(alice: User) -> None:
    """Signs in with slashes, sends `JWT`, and patches the overview."""
    factories.make_repository(alice, "app")
    token = send("post", "/v2/users/login/", {"username": "alice", "password": PASSWORD}).json()["token"]
    answer = send("patch", "/v2/repositories/alice/app/", {"full_description": "# App"}, Authorization=f"JWT {token}")
    assert answer.status_code == 200
    assert Repository.objects.get().full_description == "# App"


def test_dockerhub_description(alice: User) -> None:
    """Signs in with an access token, sends `Bearer`, and patches without a slash."""
    factories.make_repository(alice, "app")
    _row, secret = factories.make_access_token(alice, "repo:write")
    answer = send("post", "/v2/auth/token", {"identifier": "alice", "secret": secret})
    bearer = {"Authorization": f"Bearer {answer.json()['access_token']}"}
    body = {"full_description": "# App", "description": "short"}
    answer = send("patch", "/v2/repositories/alice/app", body, **bearer)
    assert answer.status_code == 200
    row = Repository.objects.get()
    assert (row.full_description, row.description) == ("# App", "short")


def test_hub_tool(alice: User) -> None:
    """Login, account info, repository and tag lists, tokens, deleting a repository."""
    row = factories.make_repository(alice, "app")
    make_tag(row, "latest", make_manifest(row, 1), alice)
    make_tag(row, "multi", make_index(row, 10), alice)
    login = send("post", "/v2/users/login?refresh_token=true", {"username": "alice", "password": PASSWORD})
    bearer = {"Authorization": f"Bearer {login.json()['token']}"}

    account = send("get", "/v2/user/", **bearer).json()
    assert (account["username"], type(account["id"])) == ("alice", str)
    assert go_time(account["date_joined"])

    repositories = send("get", "/v2/repositories/alice/?ordering=last_updated&page=1&page_size=100", **bearer).json()
    assert (repositories["count"], repositories["next"]) == (1, None)
    assert go_time(repositories["results"][0]["last_updated"])

    tags = send("get", "/v2/repositories/alice/app/tags/?ordering=-name&page=1&page_size=100", **bearer).json()
    assert [tag["name"] for tag in tags["results"]] == ["latest", "multi"]
    for tag in tags["results"]:
        times = [tag[name] for name in ("last_updated", "tag_last_pulled", "tag_last_pushed")]
        times += [image[name] for image in tag["images"] for name in ("last_pulled", "last_pushed")]
        assert all(go_time(each) for each in times)
        assert isinstance(tag["images"], list)
        assert tag["v2"] is True
        assert [type(tag[name]) for name in ("id", "creator", "last_updater", "repository", "full_size")] == [int] * 5

    made = send(
        "post", "/v2/api_tokens", {"token_label": "laptop", "scopes": ["repo:read"], "is_active": False}, **bearer
    )
    path = f"/v2/api_tokens/{made.json()['uuid']}"
    assert send("get", "/v2/api_tokens?page=1&page_size=100", **bearer).json()["count"] == 1
    assert send("get", path, **bearer).json()["token_label"] == "laptop"
    assert send("patch", path, {"is_active": False}, **bearer).json()["is_active"] is False
    assert send("delete", path, **bearer).status_code == 202

    assert send("delete", "/v2/repositories/alice/app/", **bearer).status_code == 202
    refused = send("delete", "/v2/repositories/alice/app/", **bearer)
    assert all(isinstance(value, str) for value in refused.json().values()), "hub-tool reads flat maps of strings"


def test_hub_tool_says_what_is_wrong(alice: User) -> None:
    answer = send("post", "/v2/users/login?refresh_token=true", {"username": "alice", "password": "wrong"})
    assert (answer.status_code, answer.json()["detail"]) == (401, "incorrect username or password")


def test_terraform(alice: User) -> None:
    """Login, create, read, change everything, privacy, delete: what the provider does with one repository."""
    token = send("post", "/v2/users/login", {"username": "alice", "password": PASSWORD}).json()["token"]
    bearer = {"Authorization": f"Bearer {token}"}
    body = {"namespace": "alice", "name": "app", "description": "", "full_description": "", "is_private": False}
    assert send("post", "/v2/repositories/", body, **bearer).status_code == 201
    found = send("get", "/v2/repositories/alice/app/", **bearer).json()
    assert found["is_private"] is False
    change = {"description": "d", "full_description": "f"}
    assert send("patch", "/v2/repositories/alice/app/", change, **bearer).json()["description"] == "d"
    assert send("post", "/v2/repositories/alice/app/privacy/", {"is_private": True}, **bearer).status_code == 200
    assert send("delete", "/v2/repositories/alice/app/", **bearer).status_code == 202
    assert send("get", "/v2/repositories/alice/app/", **bearer).status_code == 404


def test_badges_of_shields(alice: User) -> None:
    """Anonymous; sizes of a page up to 10,000."""
    row = factories.make_repository(alice, "app", visibility="public")
    make_tag(row, "latest", make_manifest(row, 1))
    found = send("get", "/v2/repositories/alice/app").json()
    assert (found["pull_count"], found["star_count"]) == (0, 0)
    assert send("get", "/v2/repositories/alice/app/stars/count/").json() == 0
    page = send("get", "/v2/repositories/alice/app/tags?page_size=10000&ordering=last_updated").json()
    assert page["results"][0]["images"][0]["architecture"] == "amd64"
    assert send("get", "/v2/repositories/alice/app/tags/latest").json()["full_size"] == 3000


def test_harbor_replicates(alice: User) -> None:
    row = factories.make_repository(alice, "app")
    make_tag(row, "latest", make_manifest(row, 1))
    token = send("post", "/v2/auth/token", {"identifier": "alice", "secret": PASSWORD}).json()["access_token"]
    bearer = {"Authorization": f"Bearer {token}"}
    assert send("get", "/v2/repositories/namespaces/", **bearer).json() == {"namespaces": ["alice"]}
    page = send("get", "/v2/repositories/alice/?name=&page=1&page_size=100", **bearer).json()
    assert [found["name"] for found in page["results"]] == ["app"]
    tags = send("get", "/v2/repositories/alice/app/tags/?page=1&page_size=100", **bearer).json()
    assert [tag["name"] for tag in tags["results"]] == ["latest"]


def test_a_client_that_accepts_only_something_else_gets_json(alice: User) -> None:
    answer = Client().get("/v2/users/alice", headers={"Accept": "text/html"})
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/json")


@pytest.mark.parametrize("word", ["login", "2fa-login"])
def test_nobody_is_called_like_a_path_below_users(db: None, word: str) -> None:
    with pytest.raises(Invalid, match="reserved"):
        factories.make_user(word)


def test_nothing_is_kept_on_the_way(alice: User) -> None:
    signed_in = send("post", "/v2/auth/token", {"identifier": "alice", "secret": PASSWORD})
    refused = send("get", "/v2/user")
    assert [answer["Cache-Control"] for answer in (signed_in, refused)] == ["no-store"] * 2


def test_a_fault_of_ours_answers_in_the_apis_format(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(username: str) -> User:
        raise RuntimeError(username)

    monkeypatch.setattr("portal.accounts.api.users.fetch_user", fail)
    answer = Client(raise_request_exception=False).get("/v2/users/alice")
    assert (answer.status_code, answer["Content-Type"]) == (500, "application/json")
    assert answer.json() == {"detail": "Something went wrong.", "message": "Something went wrong."}


def test_an_unknown_path_answers_in_the_apis_format(alice: User) -> None:
    for path in (
        "users/alice/nothing",
        "orgs/acme/nothing",
        "repositories/alice/app/groups/x/",
        "repositories/a/-x",
    ):
        for method in ("get", "post", "patch", "delete"):
            answer = call(method, path)
            assert answer.status_code == 404, path
            assert answer.json() == {"detail": "Not found.", "message": "Not found."}
