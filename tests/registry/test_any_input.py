"""Whatever comes in, what the registry's machines ask answers in the registry's format, and never with a 5xx."""

import base64
import hashlib
import hmac
import json
import time
from typing import Any

import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.http import HttpResponse
from django.test import RequestFactory
from hypothesis import given, settings, strategies as st

from repositories.registry import denials, listings, signing, verify, views
from repositories.registry.verify import InvalidToken
from tests import factories
from tests.registry.conftest import FORM, Ask

pytestmark = pytest.mark.django_db

# WSGI hands headers and query on as text of single bytes.
HEADER = st.text(st.characters(max_codepoint=255), max_size=60)
BASIC = st.binary(max_size=30).map(lambda secret: "Basic " + base64.b64encode(secret).decode())
CREDENTIAL = HEADER | BASIC | HEADER.map("Basic {}".format) | HEADER.map("Bearer {}".format)
FIELDS = st.sampled_from(
    [
        "grant_type=password",
        "grant_type=refresh_token",
        "username=alice",
        "username=%00",
        "password=x",
        "password=%ff",
        "refresh_token=x",
        "refresh_token=%00",
        "access_type=offline",
        "service=moorage",
        "service=x",
        "client_id=%00",
        "scope=",
        "scope=%00",
        "scope=repository:alice/app:pull",
        "scope=repository:alice%2Fapp:%2A",
        "=",
        "&",
        "%",
    ]
)
FORMS = st.lists(FIELDS, max_size=8).map("&".join)


def checked(response: HttpResponse, *statuses: int) -> HttpResponse:
    assert response.status_code in statuses
    document = json.loads(response.content)
    if response.status_code != 200:
        assert document["errors"][0]["code"] in {"UNAUTHORIZED", "UNSUPPORTED"}
        assert document["details"]
    return response


@given(CREDENTIAL)
@settings(deadline=None)
def test_as_a_credential(header) -> None:
    request = RequestFactory().get("/token", {"scope": "repository:alice/app:pull"})
    request.META["HTTP_AUTHORIZATION"] = header
    checked(views.token(request), *([401] if header else [200]))
    checked(listings.search_v1(request), *([401] if header else [200]))
    checked(listings.catalog(request), 401)
    checked(denials.explain_denied(request), 401)


@given(HEADER | FORMS)
@settings(deadline=None)
def test_as_a_query(query) -> None:
    request = RequestFactory().get("/token")
    request.META["QUERY_STRING"] = query
    checked(views.token(request), 200, 400)
    checked(listings.search_v1(request), 200)


@given(st.binary(max_size=200) | FORMS)
@settings(deadline=None)
def test_as_a_form(body) -> None:
    checked(views.token(RequestFactory().post("/token", body, content_type=FORM)), 400, 401)


@given(HEADER, HEADER | HEADER.map("/v2/{}/manifests/latest".format) | HEADER.map("/v2/alice/app/blobs/{}".format))
@settings(deadline=None)
def test_as_what_the_door_hands_on(method, uri) -> None:
    request = RequestFactory().get("/-/denied")
    request.META.update(HTTP_X_ORIGINAL_METHOD=method, HTTP_X_ORIGINAL_URI=uri)
    request.META["HTTP_AUTHORIZATION"] = f"Bearer {signing.sign('', []).token}"
    challenge = checked(denials.explain_denied(request), 401)["WWW-Authenticate"]
    assert challenge.startswith('Bearer realm="http://testserver/token",service="moorage"')
    assert challenge.isprintable()


