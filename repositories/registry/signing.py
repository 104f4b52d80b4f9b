"""Signs registry tokens with the installation's key, and knows the certificate that the registry verifies them with."""

import base64
import json
import secrets
import time
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePrivateKey, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

ALGORITHM = "ES256"
CREDENTIAL_CLAIM = "moorage_credential"
SERVICE_SUBJECT = "moorage-portal"
"""The subject of tokens for our own reads: what the registry reports of them is nobody's pull."""

_HASH = ECDSA(SHA256())
_to_json = json.JSONEncoder(separators=(",", ":")).encode


@dataclass(frozen=True, slots=True)
class Access:
    """One entry of a token's `access` list."""

    name: str
    actions: tuple[str, ...]
    type: str = "repository"

    def claim(self) -> dict[str, Any]:
        return {"type": self.type, "name": self.name, "actions": list(self.actions)}

    def scope(self) -> str:
        return f"{self.type}:{self.name}:{','.join(self.actions)}"


@dataclass(frozen=True, slots=True)
class Signed:
    """A token and what is told about it. `issued_at` is in seconds since the epoch."""

    token: str
    issued_at: int
    expires_in: int


@dataclass(frozen=True, slots=True)
class _Signer:
    """What is the same in every token. `header` is the first part of the token, encoded."""

    private: EllipticCurvePrivateKey
    public: EllipticCurvePublicKey
    header: bytes
    claims: dict[str, Any]
    lifetime: int


@cache
def _signer() -> _Signer:
    """Read once in each process: parsing the PEM costs more than signing."""
    private = load_pem_private_key(Path(settings.TOKEN_KEY_FILE).read_bytes(), password=None)
    certificate = x509.load_pem_x509_certificate(Path(settings.TOKEN_CERT_FILE).read_bytes())
    public = certificate.public_key()
    if not isinstance(private, EllipticCurvePrivateKey) or private.public_key() != public:
        raise ImproperlyConfigured(
            "MOORAGE_TOKEN_CERT_FILE must be the certificate of the key in MOORAGE_TOKEN_KEY_FILE."
        )
    chain = [base64.b64encode(certificate.public_bytes(Encoding.DER)).decode()]
    header = {"alg": ALGORITHM, "typ": "JWT", "x5c": chain}
    return _Signer(
        private=private,
        public=private.public_key(),
        header=_part(header),
        claims={"iss": settings.TOKEN_ISSUER, "aud": settings.REGISTRY_SERVICE},
        lifetime=int(settings.TOKEN_LIFETIME.total_seconds()),
    )


def public_key() -> EllipticCurvePublicKey:
    return _signer().public


def sign(subject: str, access: Iterable[Access], *, credential: str = "") -> Signed:
    """A token that registry 2.8 and 3.x verify alike: `x5c` in the header, `aud` as a string (2.8 takes no list).

    `credential` tells ourselves which credential got the token (`verify.actor_of`); the registry passes over it.
    """
    signer, now = _signer(), int(time.time())
    claims = {
        **signer.claims,
        "sub": subject,
        "exp": now + signer.lifetime,
        "nbf": now,
        "iat": now,
        "jti": secrets.token_urlsafe(16),
        "access": [entry.claim() for entry in access],
    }
    if credential:
        claims[CREDENTIAL_CLAIM] = credential
    return Signed(_encode(signer, claims), issued_at=now, expires_in=signer.lifetime)


def _encode(signer: _Signer, claims: dict[str, Any]) -> str:
    """JWS compact serialization (RFC 7515 7.1). By hand, since PyJWT encodes the header anew each time, certificate
    included, which costs as much as the signature. The tests verify with PyJWT.
    """
    message = signer.header + b"." + _part(claims)
    r, s = decode_dss_signature(signer.private.sign(message, _HASH))
    signature = r.to_bytes(32, "big") + s.to_bytes(32, "big")  # RFC 7518 3.4
    return (message + b"." + _base64(signature)).decode()


def _part(content: dict[str, Any]) -> bytes:
    return _base64(_to_json(content).encode())


def _base64(content: bytes) -> bytes:
    return base64.urlsafe_b64encode(content).rstrip(b"=")


def service_token(subject: str, access: Iterable[Access]) -> str:
    """A token of our own, signed locally: no part of the portal asks the token endpoint.

    `subject` is SERVICE_SUBJECT, or the id of the push intent on what the gateway forwards.
    """
    return sign(subject, access).token
