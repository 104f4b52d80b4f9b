"""Redis for what may be lost: counts and last uses. Never the truth, and never worth waiting for."""

import logging
import time
from collections.abc import Callable
from functools import cache
from typing import Any

import redis
from django.conf import settings

log = logging.getLogger(__name__)

TIMEOUT = 0.2
"""Seconds, for the connection and for each answer. Redis is on the same network and answers in a fraction of one."""
PAUSE = 5.0
"""Seconds during which a Redis that failed is not asked again, so that a dead one costs a request nothing."""

Pipeline = Any  # redis-py's own annotations of a pipeline's methods are wrong for what execute() returns


class _Circuit:
    """Shared by the threads of a process. A race between them costs one more try, hence no lock."""

    closed_at = 0.0


_circuit = _Circuit()


@cache
def client() -> "redis.Redis":
    return redis.Redis.from_url(
        settings.REDIS_URL, socket_timeout=TIMEOUT, socket_connect_timeout=TIMEOUT, retry=None, decode_responses=True
    )


def run(fill: Callable[[Pipeline], object], *, atomic: bool = False) -> list[Any] | None:
    """The answers to the commands that `fill` puts on a pipeline: one round trip. None when Redis is away.

    Raises nothing: whoever calls must be able to do without. `atomic`: no other client's command comes between.
    """
    if time.monotonic() < _circuit.closed_at:
        return None
    try:
        pipeline = client().pipeline(transaction=atomic)
        fill(pipeline)
        answers: list[Any] = pipeline.execute()
    except redis.RedisError as error:
        _circuit.closed_at = time.monotonic() + PAUSE
        log.warning("Redis does not answer (%s); what is counted there is skipped.", type(error).__name__)
        return None
    return answers
