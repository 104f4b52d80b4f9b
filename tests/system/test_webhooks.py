"""Webhooks with the real worker, beat and Redis, which are killed on the way.

The database is that of MOORAGE_TEST_DATABASE_URL's kind: SQLite, or PostgreSQL when it names a server.
"""

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from repositories.webhooks.room import MOST_PER_WEBHOOK
from tests.kit.loopback import answer, dead_port, self_signed, served
from tests.system.receiver import Receiver, Slow, bomb, drip, fail, hang, hang_once, huge, old, receiving, redirect
from tests.system.stack import Stack, running_stack, wait_until


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with running_stack() as running:
        yield running


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as running:
        yield running


def test_a_push_reaches_the_receiver_at_once(stack: Stack, receiver: Receiver) -> None:
    repository, webhook = stack.webhook(receiver.url("/ci"))
    stack.call("push", repository, "first")
    receiver.wait("/ci", timeout=20)  # the worker may still be starting
    begun = time.monotonic()
    stack.call("push", repository, "second")
    got = receiver.wait("/ci", 2)
    assert got[1].at - begun < 2
    assert [one.json["push_data"]["tag"] for one in got] == ["first", "second"]
    assert [row["state"] for row in stack.ended(webhook, 2, within=5)] == ["delivered", "delivered"]
    assert stack.call("unread") == 0


def test_a_worker_killed_in_the_middle_of_a_delivery_loses_nothing(stack: Stack, receiver: Receiver) -> None:
    entered = threading.Event()
    repository, webhook = stack.webhook(receiver.on("/ci", hang_once(entered)))
    stack.call("push", repository, "1.0")
    assert entered.wait(20)
    stack.kill("worker")
    restarted = time.monotonic()
    stack.start_worker()
    first, second = receiver.wait("/ci", 2, timeout=60)
    assert second.at - restarted < 60
    assert first.body == second.body
    assert first.webhook_id == second.webhook_id
    (row,) = stack.ended(webhook, 1, within=5)
    attempts = row["attempts"]
    assert isinstance(attempts, list)
    assert [attempt["status"] for attempt in attempts] == [None, 200]
    assert "ended before an answer was recorded" in attempts[0]["error"]


def test_pushes_go_on_while_redis_is_away_and_nothing_is_lost(stack: Stack, receiver: Receiver) -> None:
    repository, webhook = stack.webhook(receiver.url("/ci"))
    stack.kill("redis")
    took = [stack.call("push", repository, f"{number}") for number in range(3)]
    assert max(took) < 3
    stack.start_redis()
    receiver.wait("/ci", 3, timeout=60)
    assert {row["tag"] for row in stack.ended(webhook, 3, within=5)} == {"0", "1", "2"}


def test_a_queue_that_is_lost_with_redis_loses_nothing(stack: Stack, receiver: Receiver) -> None:
    repository, webhook = stack.webhook(receiver.url("/ci"))
    stack.kill("worker")
    stack.call("push", repository, "1.0")
    stack.kill("redis")
    for file in stack.folder.glob("appendonlydir/*"):
        file.unlink()
    stack.start_redis()
    assert receiver.got("/ci") == []
    stack.start_worker()
    receiver.wait("/ci", timeout=60)
    assert [row["state"] for row in stack.ended(webhook, 1, within=5)] == ["delivered"]


GIGABYTE = 1024 * 1024 * 1024


