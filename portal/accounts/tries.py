"""How often somebody may guess a password where there is no form: the token service.

Failures count, not requests, and each wrong password once: containerd sends the same one by POST and then by GET, and a
build farm with an old password shuts nobody out. Access tokens are not limited, since nobody guesses 256 random bits.
"""

import hashlib
import hmac
import time

from django.conf import settings

from portal.accounts.last_use import note_failure
from portal.kit import redis

WINDOW = 300
"""Seconds."""
PER_NAME = 10
"""Different wrong passwords of one address for one name."""
PER_ADDRESS = 60
"""Of one address for whatever names."""


def too_many(login: str, address: str) -> bool:
    """Whether the address must wait. One round trip; no when Redis is away."""
    by_name, by_address = _keys(login, address)
    counts = redis.run(lambda pipeline: (pipeline.scard(by_name), pipeline.scard(by_address)))
    return counts is not None and (counts[0] >= PER_NAME or counts[1] >= PER_ADDRESS)


def count_failure(login: str, address: str, secret: str) -> None:
    """One round trip. Of the secret 16 bits of a keyed hash are kept, which tell guesses apart and nothing else."""
    text = f"{login.lower()}\0{secret}".encode()
    mark = hmac.digest(settings.SECRET_KEY.encode(), text, "sha256")[:2].hex()
    by_name, by_address = _keys(login, address)

    def fill(pipeline: redis.Pipeline) -> None:
        for key in (by_name, by_address):
            pipeline.sadd(key, mark)
            pipeline.expire(key, WINDOW)
        note_failure(pipeline, login, address)

    redis.run(fill)


def _keys(login: str, address: str) -> tuple[str, str]:
    """The name is hashed: what is typed there may be long, or a password by mistake."""
    window = int(time.time() // WINDOW)
    name = hashlib.sha256(login.lower().encode()).hexdigest()[:16]
    return f"moorage:tries:{window}:{address}:{name}", f"moorage:tries:{window}:{address}"
