"""Is the process up, and can the product work? For bin/run, load balancers and monitoring."""

import logging
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache

import redis
from django.conf import settings
from django.db import connections
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

from portal.kit.http import InternalSession, internal_session

log = logging.getLogger(__name__)

# Seconds that one check may take; all run at once, so that is also the longest answer.
CHECK_LIMIT = 2.0
# Beat asks for a heartbeat every 5 seconds. Three may be lost before the worker counts as gone.
HEARTBEAT_LIMIT = 20.0
HEARTBEAT_KEY = "moorage:worker-heartbeat"


@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """The process answers; asks nobody, so that a database that is away gets no process restarted."""
    return JsonResponse({"status": "ok"})


@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """Each part that the product needs, by name. 503 when one fails. Reasons go to the log: anybody may ask here."""
    started = {name: _executor().submit(check) for name, check in CHECKS.items()}
    deadline = time.monotonic() + CHECK_LIMIT
    verdicts = {name: _verdict(name, future, deadline) for name, future in started.items()}
    ready = all(verdict == "ok" for verdict in verdicts.values())
    body = {"status": "ok" if ready else "failing", "checks": verdicts}
    return JsonResponse(body, status=200 if ready else 503, headers={"Cache-Control": "no-store"})


def record_heartbeat() -> None:
    """Note that a worker is at work. Called by a task that beat sends, so it shows that both are alive."""
    _redis().set(HEARTBEAT_KEY, repr(time.time()), ex=600)


def _verdict(name: str, future: Future[None], deadline: float) -> str:
    try:
        future.result(timeout=max(0.0, deadline - time.monotonic()))
    except Exception as error:  # noqa: BLE001  every way to fail is the same answer
        log.warning("Not ready: %s (%s)", name, type(error).__name__)
        return "failing"
    return "ok"


def _check_database() -> None:
    try:
        with connections["default"].cursor() as cursor:
            cursor.execute("SELECT 1")
    finally:
        # A thread's connection is its own, and the next check may run in another thread.
        connections["default"].close()


def _check_redis() -> None:
    _redis().ping()


def _check_registry() -> None:
    # Without a token a registry that works answers 401; with authentication off, 200.
    answer = _registry().request("GET", f"{settings.REGISTRY_URL}/v2/", timeout=CHECK_LIMIT)
    if answer.status_code not in (200, 401):
        raise RuntimeError(f"the registry answers {answer.status_code}")


def _check_worker() -> None:
    beaten = _redis().get(HEARTBEAT_KEY)
    if not isinstance(beaten, bytes) or time.time() - float(beaten) > HEARTBEAT_LIMIT:
        raise RuntimeError("no heartbeat of a worker")


CHECKS: dict[str, Callable[[], None]] = {
    "database": _check_database,
    "redis": _check_redis,
    "registry": _check_registry,
    "worker": _check_worker,
}


@cache
def _executor() -> ThreadPoolExecutor:
    # Twice what one request needs: a check that hangs keeps its thread, and those of a second request still run.
    return ThreadPoolExecutor(max_workers=2 * len(CHECKS), thread_name_prefix="readyz")


@cache
def _registry() -> InternalSession:
    return internal_session(connections=2)


@cache
def _redis() -> "redis.Redis":
    return redis.Redis.from_url(
        settings.REDIS_URL, socket_timeout=CHECK_LIMIT, socket_connect_timeout=CHECK_LIMIT, retry=None
    )
