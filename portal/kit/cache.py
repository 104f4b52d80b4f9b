"""The cache: Redis, and the process's own memory while Redis is away.

Rate limits count in the cache, and allauth refuses whatever it cannot count. Ignoring Redis's errors would therefore
close sign-in with it; this way limits hold for each process by itself, and people get in.
"""

import logging
import time
from typing import Any

from django.core.cache.backends.locmem import LocMemCache
from django_redis.cache import RedisCache
from redis.exceptions import RedisError

log = logging.getLogger(__name__)

PAUSE = 5.0
"""Seconds during which a Redis that failed is not asked again, so that a dead one costs a request nothing."""


class RedisOrMemory(RedisCache):  # type: ignore[misc]
    """One instance for each thread; the memory, and the time until which Redis rests, belong to the process."""

    rests_until = 0.0

    def __init__(self, server: str, params: dict[str, Any]) -> None:
        super().__init__(server, params)
        self._memory = LocMemCache("while-redis-is-away", {"KEY_PREFIX": params.get("KEY_PREFIX", "")})

    def _either(self, name: str, *args: Any, **kwargs: Any) -> Any:
        if time.monotonic() >= RedisOrMemory.rests_until:
            try:
                return getattr(super(), name)(*args, **kwargs)
            except RedisError as error:
                RedisOrMemory.rests_until = time.monotonic() + PAUSE
                log.warning("Redis does not answer (%s); this process counts for itself.", type(error).__name__)
        return getattr(self._memory, name)(*args, **kwargs)

    def get(self, *args: Any, **kwargs: Any) -> Any:
        return self._either("get", *args, **kwargs)

    def set(self, *args: Any, **kwargs: Any) -> Any:
        return self._either("set", *args, **kwargs)

    def add(self, *args: Any, **kwargs: Any) -> Any:
        return self._either("add", *args, **kwargs)

    def incr(self, *args: Any, **kwargs: Any) -> Any:
        return self._either("incr", *args, **kwargs)

    def touch(self, *args: Any, **kwargs: Any) -> Any:
        return self._either("touch", *args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> Any:
        return self._either("delete", *args, **kwargs)

    def has_key(self, *args: Any, **kwargs: Any) -> Any:
        return self._either("has_key", *args, **kwargs)

    def get_many(self, *args: Any, **kwargs: Any) -> Any:
        return self._either("get_many", *args, **kwargs)

    def set_many(self, *args: Any, **kwargs: Any) -> Any:
        return self._either("set_many", *args, **kwargs)

    def delete_many(self, *args: Any, **kwargs: Any) -> Any:
        return self._either("delete_many", *args, **kwargs)

    def clear_memory(self) -> None:
        """Forget what was kept while Redis was away."""
        self._memory.clear()
