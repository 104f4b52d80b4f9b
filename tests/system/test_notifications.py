"""The registry's notifications and the reconcile command, with the real registry and real clients."""

import json
import uuid
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.system.product import Account, Product, make_image, wait_until
from tests.system.test_push import query, state

OCI = "application/vnd.oci.image.manifest.v1+json"


@pytest.fixture(scope="module")
def nora(product: Product) -> Account:
    return product.signup("nora-notified")


def pulls(product: Product, repository: str) -> int:
    sql = "SELECT pull_count FROM repositories_repository WHERE full_name = ?"
    return int(query(product, sql, repository)[0][0])


def waiting(product: Product) -> int:
    """Notifications that no sweep has applied yet."""
    return int(query(product, "SELECT count(*) FROM gateway_notification WHERE applied_at IS NULL")[0][0])


def web_url(product: Product) -> str:
    """The web process itself, past the door, as the registry knows it."""
    rendered = (product.data / "run" / "registry.yml").read_text()
    line = next(line for line in rendered.splitlines() if "/-/notifications" in line)
    return line.partition("url:")[2].strip()


def post(product: Product, body: Any, *, secret: str | None = None, **options: Any) -> requests.Response:
    if secret is None:
        secret = Path(product.settings()["MOORAGE_NOTIFICATION_SECRET_FILE"]).read_text().strip()
    headers = {
        "Authorization": f"Bearer {secret}",
        "Content-Type": "application/vnd.docker.distribution.events.v1+json",
    }
    return requests.post(web_url(product), data=json.dumps(body), headers=headers, timeout=10, **options)


def pull_event(repository: str, *, tag: str = "1.0") -> dict[str, Any]:
    return {
        "id": str(uuid.uuid4()),
        "timestamp": "2026-01-01T00:00:00.123456789Z",
        "action": "pull",
        "target": {"mediaType": OCI, "repository": repository, "tag": tag, "digest": f"sha256:{'a' * 64}"},
        "request": {"method": "GET", "addr": "127.0.0.1:1"},
        "actor": {"name": ""},
        "source": {"instanceID": "test"},
    }


def test_a_pull_of_a_multi_platform_image_counts_once(product: Product, nora: Account, tmp_path: Path) -> None:
    name = f"{nora.username}/counted"
    make_image(tmp_path / "image", platforms=2)
    product.push(tmp_path / "image", f"{name}:1.0", nora)
    assert pulls(product, name) == 0
    for number in range(2):
        product.skopeo(
            "copy", f"docker://{product.host}/{name}:1.0", f"oci:{tmp_path / f'back-{number}'}", account=nora
        )
    wait_until(lambda: pulls(product, name) == 2, what="two pulls")
    wait_until(lambda: waiting(product) == 0, what="the last notification")
    assert pulls(product, name) == 2
    last = "SELECT t.last_pulled_at FROM images_tag t JOIN repositories_repository r ON r.id = t.repository_id "
    assert query(product, last + "WHERE r.full_name = ?", name)[0][0] is not None


def test_what_the_portal_itself_reads_is_no_pull(product: Product, nora: Account, tmp_path: Path) -> None:
    """The sweep and the reading of details ask the registry, and so does looking whether there is something new."""
    name = f"{nora.username}/own-reads"
    make_image(tmp_path / "image")
    product.push(tmp_path / "image", f"{name}:1.0", nora)
    product.manage("reconcile", "--repository", name)
    token = product.token(f"repository:{name}:pull", account=nora)
    headers = {"Authorization": f"Bearer {token}", "Accept": OCI}
    assert product.request("HEAD", f"/v2/{name}/manifests/1.0", headers=headers).status_code == 200
    product.get(f"/v2/{name}/manifests/1.0", headers=headers)
    wait_until(lambda: pulls(product, name) > 0, what="the one real pull")
    wait_until(lambda: waiting(product) == 0, what="the last notification")
    assert pulls(product, name) == 1


@pytest.mark.parametrize("path", ["/-/notifications", "/-/notifications/", "/-/notifications/x"])
def test_the_door_hides_them(product: Product, path: str) -> None:
    assert product.get(path).status_code == 404
    assert product.request("POST", path, data=b"{}").status_code == 404


def test_a_wrong_secret(product: Product, nora: Account) -> None:
    for secret in ("wrong", ""):
        answer = post(product, {"events": []}, secret=secret, allow_redirects=False)
        assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")


def test_a_malformed_event_among_good_ones(product: Product, nora: Account, tmp_path: Path) -> None:
    name = f"{nora.username}/malformed"
    make_image(tmp_path / "image")
    product.push(tmp_path / "image", f"{name}:1.0", nora)
    event = pull_event(name)
    events = [{"id": 7}, event, "garbage", None, pull_event(name) | {"timestamp": "9999-12-31T23:59:59-10:00"}, event]
    assert post(product, {"events": events}).status_code == 202
    assert post(product, {"events": [event]}).status_code == 202
    wait_until(lambda: pulls(product, name) > 0, what="the pull")
    wait_until(lambda: waiting(product) == 0, what="the last notification")
    assert pulls(product, name) == 1


def test_reconcile_finds_what_the_database_lost(product: Product, nora: Account, tmp_path: Path) -> None:
    """Without an event, so that no webhook fires for an old image."""
    name = f"{nora.username}/lost"
    single = make_image(tmp_path / "single")
    multi = make_image(tmp_path / "multi", platforms=2)
    product.push(tmp_path / "single", f"{name}:single", nora)
    product.push(tmp_path / "multi", f"{name}:multi", nora)
    before = state(product, name)
    product.shell(
        "from repositories.images.models import Manifest, Tag\n"
        f"Tag.objects.filter(repository__full_name={name!r}).delete()\n"
        f"Manifest.objects.filter(repository__full_name={name!r}).delete()\n"
    )
    assert state(product, name)["tags"] == []
    told = product.manage("reconcile", "--repository", name)
    assert set(told.splitlines()) == {f"{name}:multi added", f"{name}:single added"}
    after = state(product, name)
    assert after["tags"] == [["multi", multi.digest, ""], ["single", single.digest, ""]]
    assert [row[1] for row in after["history"]] == ["created", "created", "found", "found"]
    assert after["events"] == before["events"]
    assert product.manage("reconcile", "--repository", name) == ""
    platforms = (
        "SELECT count(*) FROM images_manifest m JOIN repositories_repository r ON r.id = m.repository_id "
        "WHERE r.full_name = ?"
    )
    assert query(product, platforms, name) == [[4]]


def test_reconcile_without_a_registry_changes_nothing(product: Product, nora: Account, tmp_path: Path) -> None:
    name = f"{nora.username}/kept"
    make_image(tmp_path / "image")
    product.push(tmp_path / "image", f"{name}:1.0", nora)
    before = state(product, name)["tags"]
    code = (
        "from django.conf import settings\n"
        "from django.core.management import CommandError, call_command\n"
        "settings.REGISTRY_URL = 'http://127.0.0.1:1'\n"
        "try:\n"
        f"    call_command('reconcile', repository={name!r})\n"
        "except CommandError as error:\n"
        "    print(error)\n"
    )
    assert f"Not compared: {name}. Nothing was changed there." in product.shell(code)
    assert state(product, name)["tags"] == before
