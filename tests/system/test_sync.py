"""The comparison in the running product: several at once, and what follows from a registry that was started anew."""

import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.system.product import Account, Product, make_image, wait_until
from tests.system.test_push import query

TAGS = [f"1.{number}" for number in range(4)]


@pytest.fixture(scope="module")
def ned(product: Product) -> Account:
    return product.signup("ned-compared")


def pushed_and_forgotten(product: Product, account: Account, folder: Path, repository: str) -> str:
    """A repository whose tags the registry holds and the database has lost; its full name."""
    name = f"{account.username}/{repository}"
    make_image(folder)
    for tag in TAGS:
        product.push(folder, f"{name}:{tag}", account)
    product.shell(
        "from repositories.images.models import Manifest, Tag, TagHistory\n"
        "from repositories.models import Repository\n"
        "for model in (Tag, Manifest, TagHistory):\n"
        f"    model.objects.filter(repository__full_name={name!r}).delete()\n"
        f"Repository.objects.filter(full_name={name!r}).update(tag_count=0)\n"
    )
    return name


def found(product: Product, name: str) -> list[list[str]]:
    sql = (
        "SELECT h.tag, h.action FROM images_taghistory h JOIN repositories_repository r ON r.id = h.repository_id "
        "WHERE r.full_name = ? ORDER BY h.tag"
    )
    return [list(row) for row in query(product, sql, name)]


def test_several_at_once_add_each_tag_once(product: Product, ned: Account, tmp_path: Path) -> None:
    name = pushed_and_forgotten(product, ned, tmp_path / "image", "raced")

    def compare(_number: int) -> str:
        try:
            return product.manage("reconcile", "--repository", name)
        except (AssertionError, subprocess.CalledProcessError) as error:
            return f"refused: {error}"

    with ThreadPoolExecutor(3) as pool:
        told = list(pool.map(compare, range(3)))
    # The product compares by itself, too, after the first notification of a registry: whoever was first told of it.
    assert sum(text.count(" added") for text in told) in {0, len(TAGS)}, told
    wait_until(lambda: len(found(product, name)) >= len(TAGS), within=30, what="the tags")
    assert found(product, name) == [[tag, "found"] for tag in TAGS]
    assert query(product, "SELECT tag_count FROM repositories_repository WHERE full_name = ?", name) == [[len(TAGS)]]


def test_a_registry_that_was_started_anew_is_compared_by_itself(product: Product, ned: Account, tmp_path: Path) -> None:
    """Its first notification tells: whatever the old process had not sent is found."""
    name = pushed_and_forgotten(product, ned, tmp_path / "image", "restarted")
    rounds = "SELECT count(*) FROM sync_run WHERE \"trigger\" = 'instance'"
    before = query(product, rounds)[0][0]
    product.kill("registry")
    product.wait_ready()
    product.push(tmp_path / "image", f"{ned.username}/other:1.0", ned)
    wait_until(lambda: query(product, rounds)[0][0] > before, within=30, what="a round")
    wait_until(lambda: len(found(product, name)) == len(TAGS), within=60, what="the tags")
    assert found(product, name) == [[tag, "found"] for tag in TAGS]
