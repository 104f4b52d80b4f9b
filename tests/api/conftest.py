"""The world of the API's tests."""

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import pytest

from tests.api.world import World, make_world


@pytest.fixture
def world(db: None) -> World:
    return make_world()


class CountingRedis:
    """The commands that tries and last uses need, in memory; only the real stack has a Redis."""

    def __init__(self) -> None:
        self.sets: dict[str, set[str]] = {}
        self.hashes: dict[str, dict[str, str]] = {}
        self.away = False

    def run(self, fill: Callable[[Any], object], *, atomic: bool = False) -> list[Any] | None:
        if self.away:
            return None
        answers: list[Any] = []
        fill(Pipeline(self, answers))
        return answers


class Pipeline:
    def __init__(self, redis: CountingRedis, answers: list[Any]) -> None:
        self.redis, self.answers = redis, answers

    def scard(self, key: str) -> None:
        self.answers.append(len(self.redis.sets.get(key, ())))

    def sadd(self, key: str, value: str) -> None:
        self.redis.sets.setdefault(key, set()).add(value)

    def expire(self, key: str, seconds: int) -> None:
        assert seconds > 0

    def hincrby(self, key: str, field: str, by: int) -> None:
        found = self.redis.hashes.setdefault(key, {})
        found[field] = str(int(found.get(field, 0)) + by)

    def hset(self, key: str, field: int, value: str) -> None:
        self.redis.hashes.setdefault(key, {})[str(field)] = value


@pytest.fixture
def counting(monkeypatch: pytest.MonkeyPatch) -> CountingRedis:
    redis = CountingRedis()
    monkeypatch.setattr("portal.kit.redis.run", redis.run)
    monkeypatch.setattr("portal.accounts.last_use._noted", OrderedDict())
    return redis
