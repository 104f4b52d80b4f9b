"""The session that speaks to the registry."""

import inspect
import os

import pytest

from portal.kit import http
from tests.kit.loopback import answer, hang, served

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\nSet-Cookie: a=b\r\n\r\nok"


def test_no_redirect_proxy_or_cookie(monkeypatch: pytest.MonkeyPatch) -> None:
    session = http.internal_session()
    with served(answer(OK)) as proxy, served(answer(OK)) as server:
        monkeypatch.setitem(os.environ, "http_proxy", proxy.url())
        for _ in range(2):
            assert session.request("GET", server.url("/v2/"), timeout=2, params={"n": "1"}).content == b"ok"
        assert proxy.requests == []
    assert server.requests[1].startswith(b"GET /v2/?n=1 HTTP/1.1\r\n")
    assert b"ookie" not in server.requests[1]
    redirect = b"HTTP/1.1 307 Moved\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"
    with served(answer(redirect)) as server:
        assert session.request("GET", server.url(), timeout=2).status_code == 307
    session.close()


def test_a_timeout_has_to_be_given() -> None:
    assert inspect.signature(http.InternalSession.request).parameters["timeout"].default is inspect.Parameter.empty


def test_an_answer_can_be_streamed_as_it_came() -> None:
    session = http.internal_session()
    packed = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc"
    with served(answer(packed)) as server:
        response = session.request("PUT", server.url(), body=b"body", timeout=(1, 2), stream=True)
        assert response.raw.read(10, decode_content=False) == b"abc"
        response.close()
    assert server.requests[0].endswith(b"\r\n\r\nbody")
    session.close()


def test_a_silent_server_is_a_timeout_and_a_closed_one_an_error() -> None:
    session = http.internal_session()
    with (
        served(hang) as server,
        pytest.raises(http.TimedOut),
    ):
        session.request("GET", server.url(), timeout=0.2)
    with pytest.raises(http.RequestError):
        session.request("GET", server.url(), timeout=1)
    session.close()
