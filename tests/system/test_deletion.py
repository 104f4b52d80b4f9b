"""skopeo deletes through the door, siblings stay, and what was deleted long enough ago leaves the real registry."""

from pathlib import Path

import pytest

from tests.system.product import Account, Product, make_image
from tests.system.test_push import state

OWNER = "alice-deletion"
NAME = f"{OWNER}/app"


@pytest.fixture(scope="module")
def alice(product: Product) -> Account:
    return product.signup(OWNER)


def held(product: Product, alice: Account, reference: str) -> str:
    """The digest that a client finds there; empty for nothing."""
    place = f"docker://{product.host}/{NAME}{reference}"
    return product.skopeo("inspect", "--format", "{{.Digest}}", place, account=alice, check=False).stdout.strip()


def tags(product: Product) -> list[tuple[str, str]]:
    return [(tag, digest) for tag, digest, _by in state(product, NAME)["tags"]]


def test_skopeo_deletes_a_tag_and_its_siblings_stay(product: Product, alice: Account, tmp_path: Path) -> None:
    one, two = make_image(tmp_path / "one"), make_image(tmp_path / "two", platforms=2)
    for tag in ("1.0", "stable"):
        product.push(tmp_path / "one", f"{NAME}:{tag}", alice)
    product.push(tmp_path / "two", f"{NAME}:2.0", alice)

    refused = product.skopeo("delete", f"docker://{product.host}/{NAME}:1.0", account=alice, check=False)
    assert refused.returncode != 0, "skopeo means a digest, and this one has two tags"
    assert "2 tags: 1.0, stable" in refused.stderr
    assert held(product, alice, ":1.0") == held(product, alice, ":stable") == one.digest

    headers = {"Authorization": f"Bearer {product.token(f'repository:{NAME}:delete', account=alice)}"}
    assert product.request("DELETE", f"/v2/{NAME}/manifests/1.0", headers=headers).status_code == 202
    assert (held(product, alice, ":1.0"), held(product, alice, ":stable")) == ("", one.digest)

    product.skopeo("delete", f"docker://{product.host}/{NAME}:2.0", account=alice)
    assert held(product, alice, ":2.0") == ""
    assert held(product, alice, f"@{two.digest}") == two.digest, "it can be restored"
    assert tags(product) == [("stable", one.digest)]


def test_what_can_be_restored_no_longer_leaves_the_registry(product: Product, alice: Account, tmp_path: Path) -> None:
    image = make_image(tmp_path / "old", platforms=2)
    product.push(tmp_path / "old", f"{NAME}:old", alice)
    product.skopeo("delete", f"docker://{product.host}/{NAME}:old", account=alice)
    left = product.shell(
        "import time\n"
        "from datetime import timedelta\n"
        "from django.utils import timezone\n"
        "from repositories.deletion.purge import purge_due\n"
        "from repositories.images.models import Manifest\n"
        f"deleted = Manifest.objects.filter(repository__full_name={NAME!r}, delete_after__isnull=False)\n"
        "for _turn in range(60):\n"  # a worker compares the repository with the registry first
        "    deleted.update(delete_after=timezone.now() - timedelta(seconds=1))\n"
        "    purge_due()\n"
        "    if not deleted.exists(): break\n"
        "    time.sleep(0.5)\n"
        "print('left', deleted.count())\n"
    )
    assert "left 0" in left
    assert held(product, alice, f"@{image.digest}") == ""
    assert tags(product) == [("stable", held(product, alice, ":stable"))]
