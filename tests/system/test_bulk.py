"""Many tags, and then their repository, deleted in the running product: its own worker, killed in the middle."""

from typing import Any

import pytest
import requests

from tests.system.product import Account, Product, wait_until
from tests.system.test_push import Client

TAGS = [f"pr-{number}" for number in range(8)]


@pytest.fixture(scope="module")
def dora(product: Product) -> Account:
    return product.signup("dora-bulk")


def call(product: Product, account: Account, method: str, path: str, **body: Any) -> requests.Response:
    login = {"identifier": account.username, "secret": account.password}
    bearer = product.request("POST", "/v2/auth/token", json=login).json()["access_token"]
    url = f"/v2/namespaces/{account.username}/repositories{path}"
    return product.request(method, url, json=body or None, headers={"Authorization": f"Bearer {bearer}"})


def held(client: Client) -> list[str]:
    answer = client.product.get(f"/v2/{client.repository}/tags/list", headers=client.headers())
    return sorted(answer.json().get("tags") or []) if answer.ok else []


def test_a_job_and_the_repository(product: Product, dora: Account) -> None:
    client = Client(product, dora, "bulk")
    for tag in [*TAGS, "stable"]:
        assert client.put(tag, client.manifest()).status_code == 201
    told = call(product, dora, "POST", "/bulk/-/deletions", name="pr-", dry_run=True).json()
    assert (told["tags"], told["images"]) == (8, 8)
    job = call(product, dora, "POST", "/bulk/-/deletions", name="pr-", expected=8).json()
    product.kill("worker")  # the supervisor starts another one

    def ended(number: int) -> dict[str, Any] | None:
        row: dict[str, Any] = call(product, dora, "GET", f"/bulk/-/deletions/{number}").json()
        return None if row["state"] == "running" else row

    done = wait_until(lambda: ended(job["id"]), within=120, what="the job")
    assert (done["state"], done["done"], done["skipped"]) == ("done", 8, 0)
    assert held(client) == ["stable"]
    back = call(product, dora, "POST", f"/bulk/-/deletions/{job['id']}/restore").json()
    done = wait_until(lambda: ended(back["id"]), within=120, what="the restoration")
    assert (done["state"], done["done"], done["skipped"]) == ("done", 8, 0)
    assert held(client) == [*TAGS, "stable"]

    assert call(product, dora, "DELETE", "/bulk").status_code == 202
    made = wait_until(lambda: _created(product, dora), within=120, what="the name to be free")
    assert made["storage_size"] == 0
    assert held(client) == []


def _created(product: Product, account: Account) -> dict[str, Any] | None:
    answer = call(product, account, "POST", "", name="bulk", namespace=account.username, is_private=True)
    if answer.status_code == 409:
        assert "not left the registry yet" in answer.text
        return None
    assert answer.status_code == 201, answer.text
    return dict(answer.json())
