"""Limits on signing in through the API. What counts is shared with the token service: `portal.accounts.tries`."""

import time

from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from portal.accounts import tries
from portal.accounts.api.caller import address_of


class SignInThrottle(BaseThrottle):
    """Refuses an address that guessed wrong too often. When Redis is away nobody is refused."""

    def allow_request(self, request: Request, view: APIView) -> bool:
        return not tries.too_many(login_of(request), address_of(request))

    def wait(self) -> float:
        """Seconds until the window ends."""
        return tries.WINDOW - time.time() % tries.WINDOW


def login_of(request: Request) -> str:
    """Under whichever of the two names the client sends it."""
    data = request.data if isinstance(request.data, dict) else {}
    return str(data.get("username") or data.get("identifier") or "")[:254]
