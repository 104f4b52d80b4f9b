"""Signing in, and what a bearer token is worth afterwards."""

import base64
import json
import warnings
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import jwt
import pytest
import time_machine
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from django.conf import settings
from django.test import Client
from jwt.warnings import InsecureKeyLengthWarning

from portal.accounts import actions, bearer, last_use, tries
from portal.accounts.credentials import password_stamp
from portal.accounts.models import PersonalAccessToken, User
from portal.kit.errors import MoorageError
from repositories.registry.verify import verify
from tests import factories
from tests.api.conftest import CountingRedis
from tests.api.world import call, sign_in

pytestmark = pytest.mark.django_db
PASSWORD = factories.PASSWORD


def claims_of(token: str) -> dict[str, Any]:
    return dict(jwt.decode(token, options={"verify_signature": False}))


def user(token: str, scheme: str = "Bearer") -> Any:
    return call("GET", "user", token=token, scheme=scheme)


def test_a_password_or_an_access_token_buys_a_bearer_token_for_ten_minutes(alice: User) -> None:
    _token, secret = factories.make_access_token(alice)
    for identifier, given in (
        ("alice", PASSWORD),
        ("alice", secret),
        ("Alice", PASSWORD),
        ("alice@example.org", PASSWORD),
    ):
        answer = call("POST", "auth/token", {"identifier": identifier, "secret": given})
        assert list(answer.json()) == ["access_token"]
        claims = claims_of(answer.json()["access_token"])
        assert claims["exp"] - claims["iat"] == 600
        assert claims["sub"] == alice.public_id
        assert user(answer.json()["access_token"]).json()["username"] == "alice"


def test_the_login_of_old_clients_gives_a_token_with_an_end(alice: User) -> None:
    answer = call("POST", "users/login?refresh_token=true", {"username": "alice", "password": PASSWORD})
    assert list(answer.json()) == ["token"]
    assert claims_of(answer.json()["token"])["exp"] > datetime.now(UTC).timestamp() + 3600
    assert user(answer.json()["token"], scheme="JWT").status_code == 200


def test_signing_in_takes_a_form_too(alice: User) -> None:
    form = urlencode({"username": "alice", "password": PASSWORD})
    answer = Client().post("/v2/users/login/", form, "application/x-www-form-urlencoded")
    assert answer.status_code == 200


def test_a_token_that_died_does_not_keep_from_signing_in(alice: User) -> None:
    answer = call("POST", "users/login", {"username": "alice", "password": PASSWORD}, token="dead")
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("identifier", "secret"),
    [
        ("alice", "wrong"),
        ("nobody", PASSWORD),
        ("alice", "moor_pat_" + "x" * 43),
        ("bob", "the token of alice"),
        ("alice\u0000", PASSWORD),
    ],
)
def test_what_is_wrong_is_not_told_apart(alice: User, bob: User, identifier: str, secret: str) -> None:
    _token, hers = factories.make_access_token(alice)
    secret = hers if secret == "the token of alice" else secret
    answer = call("POST", "auth/token", {"identifier": identifier, "secret": secret})
    if "\u0000" in identifier:
        assert answer.status_code == 400
    else:
        assert answer.status_code == 401
        assert answer.json() == dict.fromkeys(("detail", "message"), "incorrect username or password")
        assert answer["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize(
    "body", [{}, [], None, "x", {"identifier": ["a"], "secret": {}}, {"identifier": "", "secret": ""}]
)
def test_a_body_of_another_shape_is_refused(body: Any, db: None) -> None:
    answer = Client().post("/v2/auth/token", json.dumps(body), "application/json")
    assert answer.status_code == 400
    assert answer.json()["message"]


def test_what_is_not_json_is_refused(db: None) -> None:
    for body, content_type, status in (
        ("{", "application/json", 400),
        (b"\xff", "application/json", 400),
        ("x", "text/plain", 415),
    ):
        answer = Client().post("/v2/auth/token", body, content_type)
        assert answer.status_code == status
        assert answer.json()["detail"] == answer.json()["message"]


def forged(algorithm: str, key: Any, **changes: Any) -> str:
    now = datetime.now(UTC)
    alice = User.objects.get(username="alice")
    claims = {
        "iss": settings.TOKEN_ISSUER,
        "aud": bearer.AUDIENCE,
        "sub": alice.public_id,
        "iat": now,
        "exp": now + timedelta(minutes=5),
        "stamp": password_stamp(alice),
        **changes,
    }
    return jwt.encode({k: v for k, v in claims.items() if v is not None}, key, algorithm=algorithm)


def our_key() -> bytes:
    return bearer._key(settings.SECRET_KEY)


