"""One push, told in every format by the real product."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cloudevents.core.bindings.http import HTTPMessage, from_http_event

from tests.system.product import Account, Product, make_image
from tests.system.receiver import Receiver, receiving
from tests.webhooks.schema_checks import problems

SLACK = Path(__file__).parents[2] / "repositories/webhooks/formats/shipped/slack.json.jinja"
FORMATS = ("dockerhub", "dockerhub-qualified", "moorage", "cloudevents", "template")


@pytest.fixture(scope="module")
def alice(product: Product) -> Account:
    return product.signup("alice-formats")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as running:
        yield running


def make_webhooks(product: Product, account: Account, receiver: Receiver) -> None:
    """One in each format, named and addressed after it."""
    sign_in = {"identifier": account.username, "secret": account.password}
    token = product.request("POST", "/v2/auth/token", json=sign_in).json()["access_token"]
    for name in FORMATS:
        choices: dict[str, Any] = {"name": name, "url": receiver.url(f"/{name}"), "format": name}
        choices |= {"template": SLACK.read_text("utf-8")} if name == "template" else {}
        answer = product.request(
            "POST",
            f"/v2/repositories/{account.username}/app/webhooks",
            headers={"Authorization": f"Bearer {token}"},
            json=choices,
        )
        assert answer.status_code == 201, answer.text


def test_one_push_is_told_in_every_format_with_the_platform_of_an_image_that_is_new(
    product: Product, alice: Account, receiver: Receiver, layout: Path
) -> None:
    make_image(layout)
    product.push(layout, "alice-formats/app:earlier", alice)
    make_webhooks(product, alice, receiver)
    image = make_image(layout)
    product.push(layout, "alice-formats/app:1.0", alice)
    got = {name: receiver.wait(f"/{name}")[0] for name in FORMATS}
    told = got["moorage"].json
    assert problems(told, "push") == []
    assert (told["tag"]["name"], told["tag"]["digest"]) == ("1.0", image.digest)
    assert [each["name"] for each in told["tag"]["platforms"]] == ["linux/amd64"]
    assert told["tag"]["pull_reference"] == f"{product.host}/alice-formats/app:1.0"
    event = got["cloudevents"]
    assert event.headers["Content-Type"] == "application/cloudevents+json"
    read = from_http_event(HTTPMessage({"content-type": event.headers["Content-Type"]}, event.body))
    assert (read.get_id(), read.get_type()) == (event.webhook_id, "io.moorage.push")
    assert problems(dict(read.get_data()), "push") == []  # type: ignore[arg-type]
    assert got["dockerhub-qualified"].json["repository"]["repo_name"] == f"{product.host}/alice-formats/app"
    assert got["dockerhub"].json["push_data"]["digest"] == image.digest
    message = json.loads(got["template"].body)
    assert message["text"] == "alice-formats pushed alice-formats/app:1.0"
