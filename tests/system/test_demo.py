"""bin/run --demo fills in people and images that are really there."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.embedded.demo import PEOPLE
from tests.system.product import Account, Product, make_image, wait_until


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    installation = Product(tmp_path_factory.mktemp("demo") / "data", options=("--demo",)).start(wait=False)
    try:
        wait_until(lambda: "is ready at" in installation.output(), within=180, what="the demo")
        yield installation
    finally:
        installation.stop()


@pytest.fixture(scope="module")
def password(demo: Product) -> str:
    [line] = [line for line in demo.output().splitlines() if line.startswith("  demo ")]
    assert all(name in line for name in PEOPLE)
    return line.split()[-1]


def test_public_images_are_there_for_everybody(demo: Product) -> None:
    tags = demo.get("/v2/repositories/mina/storefront/tags").json()["results"]
    assert {tag["name"] for tag in tags} == {"1.4.0", "1.4.1", "latest"}
    digests = {tag["name"]: tag["digest"] for tag in tags}
    assert digests["latest"] == digests["1.4.1"] != digests["1.4.0"]
    raw = demo.skopeo("inspect", "--raw", f"docker://{demo.host}/mina/storefront:latest").stdout
    assert raw.count('"platform"') == 2


def test_image_can_be_pulled_whole(demo: Product, tmp_path: Path) -> None:
    demo.skopeo("copy", "--all", f"docker://{demo.host}/jonas/base/python:3.12", f"oci:{tmp_path}/out:x")
    assert len(list((tmp_path / "out" / "blobs" / "sha256").iterdir())) > 10


def test_private_one_is_its_owners(demo: Product, password: str) -> None:
    place = f"docker://{demo.host}/mina/payments/api"
    assert demo.skopeo("list-tags", place, check=False).returncode != 0
    assert "0.9" in demo.skopeo("list-tags", place, account=Account("mina", password)).stdout


def test_the_organization_shows_who_may_do_what(demo: Product, password: str) -> None:
    """Jonas pushes by his team's pattern, Aiko reads by hers, Priya is a guest; nobody else knows of it."""
    place = f"docker://{demo.host}/fjord/payments/api"
    for name in ("jonas", "aiko", "priya"):
        assert "2.0" in demo.skopeo("list-tags", place, account=Account(name, password)).stdout
    web = f"docker://{demo.host}/fjord/web"
    seen = [
        name for name in PEOPLE if demo.skopeo("list-tags", web, account=Account(name, password), check=False).stdout
    ]
    assert seen == ["mina", "jonas"]


def test_tags_tell_stories(demo: Product, password: str, tmp_path: Path) -> None:
    """A version stays where it is, a tag was rolled back and another deleted, the handbook is archived."""
    mina = Account("mina", password)
    make_image(tmp_path / "other")
    refused = demo.push(tmp_path / "other", "mina/storefront:1.4.1", mina, check=False)
    assert "immutable" in refused.stderr
    web = f"docker://{demo.host}/fjord/web"
    listed = sorted(json.loads(demo.skopeo("list-tags", web, account=mina).stdout)["Tags"])
    assert listed == ["7.1", "latest"]
    digests = {demo.skopeo("inspect", "--format", "{{.Digest}}", f"{web}:{tag}", account=mina).stdout for tag in listed}
    assert len(digests) == 1
    archived = demo.push(tmp_path / "other", "fjord/handbook:new", mina, check=False)
    assert "archived" in archived.stderr


def test_second_start_changes_nothing(demo: Product, password: str) -> None:
    def tags() -> object:
        rows = demo.get("/v2/repositories/mina/storefront/tags").json()["results"]
        return [(row["name"], row["digest"], row["tag_last_pushed"]) for row in rows]

    before = tags()
    demo.restart()
    wait_until(lambda: demo.output().count("is ready at") == 2, within=180, what="the second start")
    assert tags() == before
    assert demo.output().count(password) == 1
