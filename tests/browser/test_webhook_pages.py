"""The pages on which people make and change webhooks in a real browser: axe, phone, live preview, without script."""

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import BrowserContext, Page, expect

from orgs.models import Organization
from portal.accounts.models import User
from repositories.models import Repository
from repositories.webhooks import actions
from repositories.webhooks.models import Webhook
from tests import factories
from tests.browser.conftest import axe
from tests.browser.test_repository import base, cookies
from tests.factories import images, webhooks
from tests.factories.orgs import make_organization

__all__ = ["base"]

pytestmark = pytest.mark.django_db(transaction=True)
Open = Callable[..., BrowserContext]
ALL = "/alice/shop/-/webhooks"
URL = "https://93.184.215.14/hooks/ci?token=s3cret"


@pytest.fixture
def shop(alice: User) -> Repository:
    row = factories.make_repository(alice, "shop", visibility="public", description="The shop's front end")
    images.push_image(row, "1.4.2", by=alice)
    row.refresh_from_db()
    return row


@pytest.fixture
def acme(alice: User) -> Organization:
    return make_organization(alice, "acme")


@pytest.fixture
def hooks(alice: User, shop: Repository) -> list[Webhook]:
    """One that works, one that fails, one that is paused; and one of the namespace."""
    works, fails, paused = (webhooks.make_webhook(alice, shop, name) for name in ("CI of the shop", "Chat", "Deploy"))
    webhooks.make_delivery(works)
    webhooks.make_delivery(fails, state="waiting", status=None, error="No answer within 10 s.")
    webhooks.make_delivery(paused, state="held", status=503)
    since = timezone.now() - timedelta(hours=30)
    Webhook.objects.filter(pk=fails.pk).update(failing_since=timezone.now() - timedelta(hours=2))
    Webhook.objects.filter(pk=paused.pk).update(
        is_active=False, disabled_by=Webhook.DisabledBy.FAILING, failing_since=since, paused_at=timezone.now()
    )
    every = ["push", "tag.delete", "repository.create", "repository.delete", "grant"]
    actions.create_webhook(
        actor=factories.actor(alice), place=shop.namespace, name="Everything", url=URL, format="moorage", events=every
    )
    return [works, fails, paused]


@pytest.fixture(autouse=True)
def _leaving(complaints: list[str]) -> Iterator[None]:
    """Whoever saves while the next payload is on its way takes htmx's request away, which it tells the console."""
    yield
    complaints[:] = [each for each in complaints if "htmx:sendAbort" not in each and "htmx:afterRequest" not in each]


def open_page(open_context: Open, user: User, base: str, path: str, **options: Any) -> Page:
    context = open_context(**options)
    context.add_cookies(cookies(user, base))  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(base + path)
    return page


def test_pages_look_well(
    alice: User, acme: Organization, hooks: list[Webhook], base: str, inspect: Callable[..., None]
) -> None:
    own, paused = [ALL, f"{ALL}/{hooks[0].pk}/edit"], f"{ALL}/{hooks[2].pk}"
    inspect(base, [*own, paused, "/alice/-/webhooks/new", "/acme/-/webhooks"], cookies(alice, base))


