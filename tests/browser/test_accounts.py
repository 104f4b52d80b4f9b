"""Accounts in a real browser: every page by axe, and the ways through them with and without a script."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth import SESSION_KEY
from django.core import mail
from django.test import Client
from playwright.sync_api import BrowserContext, Page, expect

from portal.accounts.models import PersonalAccessToken, User
from tests import factories
from tests.browser.conftest import axe
from tests.conftest import signed_in

pytestmark = pytest.mark.django_db(transaction=True)
Open = Callable[..., BrowserContext]


@pytest.fixture
def base(live_server: Any, settings: Any) -> str:
    settings.PUBLIC_URL = live_server.url
    return str(live_server.url)


def cookies(client: Client, base: str) -> list[dict[str, Any]]:
    assert client.session[SESSION_KEY]
    return [{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": base}]


def sign_up(page: Page, base: str, name: str = "dora") -> None:
    page.goto(f"{base}/accounts/signup/")
    page.get_by_label("Username").fill(name)
    page.get_by_label("E-mail address").fill(f"{name}@example.org")
    page.locator("#id_password1").fill(factories.PASSWORD)
    page.get_by_role("button", name="Create account").click()


def confirmation_path() -> str:
    link = re.search(r"/accounts/confirm-email/\S+/", str(mail.outbox[0].body))
    assert link
    return link.group(0)


def test_pages_for_visitors(base: str, inspect: Callable[..., None]) -> None:
    inspect(
        base,
        [
            "/accounts/login/",
            "/accounts/signup/",
            "/accounts/password/reset/",
            "/accounts/password/reset/done/",
            "/accounts/confirm-email/nonsense/",
            "/accounts/inactive/",
            "/accounts/password/reset/key/1-nonsense/",
        ],
    )


def test_pages_for_users(base: str, alice: User, alices_client: Client, inspect: Callable[..., None]) -> None:
    token, _secret = factories.make_access_token(alice, label="CI")
    pages = ["tokens/", "tokens/new/", f"tokens/{token.public_id}/delete/", "profile/", "namespace/", "email/"]
    more = ["password/change/", "logout/"]
    inspect(base, [f"/accounts/{page}" for page in pages + more], cookies(alices_client, base))


def test_pages_for_a_user_whose_address_is_not_confirmed(base: str, eve: User, inspect: Callable[..., None]) -> None:
    inspect(base, ["/", "/accounts/email/", "/accounts/tokens/"], cookies(signed_in(eve), base))


@pytest.mark.parametrize("script", [True, False], ids=["with script", "without script"])
def test_from_sign_up_to_a_confirmed_address(base: str, open_context: Open, script: bool) -> None:
    page = open_context(java_script_enabled=script).new_page()
    sign_up(page, base, "Dora")
    expect(page.get_by_text("Use lower-case letters only.")).to_be_visible()
    page.get_by_label("Username").fill("dora")
    page.locator("#id_password1").fill(factories.PASSWORD)
    page.get_by_role("button", name="Create account").click()
    expect(page.get_by_text("Until then you can look around and pull.")).to_be_visible()
    page.goto(base + confirmation_path())
    page.get_by_role("button", name="Yes, confirm").click()
    expect(page.get_by_text("dora@example.org is confirmed.")).to_be_visible()
    expect(page.get_by_text("Until then you can look around and pull.")).to_have_count(0)
    expect(page.get_by_role("heading", name="Push your first image")).to_be_visible()


@pytest.mark.parametrize("script", [True, False], ids=["with script", "without script"])
def test_sign_out_by_the_menu_and_in_again(base: str, bob: User, open_context: Open, script: bool) -> None:
    page = open_context(java_script_enabled=script).new_page()
    page.goto(f"{base}/accounts/login/")
    for password in ("wrong", factories.PASSWORD):
        page.get_by_label("Username or e-mail address").fill("bob")
        page.locator("#id_password").fill(password)
        page.get_by_role("main").get_by_role("button", name="Sign in").click()
    page.get_by_label("Account menu of bob").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_text("You are signed out.")).to_be_visible()


def test_a_token_is_made_copied_and_deleted(base: str, alice: User, alices_client: Client, open_context: Open) -> None:
    context = open_context()
    context.add_cookies(cookies(alices_client, base))  # type: ignore[arg-type]
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = context.new_page()
    page.goto(f"{base}/accounts/tokens/")
    page.get_by_role("link", name="New access token").click()
    page.get_by_label("Label").fill("CI")
    page.get_by_text("Read and write").click()
    expect(page.get_by_label("Expiry date")).to_be_hidden()
    page.get_by_label("Expires").select_option("date")
    page.get_by_label("Expiry date").fill("2099-01-01")
    page.get_by_role("button", name="Create token").click()
    page.get_by_role("button", name="Copy the token").click()
    expect(page.locator("#announcer")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()").startswith(PersonalAccessToken.PREFIX)
    assert axe(page) == []
    page.get_by_role("link", name="I have copied it").click()
    page.get_by_role("link", name="Delete CI").click()
    page.get_by_role("button", name="Delete token").click()
    expect(page.get_by_text("No access tokens yet")).to_be_visible()


def test_a_password_can_be_shown_but_is_sent_as_one(base: str, alice: User, open_context: Open) -> None:
    page = open_context().new_page()
    page.goto(f"{base}/accounts/login/")
    password = page.locator("#id_password")
    page.get_by_label("Show password").click()
    expect(password).to_have_attribute("type", "text")
    page.get_by_label("Show password").click()
    expect(password).to_have_attribute("type", "password")


def test_pages_for_operators(base: str, alice: User, bob: User, inspect: Callable[..., None]) -> None:
    alice.is_staff = alice.is_superuser = True
    alice.save()
    inspect(base, ["/admin/", "/admin/accounts/user/"], cookies(signed_in(alice), base))
