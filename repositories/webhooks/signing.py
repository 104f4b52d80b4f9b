"""How a receiver can tell that a delivery is ours: Standard Webhooks' signature, and GitHub's where that is wanted.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence

PREFIX = "whsec_"
_BYTES = 32


def new_secret() -> str:
    return PREFIX + base64.b64encode(secrets.token_bytes(_BYTES)).decode()


def signature(signing_secrets: Sequence[str], *, webhook_id: str, timestamp: int, body: bytes) -> str:
    """The value of `webhook-signature`: one for each secret, parted by spaces."""
    signed = b".".join([webhook_id.encode(), str(timestamp).encode(), body])
    made = (hmac.digest(_key(secret), signed, hashlib.sha256) for secret in signing_secrets)
    return " ".join(f"v1,{base64.b64encode(each).decode()}" for each in made)


def github_signature(secret: str, body: bytes) -> str:
    """The value of `X-Hub-Signature-256`. Its key is the secret's text, as GitHub's is."""
    return f"sha256={hmac.digest(secret.encode(), body, hashlib.sha256).hex()}"


def _key(secret: str) -> bytes:
    return base64.b64decode(secret.removeprefix(PREFIX))
