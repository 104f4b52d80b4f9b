"""Refusals that differ by what there is: what the owner of a namespace learns, and nobody else."""

import json
from typing import Any

import pytest
from django.test import Client, RequestFactory

from portal.accounts.actor import Actor, Credential, CredentialKind
from portal.accounts.models import CreateOnPush, TokenLevel
from portal.kit.errors import Conflict, NotFound, RateLimited, Unavailable
from repositories.registry import denials
from repositories.registry.errors import CODES, answer, challenge, not_allowed, respond, unauthorized
from repositories.registry.signing import Access
from tests import factories
from tests.factories import PASSWORD
from tests.registry.conftest import Ask

PUSH = ("pull", "push")


@pytest.fixture
def refusal(ask: Ask):
    """The answer of the door's question, for a token without any rights."""

    def send(name: str, *, method: str = "POST", login: str = "alice", secret: str = PASSWORD) -> Any:
        token = ask(login=login, secret=secret).body["token"]
        return Client().get(
            "/-/denied",
            headers={
                "Authorization": f"Bearer {token}",
                "X-Original-Method": method,
                "X-Original-Uri": f"/v2/{name}/manifests/latest",
            },
        )

    return send


def words(response: Any) -> str:
    details = str(response.json()["details"])
    return "" if details == "authentication required" else details


class TestNothingThere:
    def test_a_push_creates_none(self, refusal, alice) -> None:
        alice.namespace.create_on_push = CreateOnPush.OFF
        alice.namespace.save()
        assert words(refusal("alice/new")) == (
            "alice/new does not exist, and a push creates none in this namespace. Create it first."
        )

    @pytest.mark.parametrize("policy", [CreateOnPush.PRIVATE, CreateOnPush.PUBLIC])
    def test_where_a_push_would_create_it_it_is_only_missing(self, refusal, alice, policy) -> None:
        alice.namespace.create_on_push = policy
        alice.namespace.save()
        assert words(refusal("alice/new", method="DELETE")) == "alice/new does not exist."

    @pytest.mark.parametrize(("name", "part"), [("alice/tags", "“tags” is reserved"), ("alice", "1 to 200 characters")])
    def test_a_name_that_none_can_have(self, refusal, alice, name, part) -> None:
        assert words(refusal(name)).startswith(f"{name} cannot be a repository: ")
        assert part in words(refusal(name))

    def test_an_access_token_that_may_not_create(self, refusal, alice) -> None:
        _token, secret = factories.make_access_token(alice, TokenLevel.READ)
        assert words(refusal("alice/new", secret=secret)).startswith(
            "alice/new does not exist, and it is not created: The access token “ci” lacks the level"
        )

    def test_one_for_what_is_public_learns_nothing(self, refusal, alice) -> None:
        _token, secret = factories.make_access_token(alice, TokenLevel.PUBLIC_READ)
        assert words(refusal("alice/new", secret=secret)) == ""

    @pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
    @pytest.mark.parametrize("login", ["bob", ""])
    def test_to_others_private_and_missing_are_one(self, refusal, private_app, bob, method, login) -> None:
        there = refusal("alice/private-app", method=method, login=login)
        nowhere = refusal("alice/missing-app", method=method, login=login)
        nobody = refusal("nobody/missing-app", method=method, login=login)

        def plain(response: Any, name: str) -> tuple[int, str, str]:
            return (
                response.status_code,
                response["WWW-Authenticate"].replace(name, "NAME"),
                response.content.decode().replace(name, "NAME"),
            )

        assert plain(there, "alice/private-app") == plain(nowhere, "alice/missing-app")
        assert plain(nowhere, "alice/missing-app") == plain(nobody, "nobody/missing-app")
        assert "error_description" not in there["WWW-Authenticate"]


class TestCost:
    @pytest.mark.parametrize("name", ["alice/public-app", "alice/private-app", "alice/new", "bob/new", "nobody/new"])
    def test_is_four_queries_at_most(
        self, ask: Ask, refusal, bob, public_app, private_app, name, django_assert_max_num_queries
    ) -> None:
        ask(login="alice")  # argon2 and its queries are another's test
        with django_assert_max_num_queries(4):
            refusal(name)


