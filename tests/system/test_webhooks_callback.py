"""A receiver reports to the payload's callback_url, through the front door, and the tag's statuses tell it."""

from pathlib import Path
from typing import Any

import pytest
import requests

from tests.system.product import Product, make_image
from tests.system.receiver import receiving
from tests.system.test_webhooks_product import Api

REPORT = {"state": "success", "context": "ci/tests", "description": "It works.", "target_url": "https://ci.example/17"}


@pytest.mark.parametrize("as_form", [False, True])
def test_a_receivers_report_comes_back_through_the_door(product: Product, layout: Path, *, as_form: bool) -> None:
    name = "alice-form" if as_form else "alice-json"
    alice = product.signup(name)
    make_image(layout)
    product.push(layout, f"{name}/app:earlier", alice)
    api = Api(product, alice, "app")
    with receiving() as receiver:
        api("POST", name="CI", url=receiver.url("/ci"))
        product.push(layout, f"{name}/app:latest", alice)
        (got,) = receiver.wait("/ci")
    url = got.json["callback_url"]
    assert url.startswith(f"{product.url}/{name}/app/-/webhooks/callback/")
    body: dict[str, Any] = {"data": REPORT} if as_form else {"json": REPORT}
    answer = requests.post(url, timeout=10, **body)
    assert answer.status_code == 200, answer.text
    assert "Set-Cookie" not in answer.headers
    tags = f"/v2/namespaces/{name}/repositories/app/tags"
    (status,) = product.get(f"{tags}/latest/statuses", headers=api.headers).json()
    assert {key: status[key] for key in REPORT} == REPORT
    assert product.get(f"{tags}/earlier/statuses", headers=api.headers).json() == []
    assert requests.post(url[:-1], timeout=10, **body).status_code == 404
    chunked = requests.post(url, data=iter([b'{"state":', b'"failure"}']), timeout=10)
    assert (chunked.status_code, chunked.json().get("context")) == (200, "CI")
    assert requests.post(url, data=b"x" * 2_000_000, timeout=10).status_code == 400
