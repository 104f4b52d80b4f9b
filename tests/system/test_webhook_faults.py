"""Whatever is killed, locked, away or set back: every event is delivered, by one `webhook-id`, and the log is true.

The worker, beat and Redis are real, and so is the database: see tests.system.stack.
"""

import itertools
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from deploy.embedded.supervisor import GRACE
from tests.kit.loopback import dead_port
from tests.system.receiver import Away, Gate, Receiver, Slow, fail, receiving, status
from tests.system.stack import Stack, running_stack, wait_until

LEASE = 30
Log = list[dict[str, Any]]


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with running_stack() as running:
        yield running


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as running:
        yield running


def told(log: Log) -> list[list[tuple[int, int | None, bool]]]:
    """Of each delivery its attempts: number, status, whether it was cut off."""
    return [[(one["number"], one["status"], one["is_interrupted"]) for one in row["attempts"]] for row in log]


# -- kill -9 ----------------------------------------------------------------------------------------------------------


def before_the_event_is_read(stack: Stack, repository: str, _gate: Gate) -> None:
    stack.kill("worker")
    stack.call("push", repository, "1.0")


def before_the_delivery_is_claimed(stack: Stack, repository: str, _gate: Gate) -> None:
    stack.kill("worker")
    stack.call("push", repository, "1.0")
    stack.call("fan_out")


def before_the_answer(stack: Stack, repository: str, gate: Gate) -> None:
    stack.call("push", repository, "1.0")
    gate.wait()
    stack.kill("worker")


def before_the_answer_is_written(stack: Stack, repository: str, gate: Gate) -> None:
    stack.call("push", repository, "1.0")
    gate.wait()
    stack.call("lock")
    gate.open()
    time.sleep(0.5)  # the answer has come, and cannot be written
    stack.kill("worker")
    stack.call("unlock")


CUT_OFF = [(1, None, True), (2, 200, False)]


@pytest.mark.parametrize(
    ("step", "attempts"),
    [
        (before_the_event_is_read, [(1, 200, False)]),
        (before_the_delivery_is_claimed, [(1, 200, False)]),
        (before_the_answer, CUT_OFF),
        (before_the_answer_is_written, CUT_OFF),
    ],
)
def test_a_worker_killed_at_any_step_loses_nothing(
    stack: Stack, receiver: Receiver, step: Callable[[Stack, str, Gate], None], attempts: list[Any]
) -> None:
    gate = Gate()
    repository, webhook = stack.webhook(receiver.on("/ci", gate))
    stack.call("push", repository, "warm")  # the worker is there
    gate.wait()
    ahead = receiver.wait("/ci")
    gate.open()
    stack.ended(webhook, 1)
    receiver.on("/ci", gate := Gate())
    step(stack, repository, gate)
    gate.open()
    stack.call("pass_time", LEASE)
    stack.start_worker()
    warm, log = stack.ended(webhook, 2)
    assert told([log]) == [attempts]
    assert {one.webhook_id for one in receiver.got("/ci")[1:]} == {log["event"]}
    assert ahead[0].webhook_id == warm["event"]
    assert stack.call("unread") == 0


def test_deliveries_go_out_while_redis_and_beat_are_dead(stack: Stack, receiver: Receiver) -> None:
    gate = Gate()
    repository, webhook = stack.webhook(receiver.on("/ci", gate))
    failing, retried = stack.webhook(receiver.on("/fail", fail(1)))
    stack.call("push", repository, "answered meanwhile")
    gate.wait()
    stack.kill("beat")
    stack.kill("redis")
    gate.open()
    stack.call("push", repository, "pushed meanwhile")
    stack.call("push", failing, "tried again meanwhile")
    assert told(stack.ended(webhook, 2)) == [[(1, 200, False)]] * 2
    assert told(stack.ended(retried, 1)) == [[(1, 500, False), (2, 200, False)]]
    stack.start_redis()
    stack.start_beat()
    begun = time.monotonic()
    stack.call("push", repository, "woken again")
    assert receiver.wait("/ci", 3)[2].at - begun < 5
    stack.ended(webhook, 3)


def test_a_worker_that_is_asked_to_stop_writes_what_is_under_way(stack: Stack, receiver: Receiver) -> None:
    repository, webhook = stack.webhook(receiver.on("/ci", Slow(4)))
    stack.call("push", repository, "1.0")
    receiver.wait("/ci", timeout=20)
    assert stack.terminate("worker") < GRACE
    assert told(stack.call("deliveries", webhook)) == [[(1, 200, False)]]
    stack.start_worker()
    stack.call("push", repository, "2.0")
    stack.ended(webhook, 2)


# -- the database, the clock ------------------------------------------------------------------------------------------


