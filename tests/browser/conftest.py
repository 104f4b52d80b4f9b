"""A real browser on our pages: a silent console, no breach of the content security policy, nothing found by axe."""

import os
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page

from tests.system.fixtures import docker, layout, product

__all__ = ["docker", "layout", "product"]

# Playwright's event loop runs in this thread, and Django would refuse the fixtures' queries there.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"

AXE = Axe()
RULES = ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa", "best-practice"]
VIEWS = {
    "light": ("light", 1440, 900),
    "dark": ("dark", 1440, 900),
    "phone light": ("light", 390, 844),
    "phone dark": ("dark", 390, 844),
}
REPORT = (
    "document.addEventListener('securitypolicyviolation', e => console.error('CSP', e.violatedDirective, e.blockedURI))"
)


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    args = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-background-networking", "--disable-component-update"]
    return {**browser_type_launch_args, "executable_path": shutil.which("chromium"), "args": args}


@pytest.fixture
def complaints() -> Iterator[list[str]]:
    """What browsers complained about; a test that ends with a complaint fails."""
    found: list[str] = []
    yield found
    assert found == []


@pytest.fixture
def open_context(browser: Browser, complaints: list[str]) -> Iterator[Callable[..., BrowserContext]]:
    """Contexts whose pages report to `complaints`."""
    contexts: list[BrowserContext] = []

    def watch(page: Page) -> None:
        page.on(
            "console", lambda m: complaints.append(f"{page.url}: {m.text}") if m.type in ("error", "warning") else None
        )
        page.on("pageerror", lambda error: complaints.append(f"{page.url}: {error}"))

    def open_one(**options: Any) -> BrowserContext:
        context = browser.new_context(**options)
        context.set_default_timeout(10_000)
        context.add_init_script(REPORT)
        context.on("page", watch)
        contexts.append(context)
        return context

    yield open_one
    for context in contexts:
        context.close()


@pytest.fixture
def inspect(open_context: Callable[..., BrowserContext]) -> Callable[..., None]:
    """Look at pages in light and dark, large and small: axe finds nothing, nothing is wider than the screen."""

    def look(base: str, paths: list[str], cookies: list[dict[str, Any]] | None = None) -> None:
        for view, (scheme, width, height) in VIEWS.items():
            context = open_context(color_scheme=scheme, viewport={"width": width, "height": height})
            if cookies:
                context.add_cookies(cookies)  # type: ignore[arg-type]
            page = context.new_page()
            for path in paths:
                page.goto(base + path)
                where = f"{path} ({view})"
                assert axe(page) == [], where
                assert not page.evaluate("document.documentElement.scrollWidth > innerWidth"), f"{where} is too wide"

    return look


def axe(page: Page) -> list[str]:
    """One line for each rule broken, with the elements that break it."""
    found = AXE.run(page, options={"runOnly": RULES}).response["violations"]
    return [f"{rule['id']}: {[node['target'] for node in rule['nodes']]}" for rule in found]
