"""The registry's pages in a real browser, with a real registry behind: axe, phone, dark, without script, live."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import BrowserContext, expect

from portal.accounts.models import User
from repositories.models import Repository
from repositories.sync import runs
from repositories.sync.models import Difference, RegistryInstance, RepositorySync, Run
from tests import factories
from tests.browser.test_repository import base, cookies
from tests.factories.sync import make_missing, make_operator, make_round
from tests.real_registry import RealRegistry, running_registry

__all__ = ["base"]

pytestmark = pytest.mark.django_db(transaction=True)
Open = Callable[..., BrowserContext]
PAGE = "/alice/private-app/-/settings/registry"


@pytest.fixture
def registry(tmp_path: Path, settings: Any) -> Iterator[RealRegistry]:
    with running_registry(tmp_path) as running:
        settings.REGISTRY_URL = running.url
        yield running


@pytest.fixture
def olga(db: None) -> User:
    return make_operator()


@pytest.fixture
def drift(registry: RealRegistry, private_app: Repository, alice: User) -> Repository:
    """A round that stopped, one that is under way, and differences of every kind."""
    stopped = make_round(
        "stopped", repositories=10, tags=240, added=3, removed=1, missing=42, errors=1, error="42 tags are missing."
    )
    Repository.objects.filter(pk=private_app.pk).update(tag_count=52)
    make_missing(private_app, *[f"1.{number}" for number in range(40)], run=stopped)
    make_missing(factories.make_repository(alice, "payments/api"), "2.0", "2.1", run=stopped)
    make_missing(private_app, "nightly", state="waiting")
    make_missing(private_app, "old", state="repaired")
    columns = {"repository": private_app, "state": "repaired", "settled_at": timezone.now()}
    Difference.objects.create(
        kind="moved_tag", tag="latest", ours=f"sha256:{1:064}", theirs=f"sha256:{2:064}", **columns
    )
    Difference.objects.create(kind="count", ours="12", theirs="13", **columns)
    RepositorySync.objects.create(
        repository=private_app,
        compared_at=timezone.now(),
        looked_at=timezone.now(),
        failures=1,
        error="It answered 500.",
        due_at=timezone.now(),
    )
    RegistryInstance.objects.create(instance="7f0c1c36-4f1a-4a55-a9f4-3c2a4c3b6f1e")
    make_round("running", repositories=4, tags=96)
    return private_app


def test_the_pages_in_light_and_dark_on_a_screen_and_on_a_phone(
    base: str, drift: Repository, olga: User, alice: User, inspect: Callable[..., None]
) -> None:
    paths = [
        "",
        "differences",
        "differences?state=settled",
        "runs",
        "health",
        "approve",
        "dismiss?repository=alice/private-app",
    ]
    inspect(base, [f"/registry/{path}" for path in paths], cookies(olga, base))
    inspect(base, [PAGE], cookies(alice, base))


@pytest.mark.parametrize("script", [True, False])
def test_a_plan_is_approved(base: str, drift: Repository, olga: User, open_context: Open, script: bool) -> None:
    context = open_context(java_script_enabled=script)
    context.add_cookies(cookies(olga, base))  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(f"{base}/registry/")
    page.get_by_role("link", name="Remove them here, too…").click()
    expect(page.get_by_text("42 tags of 2 repositories")).to_be_visible()
    page.get_by_role("button", name="Yes, remove 42 tags").click()
    expect(page.get_by_text("42 removals are approved.")).to_be_visible()
    expect(page.get_by_text("tags wait for you")).to_have_count(0)


def test_the_page_follows_a_round_by_itself(
    base: str, registry: RealRegistry, private_app: Repository, olga: User, open_context: Open
) -> None:
    registry.hold("alice/private-app", "1.0", "2.0")
    context = open_context()
    context.add_cookies(cookies(olga, base))  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(f"{base}/registry/")
    expect(page.get_by_text("Not compared yet")).to_be_visible()
    expect(page.get_by_text("The slowest of its answers took")).to_be_visible()
    page.get_by_role("button", name="Compare all now").click()
    expect(page.get_by_text("A comparison is under way")).to_be_visible()
    assert runs.work_on(Run.objects.get().pk)
    expect(page.get_by_text("1 repository, 2 tags").first).to_be_visible()
    expect(page.get_by_text("2 added").first).to_be_visible()


def test_an_admin_compares_their_own(
    base: str, registry: RealRegistry, private_app: Repository, alice: User, open_context: Open
) -> None:
    registry.hold("alice/private-app", "1.0")
    context = open_context()
    context.add_cookies(cookies(alice, base))  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(f"{base}{PAGE}")
    page.get_by_role("button", name="Compare now").click()
    expect(page.get_by_text("The registry is being asked…")).to_be_visible()
    assert runs.work_on(Run.objects.get().pk)
    expect(page.get_by_text("Tag that was not known here")).to_be_visible()
    expect(page.get_by_text("Added here")).to_be_visible()
