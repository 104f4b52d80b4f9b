"""/healthz and /readyz."""

import threading
import time

import pytest
from django.test import Client

from portal.web import health

# Redis and the registry of the test settings are on port 1, where nobody listens.
OURS_ONLY = {"database": "ok", "redis": "failing", "registry": "failing", "worker": "failing"}


def test_process_that_answers_is_up() -> None:
    """Without the database fixture: asking the database would fail the test."""
    answer = Client().get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


@pytest.mark.django_db(transaction=True)
def test_each_part_is_named() -> None:
    answer = Client().get("/readyz")
    assert answer.status_code == 503
    assert answer.json() == {"status": "failing", "checks": OURS_ONLY}
    assert answer["Cache-Control"] == "no-store"


def test_ready_when_every_part_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "CHECKS", dict.fromkeys(health.CHECKS, lambda: None))
    answer = Client().get("/readyz")
    assert answer.status_code == 200
    assert answer.json() == {"status": "ok", "checks": dict.fromkeys(OURS_ONLY, "ok")}


def test_part_that_hangs_costs_two_seconds_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    released = threading.Event()
    monkeypatch.setattr(health, "CHECKS", {"database": lambda: None, "registry": released.wait, "redis": released.wait})
    started = time.monotonic()
    answer = Client().get("/readyz")
    released.set()
    assert answer.json()["checks"] == {"database": "ok", "registry": "failing", "redis": "failing"}
    assert time.monotonic() - started < 3


def test_reason_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise RuntimeError("password=hunter2")

    monkeypatch.setattr(health, "CHECKS", {"database": fail})
    assert b"hunter2" not in Client().get("/readyz").content


@pytest.mark.parametrize(
    ("beaten", "verdict"),
    [(None, "failing"), (0.0, "ok"), (health.HEARTBEAT_LIMIT - 2, "ok"), (health.HEARTBEAT_LIMIT + 2, "failing")],
)
def test_worker_is_there_while_its_heartbeat_is_fresh(
    monkeypatch: pytest.MonkeyPatch, beaten: float | None, verdict: str
) -> None:
    class Redis:
        def get(self, key: str) -> bytes | None:
            return None if beaten is None else repr(time.time() - beaten).encode()

    monkeypatch.setattr(health, "_redis", Redis)
    monkeypatch.setattr(health, "CHECKS", {"worker": health._check_worker})
    assert Client().get("/readyz").json()["checks"] == {"worker": verdict}


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_only_looking_is_allowed(path: str) -> None:
    assert Client().post(path).status_code == 405


def test_any_host_may_ask() -> None:
    """A load balancer asks by address, not by name."""
    assert Client().get("/healthz", headers={"host": "10.0.0.7:8000"}).status_code == 200