class TestTokens:
    """What a token is, checked with nothing but cryptography, as a registry in another language does."""

    def parts(self, token: str) -> tuple[dict[str, Any], dict[str, Any], bytes, bytes]:
        header, claims, signature = token.split(".")
        decode = jwt.utils.base64url_decode
        return json.loads(decode(header)), json.loads(decode(claims)), decode(signature), f"{header}.{claims}".encode()

    def test_the_certificate_in_the_header_verifies_the_signature(self, ask: Ask, alice) -> None:
        header, _claims, signature, message = self.parts(ask(login="alice").body["token"])
        assert set(header) == {"alg", "typ", "x5c"}
        certificate = x509.load_der_x509_certificate(base64.b64decode(header["x5c"][0]))
        key = certificate.public_key()
        assert isinstance(key, EllipticCurvePublicKey)
        assert len(signature) == 64
        r, s = (int.from_bytes(half, "big") for half in (signature[:32], signature[32:]))
        key.verify(encode_dss_signature(r, s), message, ECDSA(SHA256()))

    def test_the_claims(self, ask: Ask, alice, private_app) -> None:
        reply = ask("repository:alice/private-app:push,pull", login="alice")
        _header, claims, _signature, _message = self.parts(reply.body["token"])
        now = time.time()
        assert now - 5 <= claims["iat"] <= now
        assert len(claims.pop("jti")) >= 16
        assert claims == {
            "iss": "moorage",
            "aud": "moorage",
            "sub": alice.public_id,
            "iat": claims["iat"],
            "nbf": claims["iat"],
            "exp": claims["iat"] + 240,
            "access": [{"type": "repository", "name": "alice/private-app", "actions": ["push", "pull"]}],
            "moorage_credential": "PASSWORD",
        }

    def test_no_secret_is_in_it(self, ask: Ask, alice) -> None:
        _header, claims, _signature, _message = self.parts(ask(login="alice").body["token"])
        assert alice.email not in json.dumps(claims)
        assert alice.password not in json.dumps(claims)

    def test_the_public_key_is_no_shared_secret(self) -> None:
        """HS256 with the public key, which everybody can read in a token: the classic forgery."""
        _header, claims, _signature, _message = self.parts(signing.sign("x", []).token)
        spki = PublicFormat.SubjectPublicKeyInfo
        for encoding in (Encoding.PEM, Encoding.DER):
            secret = signing.public_key().public_bytes(encoding, spki)
            token = self.by_hand({"alg": "HS256", "typ": "JWT"}, claims, secret)
            with pytest.raises(InvalidToken):
                verify.verify(token)

    @pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "", "es256", "RS256", None, 7])
    def test_another_algorithm_is_none(self, algorithm) -> None:
        _header, claims, _signature, _message = self.parts(signing.sign("x", []).token)
        with pytest.raises(InvalidToken):
            verify.verify(self.by_hand({"alg": algorithm, "typ": "JWT"}, claims, b"x"))

    def test_a_changed_claim_breaks_the_signature(self) -> None:
        token = signing.sign("x", []).token
        head, _claims, signature = token.split(".")
        _header, claims, _signature, _message = self.parts(token)
        changed = self.encoded({**claims, "sub": "another"})
        with pytest.raises(InvalidToken):
            verify.verify(f"{head}.{changed}.{signature}")

    def test_an_access_token_of_somebody_else_stands_for_nobody(self, alice, bob) -> None:
        token, _secret = factories.make_access_token(alice)
        claim = f"ACCESS_TOKEN:{token.pk}"
        mine = verify.verify(signing.sign(alice.public_id, [], credential=claim).token)
        assert verify.actor_of(mine).name == "alice"
        with pytest.raises(InvalidToken):
            verify.actor_of(verify.verify(signing.sign(bob.public_id, [], credential=claim).token))

    @pytest.mark.parametrize("claim", ["", "NONE", "SYSTEM", "SESSION", "unknown"])
    def test_nobody_is_found_by_another_kind_of_credential(self, alice, claim) -> None:
        with pytest.raises(InvalidToken):
            verify.actor_of(verify.verify(signing.sign(alice.public_id, [], credential=claim).token))

    def by_hand(self, header: dict[str, Any], claims: dict[str, Any], secret: bytes) -> str:
        message = f"{self.encoded(header)}.{self.encoded(claims)}"
        signature = hmac.digest(secret, message.encode(), hashlib.sha256)
        return f"{message}.{jwt.utils.base64url_encode(signature).decode()}"

    def encoded(self, content: dict[str, Any]) -> str:
        return jwt.utils.base64url_encode(json.dumps(content).encode()).decode()


@given(
    st.text(max_size=80)
    | st.lists(st.binary(max_size=20), min_size=3, max_size=3).map(
        lambda parts: ".".join(jwt.utils.base64url_encode(part).decode() for part in parts)
    )
)
@settings(deadline=None)
def test_any_text_as_a_registry_token_is_refused(text) -> None:
    with pytest.raises(InvalidToken):
        verify.verify(text)