def test_receivers_that_misbehave_are_bounded_recorded_and_delay_nobody(
    stack: Stack, receiver: Receiver, tmp_path: Path
) -> None:
    behaviours = {
        "/hang": hang(),
        "/drip": drip(),
        "/redirect": redirect(receiver.url("/inner")),
        "/huge": huge(GIGABYTE),
        "/bomb": bomb(),
        "/old": old(),
        "/fail-once": fail(1),
    }
    hooks = {path: stack.webhook(receiver.on(path, behave)) for path, behave in behaviours.items()}
    hooks["/dead"] = stack.webhook(f"http://127.0.0.1:{dead_port()}/")
    healthy, _webhook = stack.webhook(receiver.url("/healthy").replace("127.0.0.1", "localhost"))
    stack.call("push", healthy, "warm")
    receiver.wait("/healthy", timeout=60)  # a worker that is still loading would be measured small
    memory = stack.peak_memory("worker")
    certificate, _file = self_signed(tmp_path, "127.0.0.1")

    def attempts(path: str, count: int) -> list[dict[str, Any]]:
        def look() -> list[dict[str, Any]] | None:
            rows = [one for row in stack.call("deliveries", hooks[path][1]) for one in row["attempts"]]
            return rows if len(rows) >= count else None

        found: list[dict[str, Any]] = wait_until(look, 60, f"{path} has too few attempts")
        return found

    with served(answer(b""), tls=certificate) as untrusted:
        hooks["/tls"] = stack.webhook(untrusted.url(scheme="https"))
        for repository, _webhook in hooks.values():
            for number in range(3):
                stack.call("push", repository, f"{number}")
        begun = time.monotonic()
        stack.call("push", healthy, "1.0")
        receiver.wait("/healthy", 2)
        assert receiver.got("/healthy")[1].at - begun < 5
        assert {row["error"][:32] for row in attempts("/tls", 3)} == {"The certificate was not accepted"}
        assert untrusted.requests == []
    for path, status in {"/hang": None, "/drip": 200}.items():
        (first, *_others) = attempts(path, 1)
        assert first["status"] == status
        assert first["error"] == "127.0.0.1 had not answered completely after 10 seconds."
        assert 9_500 < first["duration_ms"] < 15_000
    assert {(row["status"], row["error"][:27]) for row in attempts("/redirect", 3)} == {
        (302, "Redirects are not followed;")
    }
    assert receiver.got("/inner") == []
    assert {(row["status"], row["response_truncated"]) for row in attempts("/huge", 3)} == {(200, True)}
    assert {row["error"] for row in attempts("/bomb", 3)} == {"The answer's headers are too long."}
    assert {(row["status"], row["error"]) for row in attempts("/old", 3)} == {(200, "")}
    assert {row["error"] for row in attempts("/dead", 3)} == {
        "The connection was refused: nothing listens at that address and port."
    }
    assert sorted(row["status"] for row in attempts("/fail-once", 4)) == [200, 200, 200, 500]
    assert stack.peak_memory("worker") - memory < 60 * 1024 * 1024


def test_a_tag_gets_one_request_at_a_time_and_a_webhook_a_few(stack: Stack, receiver: Receiver) -> None:
    one_tag, many_tags = Slow(0.1), Slow(0.1)
    repository, of_one = stack.webhook(receiver.on("/one", one_tag))
    stack.call("push_many", repository, "latest", 10)
    other, of_many = stack.webhook(receiver.on("/many", many_tags))
    for number in range(10):
        stack.call("push", other, f"{number}")
    stack.ended(of_one, 10)
    stack.ended(of_many, 10)
    assert one_tag.most_at_once == 1
    assert 1 < many_tags.most_at_once <= MOST_PER_WEBHOOK


def test_two_workers_deliver_each_push_to_each_webhook_once(stack: Stack, receiver: Receiver) -> None:
    repository, first = stack.webhook(receiver.url("/0"))
    hooks = [first] + [stack.webhook(receiver.url(f"/{number}"), repository=repository)[1] for number in range(1, 6)]
    stack.start_worker("worker2")
    try:
        for number in range(20):
            stack.call("push", repository, f"{number}")
        for number, webhook in enumerate(hooks):
            rows = stack.ended(webhook, 20, within=60)
            assert [row["state"] for row in rows] == ["delivered"] * 20
            tags = [one.json["push_data"]["tag"] for one in receiver.got(f"/{number}")]
            assert sorted(tags, key=int) == [str(tag) for tag in range(20)]
    finally:
        stack.kill("worker2")


def test_a_webhook_deleted_while_its_deliveries_wait_ends_quietly(stack: Stack, receiver: Receiver) -> None:
    repository, webhook = stack.webhook(receiver.on("/ci", hang()))
    for _number in range(3):
        stack.call("push", repository, "1.0")  # of one tag one is under way, and the others wait
    receiver.wait("/ci")
    stack.call("push", repository, "1.0")
    stack.call("delete_webhook", webhook)
    other, healthy = stack.webhook(receiver.url("/healthy"))
    stack.call("push", other, "1.0")
    assert [row["state"] for row in stack.ended(healthy, 1, within=10)] == ["delivered"]
    assert len(receiver.got("/ci")) == 1
    assert "repositories/webhooks" not in stack.log("worker")  # no traceback of ours