def test_the_gateway_says_it_in_the_same_words(ask: Ask, refusal, bob, public_app) -> None:
    request = RequestFactory().put("/v2/alice/public-app/manifests/latest")
    mine = denials.refuse(request, ask(login="bob").token, "alice/public-app", PUSH)
    doors = refusal("alice/public-app", method="PUT", login="bob")
    assert mine.content == doors.content
    assert mine.status_code == doors.status_code == 401


def test_a_token_gone_in_the_meantime_is_no_token(ask: Ask, alice, public_app) -> None:
    token, secret = factories.make_access_token(alice)
    verified = ask(login="alice", secret=secret).token
    token.delete()
    response = denials.refuse(RequestFactory().put("/"), verified, "alice/public-app", PUSH)
    assert 'error="invalid_token"' in response["WWW-Authenticate"]


def test_a_credential_without_a_level_may_what_everybody_may(alice, public_app) -> None:
    credential = Credential(kind=CredentialKind.ACCESS_TOKEN, label="old")
    actor = Actor(user_id=alice.pk, public_id=alice.public_id, name="alice", confirmed=True, credential=credential)
    assert denials.reason(actor, "alice/public-app", PUSH) == (
        "alice may pull alice/public-app but not push: The access token “old” lacks the level “Read and write”."
    )


class TestTheFormat:
    @pytest.mark.parametrize(
        ("error", "status", "code"),
        [
            (NotFound(), 404, "NAME_UNKNOWN"),
            (Conflict(), 409, "DENIED"),
            (RateLimited(), 429, "TOOMANYREQUESTS"),
            (Unavailable(), 503, "UNAVAILABLE"),
        ],
    )
    def test_of_our_errors(self, error, status, code) -> None:
        response = answer(error)
        assert response.status_code == status
        assert b'"code": "%s"' % code.encode() in response.content
        assert response["Docker-Distribution-Api-Version"] == "registry/2.0"
        assert response["Cache-Control"] == "no-store"

    def test_of_an_error_without_a_code_of_the_registrys(self) -> None:
        error = Unavailable()
        error.code = "something new"
        assert error.code not in CODES
        assert b'"code": "UNKNOWN"' in answer(error).content

    def test_of_a_wrong_method(self) -> None:
        response = not_allowed("GET", "HEAD")
        assert (response.status_code, response["Allow"]) == (405, "GET, HEAD")

    def test_a_detail_is_there_only_when_there_is_one(self) -> None:
        assert b'detail"' not in respond(400, "UNSUPPORTED", "no").content
        assert b'"detail": {"a": 1}' in respond(400, "UNSUPPORTED", "no", detail={"a": 1}).content


class TestTheChallenge:
    def test_leads_to_the_address_that_the_client_used_in_lower_case(self) -> None:
        request = RequestFactory().get("/v2/", headers={"Host": "LocalHost:8000"}, secure=True)
        assert challenge(request) == 'Bearer realm="https://localhost:8000/token",service="moorage"'

    def test_names_every_scope_in_one_parameter(self) -> None:
        request = RequestFactory().get("/v2/", headers={"Host": "localhost:8000"})
        header = challenge(request, [Access("a/b", PUSH), Access("c/d", ("pull",))], error="insufficient_scope")
        assert header.endswith(',scope="repository:a/b:pull,push repository:c/d:pull",error="insufficient_scope"')

    def test_a_description_is_what_a_header_may_hold(self) -> None:
        request = RequestFactory().get("/v2/", headers={"Host": "localhost:8000"})
        header = challenge(request, description="“a” \\ 배\r\nX-Injected: 1…")
        assert header.endswith("error_description=\"'a' / ???X-Injected: 1...\"")

    def test_a_refusal_names_each_action(self) -> None:
        response = unauthorized(RequestFactory().get("/v2/", headers={"Host": "localhost:8000"}), [Access("a/b", PUSH)])
        assert [entry["Action"] for entry in _errors(response)[0]["detail"]] == ["pull", "push"]
        plain = unauthorized(RequestFactory().get("/v2/", headers={"Host": "localhost:8000"}))
        assert "detail" not in _errors(plain)[0]


def _errors(response: Any) -> list[dict[str, Any]]:
    return list(json.loads(response.content)["errors"])
