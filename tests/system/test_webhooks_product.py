"""The webhook of the story: added by the API, fired by a real push, read back with request and answer."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.system.product import Account, Product, make_image, wait_until
from tests.system.receiver import Receiver, receiving, status


@pytest.fixture(scope="module")
def alice(product: Product) -> Account:
    return product.signup("alice-webhooks")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as running:
        yield running


class Api:
    """Bearer calls on one repository's webhooks."""

    def __init__(self, product: Product, account: Account, repository: str) -> None:
        sign_in = {"identifier": account.username, "secret": account.password}
        answer = product.request("POST", "/v2/auth/token", json=sign_in)
        assert answer.status_code == 200, answer.text
        self.headers = {"Authorization": f"Bearer {answer.json()['access_token']}"}
        self.product = product
        self.base = f"/v2/repositories/{account.username}/{repository}/webhooks"

    def __call__(self, method: str, path: str = "", **body: Any) -> Any:
        answer = self.product.request(method, self.base + path, headers=self.headers, json=body or None)
        assert answer.status_code < 300, answer.text
        return answer.json()


def test_every_tagged_push_reaches_the_receiver_once_and_is_listed(
    product: Product, alice: Account, receiver: Receiver, layout: Path
) -> None:
    receiver.on("/ci", status(202, b"build started"))
    make_image(layout)
    product.push(layout, "alice-webhooks/app:earlier", alice)
    api = Api(product, alice, "app")
    hook = api("POST", name="CI", url=receiver.url("/ci"))
    product.push(layout, "alice-webhooks/app:latest", alice)
    begun = time.monotonic()
    (first,) = receiver.wait("/ci")
    assert first.at - begun < 2
    product.push(layout, "alice-webhooks/app:0.0.1", alice)
    image = make_image(layout, platforms=2)
    product.push(layout, "alice-webhooks/app:multi", alice)
    receiver.wait("/ci", 3)
    time.sleep(3)  # longer than a sweep: nothing is sent twice
    got = receiver.got("/ci")
    assert [one.json["push_data"]["tag"] for one in got] == ["latest", "0.0.1", "multi"]
    payload = got[2].json
    assert payload["repository"]["repo_name"] == "alice-webhooks/app"
    assert payload["repository"]["repo_url"].startswith(product.url)
    assert payload["push_data"]["pusher"] == "alice-webhooks"
    assert payload["push_data"]["digest"] == image.digest
    assert payload["push_data"]["media_type"] == "application/vnd.oci.image.index.v1+json"
    assert type(payload["push_data"]["pushed_at"]) is int

    listed = api("GET", f"/{hook['id']}/deliveries")["results"]
    assert [(row["tag"], row["state"], row["last_status"]) for row in listed] == [
        ("multi", "delivered", 202),
        ("0.0.1", "delivered", 202),
        ("latest", "delivered", 202),
    ]
    one = api("GET", f"/{hook['id']}/deliveries/{listed[0]['id']}")
    assert one["request_body"] == got[2].body.decode()
    assert one["attempts"][0]["response_body"] == "build started"

    again = api("POST", f"/{hook['id']}/deliveries/{listed[2]['id']}/redeliver")
    fourth = receiver.wait("/ci", 4)[3]
    assert fourth.body == got[0].body
    assert fourth.webhook_id == got[0].webhook_id
    wait_until(
        lambda: api("GET", f"/{hook['id']}/deliveries/{again['id']}")["state"] == "delivered", what="the redelivery"
    )


def test_a_push_to_a_repository_without_webhooks_leaves_nothing_unread(
    product: Product, alice: Account, layout: Path
) -> None:
    make_image(layout)
    product.push(layout, "alice-webhooks/quiet:latest", alice)
    count = "from portal.events.models import Unread; print(Unread.objects.filter(reader='webhooks').count())"
    wait_until(lambda: product.shell(count).strip() == "0", what="reading the event", pause=1)
