"""The sentence that docker prints when the registry refused."""

from typing import Any

import pytest
from django.test import Client

from portal.accounts.models import CreateOnPush, TokenLevel
from repositories.registry.errors import VERSION_HEADER
from repositories.registry.signing import SERVICE_SUBJECT, Access, service_token
from tests import factories
from tests.factories import PASSWORD
from tests.registry.conftest import Ask


@pytest.fixture
def denied(ask: Ask):
    """denied("PUT", "/v2/…", login=…) with a token of that person for nothing: what the door asks."""

    def send(method: str, uri: str, *, login: str = "", secret: str = PASSWORD, token: str | None = None) -> Any:
        given = token if token is not None else ask(login=login, secret=secret).body["token"]
        headers = {"X-Original-Method": method, "X-Original-Uri": uri, "Host": "localhost:8000"}
        return Client().get("/-/denied", headers={**headers, "Authorization": f"Bearer {given}"} if given else headers)

    return send


def description(response: Any) -> str:
    return str(response["WWW-Authenticate"]).partition('error_description="')[2].rstrip('"')


def test_says_who_may_do_what_and_why_not(denied, public_app, bob) -> None:
    response = denied("POST", "/v2/alice/public-app/blobs/uploads/", login="bob")
    assert response.status_code == 401
    assert response[VERSION_HEADER] == "registry/2.0"
    words = "bob may pull alice/public-app but not push (public)"
    assert response["WWW-Authenticate"] == (
        'Bearer realm="http://localhost:8000/token",service="moorage",scope="repository:alice/public-app:pull,push",'
        f'error="insufficient_scope",error_description="{words}"'
    )
    body = response.json()["errors"][0]
    assert body["code"] == "UNAUTHORIZED"
    assert body["detail"][0] == {"Type": "repository", "Class": "", "Name": "alice/public-app", "Action": "pull"}


def test_names_the_access_token_that_is_too_weak(denied, private_app, alice) -> None:
    _token, secret = factories.make_access_token(alice, TokenLevel.READ, label='배포 "ci"')
    words = description(denied("PUT", "/v2/alice/private-app/blobs/uploads/x?digest=y", login="alice", secret=secret))
    assert words.startswith("alice may pull alice/private-app but not push")
    assert words.isascii()
    assert '"' not in words


def test_an_unconfirmed_person_learns_what_to_do(denied, eve, public_app) -> None:
    assert "Confirm your e-mail address" in description(
        denied("PUT", "/v2/alice/public-app/blobs/uploads/", login="eve")
    )
    assert "Confirm your e-mail address" in description(denied("POST", "/v2/eve/new/blobs/uploads/", login="eve"))


def test_nobody_is_asked_to_sign_in(denied, public_app) -> None:
    response = denied("POST", "/v2/alice/public-app/blobs/uploads/")
    assert "may pull alice/public-app but not push" in description(response)


@pytest.mark.parametrize("name", ["private-app", "nothing"])
def test_an_invisible_repository_reads_like_none(denied, private_app, bob, name) -> None:
    response = denied("GET", f"/v2/alice/{name}/manifests/latest", login="bob")
    assert response.status_code == 401
    assert 'error="insufficient_scope"' in response["WWW-Authenticate"]
    assert "error_description" not in response["WWW-Authenticate"]
    assert response.json()["details"] == "authentication required"


def test_the_owner_learns_that_a_push_creates_nothing(denied, alice) -> None:
    alice.namespace.create_on_push = CreateOnPush.OFF
    alice.namespace.save()
    response = denied("POST", "/v2/alice/new/blobs/uploads/", login="alice")
    assert "alice/new does not exist" in description(response)


def test_a_token_for_public_repositories_learns_nothing_of_private_ones(denied, alice, private_app) -> None:
    _token, secret = factories.make_access_token(alice, TokenLevel.PUBLIC_READ)
    assert description(denied("GET", "/v2/alice/private-app/manifests/x", login="alice", secret=secret)) == ""


def test_who_may_by_now_is_only_sent_for_a_new_token(denied, alice, private_app) -> None:
    response = denied("GET", "/v2/alice/private-app/tags/list", login="alice")
    assert 'scope="repository:alice/private-app:pull"' in response["WWW-Authenticate"]
    assert description(response) == ""


def test_a_mount_asks_for_its_source_too(denied, alice, public_app) -> None:
    uri = "/v2/alice/new/blobs/uploads/?mount=sha256:x&from=alice/public-app"
    challenge = denied("POST", uri, login="alice")["WWW-Authenticate"]
    assert 'scope="repository:alice/new:pull,push repository:alice/public-app:pull"' in challenge
    many = "&".join(f"x{number}=" for number in range(30))
    for query in ("from=../x", many):
        challenge = denied("POST", f"/v2/alice/new/blobs/uploads/?{query}", login="alice")["WWW-Authenticate"]
        assert 'scope="repository:alice/new:pull,push"' in challenge


@pytest.mark.parametrize(
    ("method", "scope"), [("GET", "pull"), ("HEAD", "pull"), ("PATCH", "pull,push"), ("DELETE", "delete")]
)
def test_the_scope_is_what_the_registry_asks_for(denied, method, scope) -> None:
    challenge = denied(method, "/v2/x/y/blobs/sha256:abc")["WWW-Authenticate"]
    assert f'scope="repository:x/y:{scope}"' in challenge


@pytest.mark.parametrize("uri", ["", "/", "/v2/", "/v2/X/manifests/y", "/v2//manifests/x", "nonsense"])
def test_a_path_without_a_repository_gets_the_plain_challenge(denied, uri) -> None:
    response = denied("GET", uri)
    assert response.status_code == 401
    assert "scope=" not in response["WWW-Authenticate"]


def test_without_a_token_or_with_a_wrong_one(denied, alice, public_app) -> None:
    uri = "/v2/alice/public-app/manifests/latest"
    assert "error=" not in denied("GET", uri, token="")["WWW-Authenticate"]
    assert 'error="invalid_token"' in denied("GET", uri, token="x.y.z")["WWW-Authenticate"]
    ours = service_token(SERVICE_SUBJECT, [Access("alice/public-app", ("pull",))])
    assert 'error="invalid_token"' in denied("PUT", uri, token=ours)["WWW-Authenticate"]