def test_a_database_that_is_away_for_ten_seconds_is_waited_for(stack: Stack, receiver: Receiver) -> None:
    gate = Gate()
    repository, webhook = stack.webhook(receiver.on("/ci", gate))
    for number in range(3):
        stack.call("push", repository, f"{number}")
        gate.wait()
    with stack.without_database():
        gate.open()
        time.sleep(11)  # longer than SQLite waits for its lock
    assert told(stack.ended(webhook, 3)) == [[(1, 200, False)]] * 3
    assert len(receiver.got("/ci")) == 3
    begun = time.monotonic()
    stack.call("push", repository, "after")
    assert receiver.wait("/ci", 4)[3].at - begun < 5
    stack.ended(webhook, 4)


def test_a_clock_that_was_set_back_keeps_nothing_waiting(stack: Stack, receiver: Receiver) -> None:
    gate = Gate()
    asked, told_to_wait = stack.webhook(receiver.on("/asks", status(429, headers={"Retry-After": "3600"})))
    failing, retried = stack.webhook(receiver.on("/fails", fail(1)))
    cut_off, taken_over = stack.webhook(receiver.on("/hangs", gate))
    for repository in (asked, failing, cut_off):
        stack.call("push", repository, "1.0")
    gate.wait()
    receiver.wait("/asks")
    receiver.wait("/fails")
    wait_until(lambda: stack.call("states").get("waiting", 0) == 2, 10, "the failures were not written")
    stack.kill("worker")
    gate.open()
    stack.call("set_clock_back", 400)
    receiver.on("/asks", status(200))
    stack.start_worker()
    assert told(stack.ended(told_to_wait, 1)) == [[(1, 429, False), (2, 200, False)]]
    assert told(stack.ended(retried, 1)) == [[(1, 500, False), (2, 200, False)]]
    assert told(stack.ended(taken_over, 1)) == [CUT_OFF]
    stack.call("push", failing, "2.0")
    stack.ended(retried, 2)


# -- many ------------------------------------------------------------------------------------------------------------


def test_pushes_of_one_tag_arrive_in_order_one_at_a_time_also_when_the_first_fails(
    stack: Stack, receiver: Receiver
) -> None:
    quick, away = Slow(0.01), Away()
    repository, first = stack.webhook(receiver.on("/quick", quick))
    _same, second = stack.webhook(receiver.on("/away", away), repository=repository)
    stack.call("push_many", repository, "latest", 50)
    receiver.wait("/away", timeout=20)
    away.is_back.set()
    for path, hook in {"/quick": first, "/away": second}.items():
        events = [row["event"] for row in stack.ended(hook, 50, within=60)]
        got = [one.webhook_id for one in receiver.got(path)]
        assert [event for event, _again in itertools.groupby(got)] == events
    assert quick.most_at_once == 1
    assert len(receiver.got("/quick")) == 50


def test_a_hundred_receivers_that_hang_keep_no_other_waiting(stack: Stack, receiver: Receiver) -> None:
    with ExitStack() as listeners:
        port = dead_port()  # none of the stack's own, which no webhook may call
        addresses = [f"127.7.0.{number}" for number in range(1, 100)]
        for address in addresses:
            listeners.enter_context(socket.create_server((address, port), backlog=64))
        hooks = [f"http://{address}:{port}/" for address in addresses]
        hanging, _webhook = stack.webhook(hooks[0])
        for url in hooks[1:]:
            stack.webhook(url, repository=hanging)
        healthy, webhook = stack.webhook(receiver.url("/ci"))
        for tag in ("1.0", "1.1", "1.2"):
            stack.call("push", hanging, tag)
        wait_until(lambda: stack.call("states").get("sending", 0) > 100, 10, "the hanging ones were not tried")
        for number in range(5):
            begun = time.monotonic()
            stack.call("push", healthy, f"{number}")
            assert receiver.wait("/ci", number + 1, timeout=5)[number].at - begun < 5
        stack.ended(webhook, 5)
        stack.call("delete_repository", hanging)


# -- gone meanwhile ---------------------------------------------------------------------------------------------------


def test_what_waits_goes_with_its_repository_but_for_the_namespaces_webhook(stack: Stack, receiver: Receiver) -> None:
    own, of_namespace = Gate(), Away()
    repository, _webhook = stack.webhook(receiver.on("/own", own))
    everywhere = stack.call("create_webhook", "", receiver.on("/all", of_namespace))
    stack.call("push_many", repository, "latest", 3)
    own.wait()
    receiver.wait("/all")
    stack.call("delete_repository", repository)
    own.open()
    of_namespace.is_back.set()
    log = stack.ended(everywhere, 3)
    assert [row["state"] for row in log] == ["delivered"] * 3
    assert len(receiver.got("/own")) == 1
    assert "repositories/webhooks" not in stack.log("worker")  # no traceback of ours
    stack.call("delete_webhook", everywhere)
