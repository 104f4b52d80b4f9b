"""The page of a tag and of an image in a real browser: axe, phone, keyboard, without script."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, expect

from portal.accounts.models import User
from repositories.images.models import Manifest
from repositories.models import Repository
from tests import factories
from tests.browser.test_repository import cookies
from tests.factories import artifacts as make, images
from tests.images.fake_registry import FakeRegistry, install

pytestmark = pytest.mark.django_db(transaction=True)
Open = Callable[..., BrowserContext]
TAGS = "/alice/shop/-/tags"
OCI = "org.opencontainers.image."
TOLD = {
    f"{OCI}title": "The shop's front end",
    f"{OCI}description": "Serves the pages of the shop, and nothing else.",
    f"{OCI}version": "2.4.0",
    f"{OCI}revision": "4f2c1a9d0b7e6c5d4a3b2c1d0e9f8a7b6c5d4e3f",
    f"{OCI}source": "https://github.com/example/shop.git",
    f"{OCI}documentation": "https://docs.example.org/shop",
    f"{OCI}licenses": "Apache-2.0",
    f"{OCI}base.name": "docker.io/library/debian:12-slim",
    "com.example.build": "https://ci.example.org/build/17",
    "com.example.long": "word " * 200,
}
CHART = {
    "name": "shop",
    "version": "1.2.3",
    "appVersion": "2.4.0",
    "description": "The whole shop, with its database",
    "home": "https://shop.example.org",
    "maintainers": [{"name": "Alice"}],
    "dependencies": [{"name": "postgresql", "version": "15.x", "repository": "oci://charts.example.org/bitnami"}],
}


@pytest.fixture
def base(live_server: Any) -> str:
    return str(live_server.url)


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> FakeRegistry:
    return install(monkeypatch)


@pytest.fixture
def shop(alice: User, registry: FakeRegistry) -> Repository:
    """A repository with images of all sorts."""
    row = factories.make_repository(alice, "shop", visibility="public", description="The shop's front end")
    single = images.push_image(row, "2.4.0", by=alice, seed="single")
    images.push_image(row, "stable", by=alice, seed="single")
    Manifest.objects.filter(pk=single.pk).update(annotations=TOLD)
    registry.hold(row.full_name, images.image_body("single"))
    pem = make.certificate("release@example.org", "https://token.actions.example.org")
    make.sign(row, single.digest, by=alice, certificate=pem)
    make.attach(row, single.digest, "application/spdx+json", by=alice)
    images.push_index(row, "multi", by=alice)
    make.push_built(row, "built", by=alice)
    make.push_artifact(
        row, "chart", "application/vnd.cncf.helm.config.v1+json", by=alice, config=CHART, files=["shop-1.2.3.tgz"]
    )
    images.push_image(row, "old", by=alice, seed="untagged")
    images.push_image(row, "old", by=alice, seed="single")
    return row


def test_every_image_page_is_fine_everywhere(inspect: Any, base: str, alice: User, shop: Repository) -> None:
    untagged = Manifest.objects.exclude(untagged_at=None).get()
    child = Manifest.objects.get(architecture="arm64")
    pages = [f"{TAGS}/{tag}" for tag in ("2.4.0", "multi", "built", "chart")]
    pages += [f"/alice/shop/-/images/{digest}" for digest in (untagged.digest, child.digest)]
    inspect(base, pages, cookies(alice, base))


def test_a_platform_is_chosen_by_keyboard(open_context: Open, base: str, shop: Repository) -> None:
    page = open_context().new_page()
    page.goto(f"{base}{TAGS}/multi")
    arm = page.get_by_role("link", name="linux/arm64/v8")
    expect(page.locator(".platform-card[aria-current]")).to_contain_text("linux/amd64")
    arm.focus()
    page.keyboard.press("Enter")
    expect(page.locator(".platform-card[aria-current]")).to_contain_text("linux/arm64/v8")
    assert "platform=linux" in page.url
    expect(page.locator(".platform-card[aria-current]")).to_be_focused()
    expect(page.locator(".part-line")).to_contain_text("linux/arm64/v8")
    page.reload()
    expect(page.locator(".platform-card[aria-current]")).to_contain_text("linux/arm64/v8")


@pytest.mark.parametrize("script", [True, False])
def test_pull_commands_are_chosen_by_tool_and_by_digest(
    open_context: Open,
    base: str,
    shop: Repository,
    script: bool,
) -> None:
    page = open_context(java_script_enabled=script).new_page()
    page.goto(f"{base}{TAGS}/2.4.0")
    digest = Manifest.objects.get(tags__name="2.4.0").digest
    host = base.removeprefix("http://")
    shown = page.locator(".pull-command code:visible")
    expect(shown).to_have_text(f"docker pull {host}/alice/shop:2.4.0")
    page.get_by_role("radio", name="Digest").check()
    expect(shown).to_have_text(f"docker pull {host}/alice/shop@{digest}")
    page.get_by_role("radio", name="Digest").press("ArrowLeft")
    page.get_by_role("radio", name="Docker").press("ArrowRight")
    expect(shown).to_have_text(f"podman pull --tls-verify=false {host}/alice/shop:2.4.0")
    page.get_by_role("radio", name="Kubernetes").check()
    expect(shown).to_have_text(f"image: {host}/alice/shop:2.4.0")


def test_the_raw_manifest_is_read_when_it_is_opened(
    open_context: Open, base: str, shop: Repository, registry: FakeRegistry
) -> None:
    page = open_context().new_page()
    page.goto(f"{base}{TAGS}/2.4.0")
    assert registry.calls == []
    page.get_by_text("Raw manifest").click()
    expect(page.locator(".raw-text")).to_contain_text('"schemaVersion": 2')
    assert len(registry.calls) == 1
    with page.expect_download() as download:
        page.get_by_role("link", name="Save it as a file").click()
    assert download.value.suggested_filename.startswith("shop-sha256-")
