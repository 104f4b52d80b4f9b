"""A tag is overwritten, rolled back, deleted, restored and copied: docker, skopeo and the webhook hear the same."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deploy.embedded.images import Image
from tests.system.dockerd import Docker
from tests.system.product import Account, Product, make_image
from tests.system.receiver import Receiver, receiving, status
from tests.system.test_webhooks_product import Api


@pytest.fixture(scope="module")
def alice(product: Product) -> Account:
    return product.signup("alice-rollback")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as running:
        running.on("/ci", status(200))
        yield running


@pytest.fixture
def images(tmp_path: Path) -> tuple[Image, Image]:
    return make_image(tmp_path / "old"), make_image(tmp_path / "new")


def call(product: Product, api: Api, method: str, place: str, path: str, **body: Any) -> Any:
    namespace, _slash, name = place.partition("/")
    url = f"/v2/namespaces/{namespace}/repositories/{name}/{path}"
    answer = product.request(method, url, headers=api.headers, json=body if method == "POST" else None)
    assert answer.status_code < 300, answer.text
    return answer.json()


def held(product: Product, alice: Account, name: str) -> str:
    """The digest that a client finds there."""
    done = product.skopeo(
        "inspect", "--format", "{{.Digest}}", f"docker://{product.host}/{name}", account=alice, check=False
    )
    return done.stdout.strip()


def test_what_is_rolled_back_is_what_clients_pull_and_webhooks_hear_of_it_once(
    product: Product, docker: Docker, alice: Account, images: tuple[Image, Image], receiver: Receiver, tmp_path: Path
) -> None:
    old, new = images
    name = "alice-rollback/app"
    product.push(tmp_path / "old", f"{name}:1.0", alice)
    product.push(tmp_path / "new", f"{name}:1.0", alice)
    api = Api(product, alice, "app")
    api("POST", name="CI", url=receiver.url("/ci"))
    assert held(product, alice, f"{name}:1.0") == new.digest

    back = call(product, api, "POST", name, "tags/1.0/roll-back")
    assert back["digest"] == old.digest
    assert held(product, alice, f"{name}:1.0") == old.digest
    docker.run(
        "login", "-u", alice.username, "--password-stdin", product.host, user=alice.username, stdin=alice.password
    )
    pulled = docker.run("pull", f"{product.host}/{name}:1.0", user=alice.username)
    assert f"Digest: {old.digest}" in pulled.stdout

    call(product, api, "POST", name, "tags/1.0/copy", repository=name, tag="prod")
    call(product, api, "POST", name, "tags/prod/roll-back", digest=new.digest)
    receiver.wait("/ci", 3)
    time.sleep(3)  # longer than a sweep: nothing is sent twice
    told = [(one.json["push_data"]["tag"], one.json["push_data"]["digest"]) for one in receiver.got("/ci")]
    assert told == [("1.0", old.digest), ("prod", old.digest), ("prod", new.digest)]
    assert held(product, alice, f"{name}:prod") == new.digest

    history = call(product, api, "GET", name, "tags/1.0/history")
    assert [(row["action"], row["digest"], row["actor"]) for row in history["results"]] == [
        ("rolled", old.digest, "alice-rollback"),
        ("moved", new.digest, "alice-rollback"),
        ("created", old.digest, "alice-rollback"),
    ]
    before = call(product, api, "GET", name, f"tags/1.0/history?at={history['results'][1]['at']}")
    assert before["digest"] == new.digest
    compared = call(product, api, "GET", name, f"-/compare?from={new.digest}&to=1.0")
    assert compared["to"]["digest"] == old.digest
    assert compared["images"]["download"] > 0


def test_an_image_is_copied_to_another_repository_with_all_that_it_needs(
    product: Product, alice: Account, images: tuple[Image, Image], tmp_path: Path
) -> None:
    multi = make_image(tmp_path / "multi", platforms=2)
    product.push(tmp_path / "multi", "alice-rollback/source:1.0", alice)
    product.push(tmp_path / "old", "alice-rollback/target:first", alice)
    api = Api(product, alice, "source")
    copied = call(
        product, api, "POST", "alice-rollback/source", "tags/1.0/copy", repository="alice-rollback/target", tag="1.0"
    )
    assert copied["digest"] == multi.digest
    target = f"docker://{product.host}/alice-rollback/target:1.0"
    product.skopeo("copy", "--all", target, f"oci:{tmp_path / 'pulled'}:1.0", account=alice)
    assert held(product, alice, "alice-rollback/target:1.0") == multi.digest
