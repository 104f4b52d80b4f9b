"""The profile for our own parts: the registry on an address that the operator configured."""

from collections.abc import Iterable, Mapping
from http.cookiejar import DefaultCookiePolicy
from typing import IO

import requests
from requests.adapters import HTTPAdapter

Response = requests.Response
RequestError = requests.RequestException
TimedOut = requests.Timeout


class InternalSession:
    """A kept `requests.Session`, safe to share between threads: it holds connections, and nothing else.

    No proxy and no `.netrc` of the environment, no redirect followed, no cookie kept, no answer unpacked behind the
    caller's back, and no call without a timeout. Raises RequestError, of which TimedOut is one. `requests` cleans dot
    segments out of a path: whoever forwards a client's path checks it first.
    """

    def __init__(self, *, connections: int) -> None:
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.headers.clear()
        self._session.headers["User-Agent"] = "Moorage"
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        adapter = HTTPAdapter(pool_connections=4, pool_maxsize=connections)
        self._session.mount("http://", adapter)
        self._session.mount("https://", adapter)

    def request(
        self,
        method: str,
        url: str,
        *,
        timeout: float | tuple[float, float],
        headers: Mapping[str, str] | None = None,
        body: bytes | IO[bytes] | Iterable[bytes] | None = None,
        params: Mapping[str, str] | None = None,
        stream: bool = False,
    ) -> Response:
        """One exchange. `timeout` is in seconds: for the connection and for each wait, or a pair of the two.

        With `stream` the body is still on the wire: read `raw` and close the response.
        """
        return self._session.request(
            method,
            url,
            headers=dict(headers or {}),
            data=body,
            params=params,
            timeout=timeout,
            stream=stream,
            allow_redirects=False,
        )

    def close(self) -> None:
        self._session.close()


def internal_session(*, connections: int = 16) -> InternalSession:
    """`connections`: how many are kept to one host; more threads than that still work, on passing ones."""
    return InternalSession(connections=connections)