def test_makes_one_and_shows_its_secret_once(alice: User, shop: Repository, base: str, open_context: Open) -> None:
    page = open_page(open_context, alice, base, ALL, viewport={"width": 390, "height": 844})
    page.get_by_role("link", name="Add webhook").click()
    page.get_by_label("Name", exact=True).fill("Deploy")
    page.get_by_label("URL").fill(URL)
    page.get_by_label("Tag deleted").check()
    expect(page.locator("#about_tag\\.delete")).to_have_text("Not in this format.", use_inner_text=True)
    page.get_by_label("Moorage", exact=False).first.check()
    page.get_by_label("Name of header 1").fill("Authorization")
    page.get_by_role("button", name="Add a header").click()
    expect(page.get_by_label("Name of header 2")).to_be_focused()
    page.get_by_label("Value of header 1").fill("Bearer abc")
    page.get_by_role("button", name="Create webhook").click()
    expect(page.get_by_text("this page is the only one that ever shows it")).to_be_visible()
    assert page.locator(".command-secret code").inner_text().startswith("whsec_")
    assert axe(page) == []
    hook = Webhook.objects.get()
    assert (hook.format, hook.events, hook.headers) == (
        "moorage",
        ["push", "tag.delete"],
        {"Authorization": "Bearer abc"},
    )
    page.get_by_role("link", name="I have copied it").click()
    expect(page.get_by_role("heading", name="Deploy")).to_be_visible()
    page.get_by_role("link", name="Edit").click()
    assert "Bearer abc" not in page.content()
    page.get_by_role("button", name="Remove Authorization").click()
    expect(page.get_by_label("New value of Authorization")).to_have_count(0)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("“Deploy” is saved.")).to_be_visible()
    hook.refresh_from_db()
    assert hook.headers == {}


def test_shows_the_next_payload_while_one_chooses(alice: User, shop: Repository, base: str, open_context: Open) -> None:
    page = open_page(open_context, alice, base, f"{ALL}/new")
    preview = page.locator("#preview")
    expect(preview).to_contain_text('"repo_name": "alice/shop"')
    page.get_by_label("Moorage", exact=False).first.check()
    expect(preview).to_contain_text('"1.4.2"')
    expect(preview).not_to_contain_text("repo_name")
    page.locator("#id_events_star").check()
    page.get_by_label("If this happened now").select_option("star")
    expect(preview).to_contain_text('"star"')


def test_starts_from_a_shipped_template_on_a_phone(
    alice: User, shop: Repository, base: str, open_context: Open
) -> None:
    page = open_page(open_context, alice, base, f"{ALL}/new", viewport={"width": 390, "height": 844})
    page.get_by_text("A template of your own").click()
    page.get_by_label("Start from").select_option("github")
    page.get_by_role("button", name="Put it in").click()
    expect(page.get_by_label("Template", exact=True)).to_have_value(re.compile("moorage"))
    expect(page.get_by_label("Value of header 2")).to_have_value("Bearer ⟨token⟩")
    expect(page.locator("#preview")).to_contain_text('"event_type": "moorage.push"')
    assert axe(page) == []
    assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")


def test_works_without_script(alice: User, shop: Repository, base: str, open_context: Open) -> None:
    page = open_page(open_context, alice, base, f"{ALL}/new", java_script_enabled=False)
    page.get_by_label("Name", exact=True).fill("Deploy")
    page.get_by_label("URL").fill(URL)
    page.get_by_role("button", name="Add a header").click()
    page.get_by_label("Name of header 2").fill("X-Team")
    page.get_by_label("Value of header 2").fill("shop")
    page.get_by_text("Docker Hub, with this registry's host").click()
    page.get_by_role("button", name="Preview").click()
    expect(page.locator("#preview")).to_contain_text("/alice/shop")
    assert not Webhook.objects.exists()
    page.get_by_label("Value of header 2").press("Enter")
    expect(page.locator(".command-secret")).to_be_visible()
    hook = Webhook.objects.get()
    assert (hook.format, hook.headers) == ("dockerhub-qualified", {"X-Team": "shop"})


def test_rotates_and_resumes(alice: User, hooks: list[Webhook], base: str, open_context: Open) -> None:
    page = open_page(open_context, alice, base, ALL)
    page.get_by_role("button", name="Resume Deploy").click()
    expect(page.get_by_text("The delivery that it missed is sent now.")).to_be_visible()
    page.get_by_label("More").click()
    page.get_by_role("button", name="Rotate the signing secret").click()
    assert axe(page) == []
    page.get_by_role("button", name="Make a new secret").click()
    expect(page.get_by_text("Deliveries are signed with the secret of before, too")).to_be_visible()
    hooks[2].refresh_from_db()
    assert len(hooks[2].signing_secrets(timezone.now())) == 2
