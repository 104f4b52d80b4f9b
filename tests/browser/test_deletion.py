"""Deleting and restoring in a real browser, with a real registry behind: axe, phone, without script."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, expect

from portal.accounts.models import User
from repositories.images import image_actions, tag_actions
from repositories.images.models import Manifest
from repositories.images.reconcile import add
from repositories.models import Repository
from tests import factories
from tests.browser.conftest import axe
from tests.browser.test_repository import base, cookies
from tests.real_registry import CONFIG, LAYER, OCI, RealRegistry, running_registry

__all__ = ["base"]

pytestmark = pytest.mark.django_db(transaction=True)
Open = Callable[..., BrowserContext]
NAME = "alice/private-app"
PAGES = f"/{NAME}/-"


@pytest.fixture
def registry(tmp_path: Path, settings: object) -> Iterator[RealRegistry]:
    with running_registry(tmp_path) as running:
        settings.REGISTRY_URL = running.url  # type: ignore[attr-defined]
        yield running


@pytest.fixture
def app(private_app: Repository, registry: RealRegistry, alice: User) -> Repository:
    """1.0 and stable are one image, signed; multi has two platforms; old images of latest have no tag."""
    actor = factories.actor(alice)

    def found(digest: str, tag: str = "") -> str:
        add(private_app, digest, tag=tag)
        return digest

    one = registry.hold(NAME, "1.0", "stable", text="one", layers=3)
    found(one, "1.0")
    found(one, "stable")
    children = [registry.hold(NAME, text=text) for text in ("amd64", "arm64")]
    found(registry.hold_index(NAME, "multi", children=children), "multi")
    found(registry.hold(NAME, "2.0", text="two"), "2.0")
    found(registry.hold(NAME, "latest", text="first"), "latest")
    tag_actions.copy_tag(actor=actor, source=private_app, reference="2.0", repository=private_app, tag="latest")
    tag_actions.delete_tag(actor=actor, repository=private_app, tag="2.0")
    found(registry.hold(NAME, "3.0", text="three"), "3.0")
    tag_actions.delete_tag(actor=actor, repository=private_app, tag="3.0")
    lost = found(registry.hold(NAME, text="lost"))
    image_actions.delete_image(actor=actor, repository=private_app, digest=lost)
    Manifest.objects.filter(digest=lost).update(missing_since=Manifest.objects.get(digest=lost).untagged_at)
    signature = {
        "schemaVersion": 2,
        "mediaType": OCI,
        "artifactType": "application/vnd.dev.cosign.artifact.sig.v1+json",
        "config": registry._blob(NAME, b"{}", CONFIG),
        "layers": [registry._blob(NAME, b"signature", LAYER)],
        "subject": {"mediaType": OCI, "digest": one, "size": 1},
    }
    found(registry.put(NAME, json.dumps(signature).encode()))
    return private_app


def test_the_pages_in_light_and_dark_on_a_screen_and_on_a_phone(
    base: str, app: Repository, alice: User, inspect: Callable[..., None]
) -> None:
    one = app.tags.get(name="1.0").manifest.digest
    child = app.tags.get(name="multi").manifest.entries.all()[0].digest
    paths = ["tags/1.0/delete", "tags/multi/delete", f"images/{one}/delete", f"images/{child}/delete", "untagged"]
    inspect(base, [f"{PAGES}/{path}" for path in paths], cookies(alice, base))


@pytest.mark.parametrize("script", [True, False])
def test_a_tag_is_deleted_and_brought_back(
    base: str, app: Repository, registry: RealRegistry, alice: User, open_context: Open, script: bool
) -> None:
    digest = registry.digest(NAME, "multi")
    context = open_context(java_script_enabled=script)
    context.add_cookies(cookies(alice, base))  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(f"{base}{PAGES}/tags/multi/delete")
    expect(page.get_by_text("a platform of it that nothing else has")).to_have_count(2)
    page.get_by_role("button", name="Delete this tag").click()
    expect(page.get_by_text("The tag multi is deleted, and no other.")).to_be_visible()
    assert registry.tags(NAME) == ["1.0", "latest", "stable"]
    page.goto(f"{base}{PAGES}/untagged")
    page.get_by_role("button", name="Restore multi").click()
    expect(page.get_by_text("The tag multi is restored.")).to_be_visible()
    assert registry.digest(NAME, "multi") == digest


def test_an_image_with_two_tags_asks_for_the_name(
    base: str, app: Repository, registry: RealRegistry, alice: User, open_context: Open
) -> None:
    context = open_context()
    context.add_cookies(cookies(alice, base))  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(f"{base}{PAGES}/images/{registry.digest(NAME, '1.0')}/delete")
    expect(page.get_by_role("heading", name="Delete this image and its 2 tags?")).to_be_visible()
    button = page.get_by_role("button", name="Delete this image")
    expect(button).to_be_disabled()
    page.get_by_label(f"Type {NAME} to confirm").fill(NAME)
    button.click()
    expect(page.get_by_text("is deleted.")).to_be_visible()
    assert axe(page) == []
    assert registry.tags(NAME) == ["latest", "multi"]