def test_a_forged_token_with_our_key_would_pass_so_the_cases_below_fail_for_their_own_reason(alice: User) -> None:
    assert user(forged("HS256", our_key())).status_code == 200


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": settings.REGISTRY_SERVICE},
        {"aud": None},
        {"iss": "somebody"},
        {"exp": datetime(2020, 1, 1, tzinfo=UTC)},
        {"exp": None},
        {"iat": None},
        {"sub": None},
        {"sub": "0" * 32},
        {"stamp": None},
        {"stamp": "0" * 64},
        {"stamp": {"a": 1}},
        {"pat": 10**30},
        {"pat": 0},
        {"pat": "x"},
        {"pat": None, "stamp": ""},
        {"pat": [1]},
        {"pat": {"a": 1}},
    ],
    ids=str,
)
def test_a_token_with_other_claims_is_refused(alice: User, changes: dict[str, Any]) -> None:
    assert user(forged("HS256", our_key(), **changes)).status_code == 401


def test_a_token_signed_otherwise_is_refused(alice: User) -> None:
    good = forged("HS256", our_key())
    head, body, signature = good.split(".")
    none = base64.urlsafe_b64encode(b'{"alg":"none","typ":"JWT"}').rstrip(b"=").decode()
    registry_key = load_pem_private_key(Path(settings.TOKEN_KEY_FILE).read_bytes(), None)
    with warnings.catch_warnings(action="ignore", category=InsecureKeyLengthWarning):
        other_algorithm = forged("HS512", our_key())
    for token in (
        f"{none}.{body}.",
        f"{none}.{body}.{signature}",
        f"{head}.{body}.{signature[:-4]}AAAA",
        f"{head}.{body}",
        other_algorithm,
        forged("HS256", b"x" * 32),
        forged("HS256", settings.SECRET_KEY.encode().ljust(32, b"x")),
        forged("ES256", registry_key),
        "x",
        "a.b.c",
        "\u00e9",
        "",
    ):
        answer = user(token) if token else Client().get("/v2/user", headers={"Authorization": "Bearer "})
        assert answer.status_code == 401, token


def test_a_token_for_the_registry_is_none_for_the_api(alice: User) -> None:
    """One that the token service gave, and one signed by its key with the API's own claims."""
    basic = base64.b64encode(f"alice:{PASSWORD}".encode()).decode()
    answer = Client().get(
        "/token?service=moorage&scope=repository:alice/app:push", headers={"Authorization": f"Basic {basic}"}
    )
    assert verify(answer.json()["token"]).subject == alice.public_id
    key = load_pem_private_key(Path(settings.TOKEN_KEY_FILE).read_bytes(), None)
    for token in (answer.json()["token"], forged("ES256", key)):
        assert user(token).status_code == 401


def test_a_token_of_the_api_is_none_for_the_registry(alice: User) -> None:
    with pytest.raises(MoorageError):
        verify(sign_in("alice", PASSWORD))


def test_a_bearer_token_ends(alice: User) -> None:
    token = call("POST", "auth/token", {"identifier": "alice", "secret": PASSWORD}).json()["access_token"]
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=9)):
        assert user(token).status_code == 200
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=11)):
        answer = user(token)
    assert answer.status_code == 401
    assert "expired" in answer.json()["message"]


def test_a_bearer_token_dies_with_the_password(alice: User) -> None:
    token = sign_in("alice", PASSWORD)
    alice.set_password("another horse battery")
    alice.save()
    assert user(token).status_code == 401


def test_a_bearer_token_dies_with_the_account(alice: User) -> None:
    token = sign_in("alice", PASSWORD)
    _row, secret = factories.make_access_token(alice)
    by_token = sign_in("alice", secret)
    User.objects.update(is_active=False)
    assert [user(each).status_code for each in (token, by_token, secret)] == [401, 401, 401]


def test_a_bearer_token_dies_with_the_access_token_that_made_it(alice: User) -> None:
    row, secret = factories.make_access_token(alice)
    token = sign_in("alice", secret)
    assert user(token).status_code == 200
    actions.update_access_token(actor=factories.actor(alice), public_id=row.public_id, is_active=False)
    assert [user(each).status_code for each in (token, secret)] == [401, 401]
    actions.update_access_token(actor=factories.actor(alice), public_id=row.public_id, is_active=True)
    assert [user(each).status_code for each in (token, secret)] == [200, 200]
    PersonalAccessToken.objects.update(expires_at=datetime.now(UTC) - timedelta(seconds=1))
    assert [user(each).status_code for each in (token, secret)] == [401, 401]
    actions.delete_access_token(actor=factories.actor(alice), public_id=row.public_id)
    assert [user(each).status_code for each in (token, secret)] == [401, 401]


