"""The audit log in a browser: accessible in light and dark, large and small; filters with and without script."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, expect

from portal.accounts.actor import ANONYMOUS, SYSTEM
from portal.accounts.models import User
from repositories.actions import create_repository
from tests import factories
from tests.conftest import signed_in
from tests.factories import events, orgs

PATHS = [
    "/acme/-/audit",
    "/acme/app/-/audit",
    "/accounts/audit/",
    "/accounts/audit/all/",
    "/acme/-/audit?person=nobody",
]


@pytest.fixture
def log(transactional_db, alice: User, bob: User) -> User:
    """One of each kind of row. Alice is an operator too."""
    alice.is_superuser = alice.is_staff = True
    alice.save()
    acme = orgs.make_organization(alice, "acme")
    orgs.add_member(acme, bob)
    app = create_repository(
        actor=factories.actor(alice), namespace="acme", name="app", visibility="private", description="The thing"
    )
    here = {"namespace": "acme", "repository_id": app.pk}
    digest = "sha256:" + "0123456789abcdef" * 4
    events.make_event(events.robot(), "repo.tag.push", **here, target="acme/app:1.4.2", new={"digest": digest})
    events.make_event(
        bob,
        "repo.grant.update",
        **here,
        target="acme/app",
        old={"pattern": "payments/*", "team": "image-users", "role": "read", "expires_at": None},
        new={"pattern": "payments/*", "team": "image-users", "role": "write", "expires_at": "2027-01-01T00:00:00Z"},
    )
    events.make_event(ANONYMOUS, "repo.access_refused", namespace="acme", target="acme/app", new={"actions": ["push"]})
    events.make_event(SYSTEM, "repo.webhook.disable", **here, target="acme/app: CI", new={"is_active": False})
    events.make_event(alice, "org.team.delete", namespace="acme", target="a-team-with-a-name-that-is-rather-long")
    return alice


def cookies(base: str, user: User) -> list[dict[str, Any]]:
    return [{"name": "sessionid", "value": signed_in(user).cookies["sessionid"].value, "url": base}]


def test_nothing_is_found_by_axe(live_server, log: User, inspect: Callable[..., None]) -> None:
    inspect(live_server.url, PATHS, cookies(live_server.url, log))


def test_filters_change_the_list_in_place(live_server, log: User, open_context: Callable[..., BrowserContext]) -> None:
    context = open_context()
    context.add_cookies(cookies(live_server.url, log))  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(f"{live_server.url}/acme/-/audit")
    page.evaluate("window.kept = true")
    page.get_by_label("What", exact=True).select_option("repo.grant.update")
    rows = page.locator(".audit-table tbody")
    expect(rows).to_have_count(1)
    assert page.evaluate("window.kept")
    assert "action=repo.grant.update" in page.url
    rows.get_by_text("Changes and details").click()
    expect(rows.locator("ins", has_text="write")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name="Export as CSV").click()
    text = download.value.path().read_text()
    assert "repo.grant.update" in text
    assert "repo.tag.push" not in text


def test_filters_work_without_script(live_server, log: User, open_context: Callable[..., BrowserContext]) -> None:
    context = open_context(java_script_enabled=False)
    context.add_cookies(cookies(live_server.url, log))  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(f"{live_server.url}/acme/-/audit")
    page.get_by_label("Who").fill("bob")
    page.get_by_role("button", name="Filter").click()
    expect(page.locator(".audit-table tbody")).to_have_count(1)
    page.get_by_role("link", name="Reset").click()
    assert page.locator(".audit-table tbody").count() > 5
