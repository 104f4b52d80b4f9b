"""What a webhook of the real product may call, and that a receiver can verify what reaches it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
import standardwebhooks

from tests.system.product import Account, Product, make_image
from tests.system.receiver import Receiver, receiving


@pytest.fixture(scope="module")
def alice(product: Product, tmp_path_factory: pytest.TempPathFactory) -> Account:
    account = product.signup("alice-guard")
    layout = tmp_path_factory.mktemp("guard") / "image"
    make_image(layout)
    product.push(layout, "alice-guard/app:first", account)
    return account


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as running:
        yield running


@pytest.fixture(scope="module")
def token(product: Product, alice: Account) -> str:
    sign_in = {"identifier": alice.username, "secret": alice.password}
    return str(product.request("POST", "/v2/auth/token", json=sign_in).json()["access_token"])


def create(product: Product, token: str, url: str, **choices: Any) -> requests.Response:
    return product.request(
        "POST",
        "/v2/repositories/alice-guard/app/webhooks",
        headers={"Authorization": f"Bearer {token}"},
        json={"name": "CI", "url": url, **choices},
    )


def test_no_part_of_the_product_may_be_called_by_a_webhook(product: Product, token: str) -> None:
    noted = product.settings()
    inner = [urlsplit(noted[name]).port for name in ("MOORAGE_REGISTRY_URL", "MOORAGE_REDIS_URL")]
    inner += [int(each.rpartition(":")[2]) for each in noted["MOORAGE_INNER_ADDRESSES"].split(",")]
    assert len(set(inner)) == 4
    for port in (product.port, *inner):
        for host in ("127.0.0.1", "localhost", "2130706433", "127.0.0.9"):
            answer = create(product, token, f"http://{host}:{port}/v2/")
            assert answer.status_code == 400, (host, port)
            assert "belongs to this portal itself" in answer.text


def test_a_receiver_verifies_what_a_push_sends_to_the_address_of_its_tag(
    product: Product, alice: Account, token: str, receiver: Receiver, layout: Path
) -> None:
    url = receiver.url("/{repository}?tag={tag}")
    answer = create(product, token, url, headers={"Authorization": "Bearer s3cret"}, github_signature=True)
    assert answer.status_code == 201, answer.text
    made = answer.json()
    make_image(layout)
    product.push(layout, "alice-guard/app:v1.0_x", alice)
    (request,) = receiver.wait("/alice-guard/app?tag=v1.0_x")
    told = standardwebhooks.Webhook(made["secret"]).verify(request.body, request.headers)
    assert told["push_data"]["tag"] == "v1.0_x"
    assert request.headers["Authorization"] == "Bearer s3cret"
    assert request.headers["X-Hub-Signature-256"].startswith("sha256=")
