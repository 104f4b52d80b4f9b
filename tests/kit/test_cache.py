"""Sign-in goes on while Redis is away, and is still limited."""

import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import cache, caches
from django.test import Client

from portal.accounts.models import User
from portal.kit.cache import RedisOrMemory
from portal.settings import CACHES
from tests import factories


@pytest.fixture
def redis_is_away(settings: Any) -> Iterator[None]:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    settings.CACHES = {"default": {**CACHES["default"], "LOCATION": f"redis://127.0.0.1:{port}/0"}}
    RedisOrMemory.rests_until = 0.0
    yield
    caches["default"].clear_memory()  # type: ignore[attr-defined]
    RedisOrMemory.rests_until = 0.0


@pytest.mark.usefixtures("redis_is_away")
def test_people_sign_in_and_guessing_is_limited(alice: User) -> None:
    form = {"login": "alice", "password": factories.PASSWORD}
    started = time.monotonic()
    assert Client().post("/accounts/login/", form).status_code == 302
    assert time.monotonic() - started < 2, "a dead Redis must not be waited for again and again"
    for _ in range(5):
        Client().post("/accounts/login/", {**form, "password": "wrong"})
    assert "Too many failed attempts" in Client().post("/accounts/login/", form).content.decode()


@pytest.mark.usefixtures("redis_is_away")
def test_it_is_a_cache_meanwhile() -> None:
    assert cache.get("a") is None
    cache.set("a", 1)
    assert cache.add("a", 5) is False
    assert cache.incr("a") == 2
    cache.set_many({"b": 3, "c": 4})
    assert cache.get_many(["a", "b"]) == {"a": 2, "b": 3}
    assert cache.has_key("b")
    assert cache.touch("b", 60)
    cache.delete_many(["b"])
    cache.delete("a")
    assert cache.get_many(["a", "b", "c"]) == {"c": 4}


@pytest.mark.usefixtures("redis_is_away")
def test_a_redis_that_failed_rests_and_is_asked_again(caplog: pytest.LogCaptureFixture) -> None:
    cache.get("a")
    cache.get("a")
    assert caplog.text.count("Redis does not answer") == 1
    RedisOrMemory.rests_until = 0.0
    cache.get("a")
    assert caplog.text.count("Redis does not answer") == 2
