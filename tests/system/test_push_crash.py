"""The gateway is killed with -9 before, while and after the registry takes a manifest.

Afterwards there are tag, pusher and exactly one event, or nothing at all; and the tag can be pushed again.
"""

import os
import signal
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress

import pytest

from tests.system.product import Account, Product, wait_until
from tests.system.test_push import OCI, Client, digest_of, query, state

SETTLED_WITHIN = 60.0
"""Seconds: the lease of an intent (20) and two sweeps, on a busy machine."""


@pytest.fixture(scope="module")
def carol(product: Product) -> Account:
    return product.signup("carol-crash")


@contextmanager
def frozen_registry(product: Product) -> Iterator[int]:
    pid = product.pid_of("registry")
    os.kill(pid, signal.SIGSTOP)
    try:
        yield pid
    finally:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


def put_in_background(client: Client, body: bytes) -> threading.Thread:
    """A PUT whose answer nobody hears; returns when its intent is committed and it waits for the registry."""
    thread = threading.Thread(target=lambda: client.put("latest", body, timeout=90), daemon=True)
    thread.start()
    wait_until(lambda: state(client.product, client.repository)["open"] == 1, what="the intent")
    return thread


def kill_gateway(product: Product) -> None:
    """The whole group, so that the process that holds the push is gone and not only its parent."""
    os.killpg(product.pid_of("gateway"), signal.SIGKILL)


def held_by_registry(client: Client) -> str:
    answer = client.product.request(
        "HEAD", f"/v2/{client.repository}/manifests/latest", headers=client.headers(Accept=OCI)
    )
    return str(answer.headers.get("Docker-Content-Digest", "")) if answer.status_code == 200 else ""


def assert_all_or_nothing(client: Client, digest: str) -> str:
    """Settles within the lease; what registry and database then agree on: the digest, or nothing."""
    wait_until(
        lambda: state(client.product, client.repository)["open"] == 0, within=SETTLED_WITHIN, what="the intent's end"
    )
    held, found = held_by_registry(client), state(client.product, client.repository)
    pusher = client.repository.partition("/")[0]
    if held:
        assert held == digest
        assert found["tags"] == [["latest", digest, pusher]]
        assert found["history"] == [["latest", "created", digest, "", pusher]]
        assert found["events"] == [[f"{client.repository}:latest", digest, pusher]]
    else:
        assert (found["tags"], found["history"], found["events"]) == ([], [], [])
    return held


def assert_pushes_again(client: Client) -> None:
    body = client.manifest()
    assert client.put("latest", body).status_code == 201
    assert state(client.product, client.repository)["tags"][0][1] == digest_of(body)


def test_killed_before_the_registry_got_it(product: Product, carol: Account) -> None:
    client = Client(product, carol, "before")
    body = client.manifest()
    with frozen_registry(product) as registry:
        put_in_background(client, body)
        kill_gateway(product)
        os.kill(registry, signal.SIGKILL)  # with what it had not read yet
        wait_until(lambda: product.pids().get("registry", registry) != registry, what="another registry")
    product.wait_ready()
    assert assert_all_or_nothing(client, digest_of(body)) == ""
    assert_pushes_again(client)


def test_killed_while_the_registry_takes_it(product: Product, carol: Account) -> None:
    client = Client(product, carol, "while")
    body = client.manifest()
    with frozen_registry(product):
        put_in_background(client, body)
        kill_gateway(product)
    product.wait_ready()
    assert_all_or_nothing(client, digest_of(body))
    assert_pushes_again(client)


def test_killed_after_the_registry_took_it(product: Product, carol: Account) -> None:
    """The database is kept locked, so that the gateway has the registry's 201 and cannot record it."""
    client = Client(product, carol, "after")
    body = client.manifest()
    with closing(sqlite3.connect(product.data / "db.sqlite3", timeout=10, isolation_level=None)) as database:
        with frozen_registry(product):
            put_in_background(client, body)
            database.execute("BEGIN IMMEDIATE")
        wait_until(lambda: held_by_registry(client) == digest_of(body), what="the manifest in the registry")
        kill_gateway(product)
        database.execute("ROLLBACK")
    product.wait_ready()
    assert assert_all_or_nothing(client, digest_of(body)) == digest_of(body)
    assert_pushes_again(client)


def test_a_registry_that_takes_it_after_we_gave_up(product: Product, carol: Account) -> None:
    """The gateway answers 503 and hands the intent to the sweep; whatever the registry then does is found out."""
    client = Client(product, carol, "late")
    body = client.manifest()
    with frozen_registry(product):
        assert client.put("latest", body, timeout=60).status_code == 503
    product.wait_ready()
    wait_until(
        lambda: bool(held_by_registry(client)) == bool(state(product, client.repository)["tags"]), what="agreement"
    )
    assert_all_or_nothing(client, digest_of(body))
    assert_pushes_again(client)


def test_a_second_push_waits_for_one_that_hangs(product: Product, carol: Account) -> None:
    client = Client(product, carol, "waits")
    first, second = client.manifest(), client.manifest()
    with frozen_registry(product):
        thread = put_in_background(client, first)
        answer = client.put("latest", second)
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (503, "UNAVAILABLE")
        assert "Another push of this tag is under way" in answer.text
    thread.join(timeout=60)
    wait_until(lambda: state(product, client.repository)["open"] == 0, within=SETTLED_WITHIN, what="the intent's end")
    assert assert_all_or_nothing(client, digest_of(first)) == digest_of(first)
    bodies = "SELECT max(length(i.body)) FROM images_pushintent i WHERE i.state != 'open'"
    assert query(product, bodies) == [[0]]