def test_a_bearer_token_keeps_the_level_of_its_access_token(alice: User) -> None:
    factories.make_repository(alice, "app")
    _row, secret = factories.make_access_token(alice, "repo:read")
    token = sign_in("alice", secret)
    assert call("GET", "repositories/alice/app", token=token).status_code == 200
    answer = call("PATCH", "repositories/alice/app", {"description": "x"}, token=token)
    assert answer.status_code == 403
    assert "lacks the level" in answer.json()["detail"]


def test_other_schemes_are_nobody(alice: User) -> None:
    basic = base64.b64encode(f"alice:{PASSWORD}".encode()).decode()
    assert user(basic, scheme="Basic").status_code == 401
    assert call("GET", "users/alice", token=basic, scheme="Basic").status_code == 200


def test_failures_are_limited_by_name_and_address(alice: User, counting: CountingRedis) -> None:
    def fail(name: str, number: int, address: str = "10.0.0.1") -> Any:
        body = {"username": name, "password": f"wrong {number}"}
        return Client().post("/v2/users/login", body, "application/json", headers={"X-Forwarded-For": address})

    with time_machine.travel(datetime(2026, 1, 1, 12, 0, 10, tzinfo=UTC), tick=False) as clock:
        assert {fail("alice", number).status_code for number in range(tries.PER_NAME)} == {401}
        limited = fail("Alice", 99)
        assert limited.status_code == 429
        assert limited.json()["detail"] == "Rate limit exceeded"
        assert limited.json()["error"] is False
        assert limited["Retry-After"] == "290"
        assert int(limited["X-Retry-After"]) == int(datetime(2026, 1, 1, 12, 5, tzinfo=UTC).timestamp())
        right = {"identifier": "alice", "secret": PASSWORD}
        headers = {"X-Forwarded-For": "10.0.0.1"}
        answer = Client().post("/v2/auth/token", right, "application/json", headers=headers)
        assert answer.status_code == 429, "the right one does not tell that it is the right one"
        assert fail("alice", 99, "10.0.0.2").status_code == 401, "another address is not punished"
        assert fail("bob", 99).status_code == 401, "another name is tried"
        clock.shift(timedelta(seconds=291))
        assert fail("alice", 99).status_code == 401


def test_failures_are_limited_by_address_alone(db: None, counting: CountingRedis) -> None:
    statuses = {
        call("POST", "auth/token", {"identifier": f"name{number}", "secret": "x"}).status_code
        for number in range(tries.PER_ADDRESS)
    }
    assert statuses == {401}
    assert call("POST", "auth/token", {"identifier": "another", "secret": "x"}).status_code == 429


def test_right_credentials_and_access_tokens_are_not_limited(alice: User, counting: CountingRedis) -> None:
    for number in range(tries.PER_NAME + 2):
        sign_in("alice", PASSWORD)
        dead = {"identifier": "alice", "secret": f"moor_pat_{number}"}
        assert call("POST", "auth/token", dead).status_code == 401
    sign_in("alice", PASSWORD)


def test_without_redis_nobody_is_refused(alice: User, counting: CountingRedis) -> None:
    counting.away = True
    for number in range(tries.PER_NAME + 2):
        assert call("POST", "auth/token", {"identifier": "alice", "secret": str(number)}).status_code == 401
    sign_in("alice", PASSWORD)


def test_the_last_use_of_an_access_token_is_noted(alice: User, counting: CountingRedis) -> None:
    (row, secret), (other, other_secret) = (factories.make_access_token(alice) for _ in range(2))
    sign_in("alice", secret)
    assert set(counting.hashes[last_use.TOKENS]) == {str(row.pk)}
    assert call("GET", "user", token=other_secret).status_code == 200
    assert set(counting.hashes[last_use.TOKENS]) == {str(row.pk), str(other.pk)}


def test_a_session_writes_only_with_its_csrf_token(alice: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)
    body = {"name": "app"}
    refused = call("POST", "repositories", body, client=client)
    assert refused.status_code == 403
    assert "CSRF" in refused.json()["message"]
    client.get("/accounts/login/")
    client.cookies["csrftoken"] = "a" * 32
    allowed = client.post("/v2/repositories", body, "application/json", headers={"X-CSRFToken": "a" * 32})
    assert allowed.status_code == 201
    assert call("GET", "repositories/alice/app", client=client).status_code == 200


def test_a_bearer_token_needs_no_csrf_token(alice: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)
    assert (
        call("POST", "repositories", {"name": "app"}, client=client, token=sign_in("alice", PASSWORD)).status_code
        == 201
    )
