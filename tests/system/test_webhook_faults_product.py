"""The whole product's processes are killed while a receiver answers, and one tag is pushed a hundred times."""

import itertools
import json
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import pytest

from tests.system.product import Account, Product, wait_until
from tests.system.receiver import Gate, Receiver, Slow, receiving
from tests.system.test_push import Client, state
from tests.system.test_webhooks_product import Api

EVERYTHING = ("worker", "beat", "gateway", "web", "redis")


@pytest.fixture(scope="module")
def alice(product: Product) -> Account:
    return product.signup("alice-webhook-faults")


@pytest.fixture(scope="module")
def client(product: Product, alice: Account) -> Client:
    client = Client(product, alice, "app")
    assert client.put("first", client.manifest()).status_code == 201
    return client


@pytest.fixture(scope="module")
def api(product: Product, alice: Account, client: Client) -> Api:
    return Api(product, alice, "app")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as running:
        yield running


def let_leases_run_out(product: Product) -> None:
    """As if half a minute had gone by."""
    with closing(sqlite3.connect(product.data / "db.sqlite3", timeout=20)) as database, database:
        database.execute("UPDATE webhooks_delivery SET leased_until = '2000-01-01 00:00:00' WHERE state = 'sending'")


@pytest.mark.parametrize("names", [*((name,) for name in EVERYTHING), EVERYTHING], ids="+".join)
def test_a_push_is_told_whatever_dies_while_the_receiver_answers(
    product: Product, client: Client, api: Api, receiver: Receiver, names: tuple[str, ...]
) -> None:
    gate = Gate()
    hook = api("POST", name="CI", url=receiver.on("/ci", gate))
    deliveries = f"/{hook['id']}/deliveries"
    assert client.put("latest", client.manifest()).status_code == 201
    gate.wait()
    for name in names:
        product.kill(name)
    gate.open()
    if "worker" in names:
        let_leases_run_out(product)
    product.wait_ready(within=120)

    def delivered() -> dict[str, Any] | None:
        (row,) = api("GET", deliveries)["results"]
        return row if row["state"] == "delivered" else None

    row = wait_until(delivered, what="the delivery", within=60)
    attempts = api("GET", f"{deliveries}/{row['id']}")["attempts"]
    assert [one["number"] for one in attempts] == list(range(1, len(attempts) + 1))
    assert len(attempts) == len(receiver.got("/ci")) == (2 if "worker" in names else 1)
    assert len({one.webhook_id for one in receiver.got("/ci")}) == 1
    assert product.request("DELETE", f"{api.base}/{hook['id']}", headers=api.headers).status_code == 204


def test_a_hundred_pushes_of_one_tag_are_told_in_their_order(
    client: Client, api: Api, receiver: Receiver, product: Product
) -> None:
    paths = {"/quick": Slow(0), "/slow": Slow(0.05)}
    for path, behaviour in paths.items():
        api("POST", name=path, url=receiver.on(path, behaviour))
    base = json.loads(client.manifest())
    bodies = [json.dumps(base | {"annotations": {"number": str(number)}}).encode() for number in range(100)]

    def push(body: bytes) -> int:
        return client.put("nightly", body, timeout=60).status_code

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(push, bodies)) == {201}
    pushed = [digest for target, digest, _actor in state(product, client.repository)["events"] if "nightly" in target]
    assert len(pushed) == 100
    for path, behaviour in paths.items():
        receiver.wait(path, 100, timeout=60)
        told = [one.json["push_data"]["digest"] for one in receiver.got(path)]
        assert [digest for digest, _again in itertools.groupby(told)] == pushed
        assert behaviour.most_at_once == 1
