"""The frame of every page, and every component, in a real browser."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from portal.accounts.models import User
from tests import factories
from tests.browser.conftest import axe

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.urls("tests.web.gallery")]
Open = Callable[..., BrowserContext]
GALLERY = "/-/gallery"


@pytest.fixture
def base(live_server: Any) -> str:
    return str(live_server.url)


@pytest.fixture
def gallery(base: str, open_context: Open) -> Page:
    page = open_context().new_page()
    page.goto(base + GALLERY)
    return page


def test_every_component_and_page(base: str, alice: User, inspect: Callable[..., None]) -> None:
    factories.make_repository(alice, "app", visibility="public", description="What it is")
    inspect(base, [GALLERY, "/", "/explore", "/search?q=app", "/search?q=nothing"])


@pytest.mark.parametrize("view", [(1440, "light"), (390, "dark")])
def test_the_page_of_something_that_is_not_there(base: str, browser: Any, view: tuple[int, str]) -> None:
    context = browser.new_context(viewport={"width": view[0], "height": 844}, color_scheme=view[1])
    page = context.new_page()
    page.goto(f"{base}/no-such-name/nothing")
    assert axe(page) == []
    context.close()


def test_the_theme_changes_at_once_and_stays(gallery: Page) -> None:
    def canvas() -> str:
        return str(gallery.evaluate("getComputedStyle(document.body).backgroundColor"))

    light = canvas()
    gallery.get_by_label("Colours").click()
    gallery.get_by_role("button", name="Dark").click()
    dark = canvas()
    assert light != dark
    gallery.reload()
    assert canvas() == dark


def test_the_theme_changes_without_script(base: str, open_context: Open) -> None:
    page = open_context(java_script_enabled=False).new_page()
    page.goto(base + GALLERY)
    page.get_by_label("Colours").click()
    page.get_by_role("button", name="Dark").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    assert page.url == base + GALLERY


def test_deletion_waits_for_the_name(gallery: Page) -> None:
    gallery.get_by_role("button", name="Delete repository").click()
    dialog = gallery.get_by_role("dialog")
    button = dialog.get_by_role("button", name="Delete this repository")
    name = dialog.get_by_role("textbox")
    expect(name).to_be_focused()
    expect(button).to_be_disabled()
    name.fill("alice/myfirstap")
    expect(button).to_be_disabled()
    name.fill("alice/myfirstapp")
    expect(button).to_be_enabled()
    gallery.keyboard.press("Escape")
    expect(dialog).to_be_hidden()


def test_a_dialog_opens_and_closes_without_script(base: str, open_context: Open) -> None:
    page = open_context(java_script_enabled=False).new_page()
    page.goto(base + GALLERY)
    page.get_by_role("button", name="Delete repository").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("button", name="Delete this repository")).to_be_enabled()
    dialog.get_by_role("button", name="Close").click()
    expect(dialog).to_be_hidden()


def test_a_menu_closes_on_escape_and_on_a_click_elsewhere(gallery: Page) -> None:
    for leave in (lambda: gallery.keyboard.press("Escape"), lambda: gallery.mouse.click(5, 400)):
        gallery.get_by_label("More", exact=True).click()
        expect(gallery.locator("details[open]")).to_have_count(1)
        leave()
        expect(gallery.locator("details[open]")).to_have_count(0)


def test_a_message_can_be_dismissed(gallery: Page) -> None:
    gallery.get_by_role("button", name="Dismiss").click()
    expect(gallery.get_by_text("The repository was created.")).to_have_count(0)


def test_without_script_nothing_is_offered_that_needs_one(base: str, open_context: Open) -> None:
    page = open_context(java_script_enabled=False).new_page()
    page.goto(base + GALLERY)
    expect(page.get_by_role("button", name="Dismiss")).to_have_count(0)
    expect(page.get_by_role("button", name="Copy command")).to_have_count(0)


def test_a_slash_goes_to_the_search_and_the_first_tab_stop_skips_the_header(gallery: Page) -> None:
    gallery.keyboard.press("Tab")
    expect(gallery.get_by_role("link", name="Skip to the content")).to_be_focused()
    gallery.keyboard.press("/")
    expect(gallery.get_by_role("searchbox")).to_be_focused()


def test_search_answers_while_one_types(base: str, alice: User, open_context: Open) -> None:
    for name in ("shop", "api"):
        factories.make_repository(alice, name, visibility="public")
    page = open_context().new_page()
    page.goto(f"{base}/search")
    expect(page.locator("#results .item")).to_have_count(2)
    page.get_by_label("Name or description").press_sequentially("sho")
    expect(page.locator("#results .item")).to_have_count(1)
    expect(page.get_by_text("1 repository on this page")).to_have_count(1)
    assert "q=sho" in page.url
