"""What the portal takes for a registry token of its own."""

import base64
import time
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest

from portal.accounts.actor import ANONYMOUS, Actor, Credential, CredentialKind
from portal.accounts.models import TokenLevel
from repositories.registry import signing, verify
from repositories.registry.signing import SERVICE_SUBJECT, Access, service_token, sign
from repositories.registry.verify import InvalidToken, actor_of, bearer, credential_claim
from tests import factories
from tests.registry.conftest import Ask

ACCESS = [Access("alice/app", ("pull", "push"))]


def forged(*, key: Any = None, algorithm: str = "ES256", drop: str = "", **changes: Any) -> str:
    now = int(time.time())
    claims = {
        "iss": "moorage",
        "sub": "x",
        "aud": "moorage",
        "exp": now + 86_400,
        "nbf": now,
        "iat": now,
        "access": [entry.claim() for entry in ACCESS],
        **changes,
    }
    claims.pop(drop, None)
    return jwt.encode(claims, key or signing._signer().private, algorithm=algorithm)


def test_a_token_tells_subject_and_access() -> None:
    verified = verify.verify(sign("someone", ACCESS, credential="PASSWORD").token)
    assert (verified.subject, verified.access, verified.credential) == ("someone", tuple(ACCESS), "PASSWORD")
    assert verified.may("alice/app", "pull", "push")
    assert not verified.may("alice/app", "pull", "delete")
    assert not verified.may("alice/other", "pull")


def test_access_to_something_else_than_a_repository_is_none() -> None:
    verified = verify.verify(sign("", [Access("alice/app", ("pull",), type="registry")]).token)
    assert not verified.may("alice/app", "pull")


def test_header_and_claims_are_what_both_registries_verify() -> None:
    token = service_token(SERVICE_SUBJECT, ACCESS)
    header, claims = jwt.get_unverified_header(token), jwt.decode(token, options={"verify_signature": False})
    assert {"alg": "ES256", "typ": "JWT"}.items() <= header.items()
    certificate = x509.load_pem_x509_certificate(Path(settings.TOKEN_CERT_FILE).read_bytes())
    assert [base64.b64decode(entry) for entry in header["x5c"]] == [certificate.public_bytes(Encoding.DER)]
    assert claims["aud"] == "moorage"  # registry 2.8 takes no list
    assert claims["exp"] - claims["iat"] == 240
    assert claims["access"] == [{"type": "repository", "name": "alice/app", "actions": ["pull", "push"]}]
    assert claims["jti"] != jwt.decode(sign("", []).token, options={"verify_signature": False})["jti"]


@pytest.mark.parametrize(
    "token",
    [
        "",
        "x",
        "a.b.c",
        "ä.ö.ü",
        "\udcff",
        forged(exp=int(time.time()) - 61),
        forged(nbf=int(time.time()) + 7200),
        forged(aud="another"),
        forged(iss="another"),
        forged(sub=7),
        forged(access="everything"),
        forged(access=[{"type": "repository", "name": "x"}]),
        forged(access=[None]),
        forged(access=7),
        forged(key=ec.generate_private_key(ec.SECP256R1())),
        forged(key="secret" * 10, algorithm="HS256"),
        *(forged(drop=claim) for claim in ("iss", "sub", "aud", "exp", "nbf")),
        jwt.encode({"sub": "x"}, "", algorithm="none"),
    ],
)
def test_anything_else_is_refused(token) -> None:
    with pytest.raises(InvalidToken):
        verify.verify(token)


def test_clocks_may_differ_by_a_minute() -> None:
    now = int(time.time())
    assert verify.verify(forged(exp=now - 50, nbf=now + 50, iat=now)).subject == "x"


def test_the_certificate_of_a_token_is_not_trusted() -> None:
    """Who brings his own x5c has only shown that he has some key."""
    stranger = ec.generate_private_key(ec.SECP256R1())
    header = jwt.get_unverified_header(sign("", []).token)
    token = jwt.encode({"sub": "x"}, stranger, algorithm="ES256", headers={"x5c": header["x5c"]})
    with pytest.raises(InvalidToken):
        verify.verify(token)


def request_with(header: str) -> HttpRequest:
    request = HttpRequest()
    request.META["HTTP_AUTHORIZATION"] = header
    return request


def test_the_header_of_a_request() -> None:
    token = sign("x", []).token
    assert bearer(HttpRequest()) is None
    assert bearer(request_with("Basic YTpi")) is None
    for scheme in ("Bearer", "bearer"):
        found = bearer(request_with(f"{scheme} {token}"))
        assert found is not None
        assert found.subject == "x"
    with pytest.raises(InvalidToken):
        bearer(request_with("Bearer"))


class TestActor:
    def test_nobody(self, ask: Ask) -> None:
        assert actor_of(ask().token) == ANONYMOUS

    def test_by_password(self, ask: Ask, alice) -> None:
        actor = actor_of(ask(login="alice").token)
        assert actor == factories.actor(alice, kind=CredentialKind.PASSWORD)

    def test_by_access_token(self, ask: Ask, alice) -> None:
        token, secret = factories.make_access_token(alice, TokenLevel.READ, label="ci")
        actor = actor_of(ask(login="alice", secret=secret).token)
        assert (actor.name, actor.confirmed) == ("alice", True)
        assert actor.credential == Credential(CredentialKind.ACCESS_TOKEN, token.pk, "ci", TokenLevel.READ)

    def test_an_access_token_switched_off_since(self, ask: Ask, alice) -> None:
        token, secret = factories.make_access_token(alice)
        verified = ask(login="alice", secret=secret).token
        token.is_active = False
        token.save()
        with pytest.raises(InvalidToken):
            actor_of(verified)

    def test_a_person_switched_off_since(self, ask: Ask, alice) -> None:
        verified = ask(login="alice").token
        alice.is_active = False
        alice.save()
        with pytest.raises(InvalidToken):
            actor_of(verified)

    def test_a_token_of_our_own_is_nobodys(self) -> None:
        with pytest.raises(InvalidToken):
            actor_of(verify.verify(service_token(SERVICE_SUBJECT, ACCESS)))

    def test_what_a_token_says_of_its_credential(self) -> None:
        assert credential_claim(Actor().credential) == "NONE"
        assert credential_claim(Credential(CredentialKind.PASSWORD)) == "PASSWORD"
        assert credential_claim(Credential(CredentialKind.ACCESS_TOKEN, 7, "ci")) == "ACCESS_TOKEN:7"


def test_a_certificate_of_another_key_stops_the_start(settings, tmp_path) -> None:
    stranger = ec.generate_private_key(ec.SECP256R1())
    (tmp_path / "key").write_bytes(stranger.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    settings.TOKEN_KEY_FILE = str(tmp_path / "key")
    signing._signer.cache_clear()
    try:
        with pytest.raises(ImproperlyConfigured, match="MOORAGE_TOKEN_CERT_FILE"):
            sign("", [])
    finally:
        signing._signer.cache_clear()
