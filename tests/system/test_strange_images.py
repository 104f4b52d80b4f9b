"""What the real registry takes and nobody should push: the page of the image stays usable and says what is wrong."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.system.product import Account, Product, make_image, wait_until
from tests.system.test_push import OCI, OCI_INDEX, Client

LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
CONFIG = "application/vnd.oci.image.config.v1+json"
OWNER = "dora-images"
NAME = f"{OWNER}/odd"
TOO_LARGE = 100 * 1024 * 1024


@pytest.fixture(scope="module")
def dora(product: Product) -> Account:
    account = product.signup(OWNER)
    new = {"namespace": OWNER, "name": "odd", "is_private": False}
    asked = {"username": account.username, "password": account.password}
    login = product.request("POST", "/v2/users/login/", json=asked).json()["token"]
    headers = {"Authorization": f"Bearer {login}"}
    assert product.request("POST", "/v2/repositories/", json=new, headers=headers).status_code == 201
    return account


@pytest.fixture(scope="module")
def client(product: Product, dora: Account) -> Client:
    return Client(product, dora, "odd")


def push(client: Client, tag: str, config: bytes, *, layers: list[dict[str, Any]] | None = None) -> str:
    """The digest of an image with this config and a layer of a few bytes, or these layers."""
    blob = client.blob(b"a layer") | {"mediaType": LAYER}
    document = {
        "schemaVersion": 2,
        "mediaType": OCI,
        "config": client.blob(config) | {"mediaType": CONFIG},
        "layers": layers if layers is not None else [blob],
    }
    return put(client, tag, document)


def put(client: Client, tag: str, document: dict[str, Any]) -> str:
    answer = client.put(tag, json.dumps(document).encode(), media_type=document["mediaType"])
    assert answer.status_code == 201, answer.text
    return str(answer.headers["Docker-Content-Digest"])


def read(product: Product, path: str) -> str:
    """The text of a page, once no task is at work on it any more."""

    def page() -> str:
        answer = product.get(f"/{NAME}/-/{path}")
        assert answer.status_code == 200, path
        return "" if "The configuration is being read." in answer.text else answer.text

    found = wait_until(page, what="the configuration is read")
    return " ".join(re.sub(r"<[^>]+>", " ", found).split())


def test_a_config_that_is_no_json(product: Product, client: Client) -> None:
    push(client, "no-json", b"\x7fELF")
    assert "The configuration is left out" in read(product, "tags/no-json")


def test_a_config_of_100_mb(product: Product, client: Client) -> None:
    push(client, "large", b"{" + b" " * TOO_LARGE + b"}")
    page = read(product, "tags/large")
    assert "The configuration is left out" in page
    assert "104 MB" in page


def test_a_config_that_the_storage_lost(product: Product, client: Client) -> None:
    digest = push(client, "lost", b'{"os": "linux", "architecture": "amd64"}')
    assert "linux/amd64" in read(product, "tags/lost")
    config = json.loads(product.get(f"/{NAME}/-/images/{digest}/raw").content)["config"]["digest"].partition(":")[2]
    blobs = [path for path in Path(product.data).rglob(config) if path.is_dir() and path.parent.name == config[:2]]
    assert blobs, "the registry keeps its blobs by their digest"
    for blob in blobs:
        (blob / "data").unlink()
    told = product.shell(
        "from repositories.images.details import read_details\n"
        "from repositories.images.models import Manifest\n"
        f"rows = Manifest.objects.filter(digest={digest!r})\n"
        "rows.update(details='pending', details_tries=1, config={})\n"
        "read_details(rows.get().pk)\n"
        "print(rows.get().details, rows.get().details_tries)\n"
    )
    assert "pending 2" in told
    assert "The registry did not give the configuration so far." in read(product, "tags/lost")


def test_a_thousand_layers(product: Product, client: Client) -> None:
    blob = client.blob(b"one of many") | {"mediaType": LAYER}
    push(client, "thousand", b"{}", layers=[blob] * 1000)
    assert "Show 900 steps more" in read(product, "tags/thousand")
    assert read(product, "tags/thousand?layers=all").count("sha256:") > 1000


def test_a_layer_whose_size_is_a_lie(product: Product, client: Client) -> None:
    blob = client.blob(b"a layer") | {"mediaType": LAYER}
    push(client, "lie", b"{}", layers=[blob | {"size": 10**15}])
    assert "1000 TB" in read(product, "tags/lie")


def test_an_index_of_indexes(product: Product, client: Client, dora: Account, tmp_path: Path) -> None:
    make_image(tmp_path / "two", platforms=2)
    product.push(tmp_path / "two", f"{NAME}:inner", dora)
    path = f"/v2/{NAME}/manifests/inner"
    inner = product.get(path, headers=client.headers(Accept=OCI_INDEX))
    entry = {
        "mediaType": OCI_INDEX,
        "digest": inner.headers["Docker-Content-Digest"],
        "size": len(inner.content),
    }
    put(client, "outer", {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [entry]})
    assert "This entry is an index itself." in read(product, "tags/outer")
    assert "linux/arm64" in read(product, f"images/{entry['digest']}")


def test_an_index_whose_child_the_registry_lost(product: Product, dora: Account, tmp_path: Path) -> None:
    make_image(tmp_path / "two", platforms=2)
    product.push(tmp_path / "two", f"{NAME}:torn", dora)
    told = product.shell(
        "from repositories.images.models import Manifest\n"
        "from repositories.registry import client\n"
        f"index = Manifest.objects.get(tags__name='torn', repository__full_name={NAME!r})\n"
        "child = index.entries.all()[0].digest\n"
        f"print(client.delete_manifest({NAME!r}, child, subject='test').status, child)\n"
    )
    status, child = told.split()[-2:]
    assert status == "202"
    assert "linux/amd64" in read(product, "tags/torn")
    assert product.get(f"/{NAME}/-/images/{child}/raw").status_code == 404
