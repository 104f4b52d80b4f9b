"""The API reference in a real browser: everything open, light and dark, large and small."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import BrowserContext

from tests.browser.conftest import axe

pytestmark = pytest.mark.django_db(transaction=True)
Open = Callable[..., BrowserContext]
PATH = "/docs/api"


def test_it_is_accessible_closed(live_server: Any, inspect: Callable[..., None]) -> None:
    inspect(str(live_server.url), [PATH])


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (390, "dark")])
def test_it_is_accessible_open(live_server: Any, open_context: Open, width: int, scheme: Any) -> None:
    page = open_context(viewport={"width": width, "height": 900}, color_scheme=scheme).new_page()
    page.goto(f"{live_server.url}{PATH}")
    page.evaluate("document.querySelectorAll('details.operation').forEach(each => each.open = true)")
    assert axe(page) == []
    assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")


def test_an_operation_opens_without_script(live_server: Any, open_context: Open) -> None:
    page = open_context(java_script_enabled=False).new_page()
    page.goto(f"{live_server.url}{PATH}")
    page.get_by_text("Create an access token", exact=True).first.click()
    assert page.locator("details[open]").get_by_text("token_label").first.is_visible()
