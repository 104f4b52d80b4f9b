"""Limits on signing in through the API.

Failures count, not requests: a build farm behind one address signs in all day with credentials that are right. Counted
in the cache, in windows; when Redis is away nothing is counted and nobody is refused.
"""

import hashlib
import time

from django.core.cache import cache
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from portal.accounts.api.caller import address_of

WINDOW = 300
"""Seconds."""
PER_NAME = 10
"""Failures of one address with one name."""
PER_ADDRESS = 60
"""Failures of one address with whatever names."""


class SignInThrottle(BaseThrottle):
    """Refuses while one of the two counts of failures is used up; `count_failure` counts."""

    def allow_request(self, request: Request, view: APIView) -> bool:
        keys = _keys(address_of(request), login_of(request))
        counts = cache.get_many(list(keys))
        return all(int(counts.get(key, 0)) < limit for key, limit in keys.items())

    def wait(self) -> float:
        """Seconds until the window ends."""
        return WINDOW - time.time() % WINDOW


def login_of(request: Request) -> str:
    """Under whichever of the two names the client sends it."""
    data = request.data if isinstance(request.data, dict) else {}
    return str(data.get("username") or data.get("identifier") or "")[:254].lower()


def count_failure(request: Request) -> None:
    for key in _keys(address_of(request), login_of(request)):
        cache.add(key, 0, WINDOW)
        try:
            cache.incr(key)
        except ValueError:  # the window ended between the two, or the cache is away
            continue


def _keys(address: str, login: str) -> dict[str, int]:
    """Key -> limit. The name is hashed: a cache's keys take no spaces, and are read by operators."""
    window = int(time.time() // WINDOW)
    name = hashlib.sha256(login.encode()).hexdigest()[:16]
    return {
        f"api-sign-in:{address}:{name}:{window}": PER_NAME,
        f"api-sign-in:{address}:{window}": PER_ADDRESS,
    }
