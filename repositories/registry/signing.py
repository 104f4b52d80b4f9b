"""Signs registry tokens with the installation's key, and knows the certificate that the registry verifies them with."""

import base64
import secrets
import time
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import jwt
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey, EllipticCurvePublicKey
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

ALGORITHM = "ES256"
CREDENTIAL_CLAIM = "moorage_credential"
SERVICE_SUBJECT = "moorage-portal"
"""The subject of tokens for our own reads: what the registry reports of them is nobody's pull."""


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
class _Pair:
    private: EllipticCurvePrivateKey
    public: EllipticCurvePublicKey
    header: dict[str, Any]


@cache
def _pair() -> _Pair:
    """Key and certificate, read once in each process: parsing the PEM costs more than signing."""
    private = load_pem_private_key(Path(settings.TOKEN_KEY_FILE).read_bytes(), password=None)
    certificate = x509.load_pem_x509_certificate(Path(settings.TOKEN_CERT_FILE).read_bytes())
    public = certificate.public_key()
    if not isinstance(private, EllipticCurvePrivateKey) or private.public_key() != public:
        raise ImproperlyConfigured(
            "MOORAGE_TOKEN_CERT_FILE must be the certificate of the key in MOORAGE_TOKEN_KEY_FILE."
        )
    chain = [base64.b64encode(certificate.public_bytes(Encoding.DER)).decode()]
    return _Pair(private, private.public_key(), {"typ": "JWT", "x5c": chain})


def public_key() -> EllipticCurvePublicKey:
    return _pair().public


def sign(subject: str, access: Iterable[Access], *, credential: str = "") -> Signed:
    """A token that registry 2.8 and 3.x verify alike: `x5c` in the header, `aud` as a string (2.8 takes no list).

    `credential` tells ourselves which credential got the token (`verify.actor_of`); the registry passes over it.
    """
    pair, now, lifetime = _pair(), int(time.time()), int(settings.TOKEN_LIFETIME.total_seconds())
    claims: dict[str, Any] = {
        "iss": settings.TOKEN_ISSUER,
        "sub": subject,
        "aud": settings.REGISTRY_SERVICE,
        "exp": now + lifetime,
        "nbf": now,
        "iat": now,
        "jti": secrets.token_urlsafe(16),
        "access": [entry.claim() for entry in access],
    }
    if credential:
        claims[CREDENTIAL_CLAIM] = credential
    token = jwt.encode(claims, pair.private, algorithm=ALGORITHM, headers=pair.header)
    return Signed(token, issued_at=now, expires_in=lifetime)


def service_token(subject: str, access: Iterable[Access]) -> str:
    """A token of our own, signed locally: no part of the portal asks the token endpoint.

    `subject` is SERVICE_SUBJECT, or the id of the push intent on what the gateway forwards.
    """
    return sign(subject, access).token
