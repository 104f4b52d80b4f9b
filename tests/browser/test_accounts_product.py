"""The first minutes of a new person on the real product: browser, front door, mail folder, token endpoint."""

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import requests
from playwright.sync_api import BrowserContext, expect

from tests import factories
from tests.browser.conftest import axe
from tests.system.product import Product, wait_until

NAME = "browser-dora"
Open = Callable[..., BrowserContext]


def test_from_sign_up_to_a_token_that_docker_may_use(product: Product, open_context: Open) -> None:
    page = open_context().new_page()
    page.goto(f"{product.url}/")
    assert axe(page) == []
    page.get_by_role("main").get_by_role("link", name="Create an account").click()
    page.get_by_label("Username").fill(NAME)
    page.get_by_label("E-mail address").fill(f"{NAME}@example.org")
    page.locator("#id_password1").fill(factories.PASSWORD)
    page.get_by_role("button", name="Create account").click()
    expect(page.get_by_text("Until then you can look around and pull.")).to_be_visible()

    wait_until(lambda: product.mails(to=f"{NAME}@example.org"), what="the mail")
    message = product.mails(to=f"{NAME}@example.org")[0]
    text = message.get_body(("plain",))
    assert text is not None
    link = re.search(r"https?://\S+/accounts/confirm-email/\S+/", text.get_content())
    assert link
    assert link.group(0).startswith(product.url)
    page.goto(link.group(0))
    page.get_by_role("button", name="Yes, confirm").click()
    expect(page.get_by_role("heading", name="Push your first image")).to_be_visible()
    expect(page.get_by_text(f"docker login {product.host}")).to_be_visible()

    page.goto(f"{product.url}/accounts/tokens/new/")
    page.get_by_label("Label").fill("first machine")
    page.get_by_role("button", name="Create token").click()
    secret = page.locator(".command-secret code").inner_text()
    for credential, status in ((factories.PASSWORD, 200), (secret, 200), ("wrong", 401)):
        answer = product.get("/token", params={"service": "moorage"}, auth=(NAME, credential))
        assert answer.status_code == status, answer.text


def test_pages_come_with_a_strict_policy_and_files_that_may_be_kept(product: Product) -> None:
    page = product.get("/")
    policy = page.headers["Content-Security-Policy"]
    assert "script-src 'self'" in policy
    assert "style-src 'self'" in policy
    assert "unsafe" not in policy
    sheets = re.findall(r'href="(/static/css/[^"]+)"', page.text)
    assert len(sheets) >= 5
    for sheet in sheets:
        answer = product.get(sheet)
        assert answer.status_code == 200
        assert "immutable" in answer.headers["Cache-Control"]


def test_of_four_sign_ups_with_one_name_at_once_one_wins(product: Product) -> None:
    url, together = f"{product.url}/accounts/signup/", Barrier(4)

    def sign_up(number: int) -> requests.Response:
        with requests.Session() as session:
            session.get(url, timeout=30)
            form = {"username": "browser-race", "email": f"race-{number}@example.org", "password1": factories.PASSWORD}
            together.wait()
            token = session.cookies["csrftoken"]
            return session.post(
                url, {**form, "csrfmiddlewaretoken": token}, headers={"Referer": url}, allow_redirects=False, timeout=30
            )

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(sign_up, range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 200, 200, 302]
    for answer in answers:
        assert answer.status_code == 302 or "“browser-race” is taken. Choose another name." in answer.text
    rows = product.shell(
        "from portal.accounts.models import Namespace, User\n"
        "from allauth.account.models import EmailAddress\n"
        "print(User.objects.filter(username='browser-race').count(), "
        "Namespace.objects.filter(name='browser-race').count(), "
        "EmailAddress.objects.filter(email__startswith='race-').count())"
    )
    assert rows.split()[-3:] == ["1", "1", "1"]
