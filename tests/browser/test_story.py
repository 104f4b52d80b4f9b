"""The first hour of one person on the real product: every page by hand, images pushed by a real client."""

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests import factories
from tests.browser.conftest import axe
from tests.system.product import Account, Product, make_image, wait_until
from tests.system.receiver import Receiver, receiving, status

Open = Callable[..., BrowserContext]
ALICE, BOB = "story-alice", "story-bob"
REPOSITORY = f"{ALICE}/myfirstapp"
FORM_CAME_BACK = "Failed to load resource: the server responded with a status of 422 (Unprocessable Entity)"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as running:
        yield running


def sign_up(product: Product, page: Page, name: str) -> None:
    """Through the form and the link in the mail."""
    email = f"{name}@example.org"
    page.goto(f"{product.url}/accounts/signup/")
    page.get_by_label("Username").fill(name)
    page.get_by_label("E-mail address").fill(email)
    page.locator("#id_password1").fill(factories.PASSWORD)
    page.get_by_role("button", name="Create account").click()
    expect(page.get_by_text("Until then you can look around and pull.")).to_be_visible()
    page.goto(f"{product.url}/new")
    expect(page.get_by_text("Confirm your e-mail address before you create a repository.")).to_be_visible()
    assert axe(page) == []
    wait_until(lambda: product.mails(to=email), what="the mail")
    text = product.mails(to=email)[0].get_body(("plain",))
    assert text is not None
    link = re.search(r"https?://\S+/accounts/confirm-email/\S+/", text.get_content())
    assert link
    page.goto(link.group(0))
    page.get_by_role("button", name="Yes, confirm").click()


def create(product: Product, page: Page, name: str, *, public: bool) -> None:
    page.get_by_role("banner").get_by_role("link", name="New repository").click()
    expect(page.get_by_role("radio", name=re.compile("^Private"))).to_be_checked()
    page.get_by_label("Name", exact=True).fill("My First App")
    page.get_by_role("button", name="Create repository").click()
    expect(page.get_by_text("Use lower-case letters only: docker accepts no others.")).to_be_visible()
    assert axe(page) == []
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_label("Description").fill("What the story is about")
    if public:
        page.get_by_role("radio", name=re.compile("^Public")).check()
    page.get_by_role("button", name="Create repository").click()
    expect(page).to_have_url(f"{product.url}/{ALICE}/{name}")
    expect(page.get_by_text(f"docker push {product.host}/{ALICE}/{name}", exact=True)).to_be_visible()


def push(product: Product, folder: Path, text: str, *tags: str) -> str:
    """Push one image under several tags; its digest."""
    image = make_image(folder, text)
    for tag in tags:
        product.push(folder, f"{REPOSITORY}:{tag}", Account(ALICE, factories.PASSWORD))
    return image.digest


def row(page: Page, tag: str) -> str:
    return page.get_by_role("row").filter(has=page.get_by_role("link", name=tag, exact=True)).inner_text()


def add_webhook(page: Page, url: str) -> None:
    page.locator(".tabs").get_by_role("link", name="Webhooks").click()
    expect(page.get_by_text("No webhooks yet")).to_be_visible()
    page.get_by_role("link", name="Add webhook").click()
    page.get_by_label("Name", exact=True).fill("CI")
    page.get_by_label("URL").fill("http://10.1.2.3/")
    page.get_by_role("button", name="Create webhook").click()
    expect(page.locator("#id_url_error")).to_be_visible()
    expect(page.locator("#preview")).to_contain_text(f'"repo_name": "{REPOSITORY}"')
    page.get_by_label("URL").fill(url)
    page.get_by_role("button", name="Create webhook").click()
    expect(page.get_by_text("“CI” is ready")).to_be_visible()
    expect(page.locator(".command-secret")).to_contain_text("whsec_")


def see_the_first_push(product: Product, alice: BrowserContext, page: Page, layout: Path) -> str:
    """The page that waits for it shows it by itself, a fresh one at once. Returns the digest."""
    home = f"{product.url}/{REPOSITORY}"
    live = alice.new_page()
    live.goto(home)
    digest = push(product, layout, "one", "latest", "0.0.1")
    pushed = time.monotonic()
    page.goto(f"{home}/-/tags")
    for tag in ("latest", "0.0.1"):
        shown = row(page, tag)
        for word in (digest[:19], ALICE, "just now"):
            assert word in shown, shown
    assert time.monotonic() - pushed < 5  # a second at most on a machine that has nothing else to do
    assert page.locator(f'[data-copy^="docker pull {product.host}/{REPOSITORY}"]').count() == 2
    expect(live.get_by_role("link", name="0.0.1")).to_be_visible()
    expect(page.get_by_role("table").get_by_text("linux/amd64")).to_have_count(
        2
    )  # read by a task a moment later, shown by the poll
    assert re.search(r"\d (k|M)?B", row(page, "0.0.1"))
    return digest


def see_the_tag_move(product: Product, page: Page, receiver: Receiver, layout: Path, first: str) -> bytes:
    """By another push, of which the webhook hears. Returns what it heard."""
    second = push(product, layout, "two", "latest")
    page.goto(f"{product.url}/{REPOSITORY}/-/tags")
    assert second[:19] in row(page, "latest")
    assert f"moved from {first[:19]} by {ALICE}, just now" in row(page, "latest")
    [heard] = receiver.wait("/ci", 1)
    assert heard.json["push_data"]["tag"] == "latest"
    assert heard.json["repository"]["repo_name"] == REPOSITORY
    return heard.body


def read_the_log(page: Page, receiver: Receiver, body: bytes) -> list[str]:
    """The delivery with its answer, and the same bytes once more. Returns the addresses of the pages."""
    page.locator(".tabs").get_by_role("link", name="Webhooks").click()
    page.get_by_role("link", name="CI", exact=True).click()
    webhook = page.url
    delivered = page.get_by_role("row").filter(has_text="latest")
    expect(delivered).to_contain_text("Delivered")
    expect(delivered).to_contain_text(re.compile(r"200 OK\s+\d+ ms"))
    page.get_by_role("link", name="latest").click()
    delivery = page.url
    expect(page.get_by_text('"queued": true')).to_be_visible()
    expect(page.get_by_label("Payload", exact=True)).to_contain_text(f'"repo_name": "{REPOSITORY}"')
    page.get_by_role("button", name="Send again").click()
    expect(page.get_by_text("It is being sent again.")).to_be_visible()
    assert receiver.wait("/ci", 2)[1].body == body
    expect(page.get_by_text("Delivered", exact=True)).to_be_visible()
    return [webhook, delivery]


def read_the_history(page: Page) -> None:
    page.locator(".tabs").get_by_role("link", name="History").click()
    for told in ("moved to another digest", "password", re.compile("skopeo")):
        expect(page.get_by_text(told).first).to_be_visible()


def comment(page: Page, *texts: str) -> None:
    for text in texts:
        page.get_by_label("Your comment").fill(text)
        page.get_by_role("button", name="Comment", exact=True).click()
        expect(page.get_by_text(text)).to_be_visible()


def delete_newest_comment(page: Page) -> None:
    page.get_by_role("button", name=f"Delete the comment of {BOB}").first.click()
    page.get_by_role("button", name="Delete the comment", exact=True).click()
    expect(page.get_by_text("The comment is deleted.")).to_be_visible()


def come_by(product: Product, page: Page) -> None:
    """Bob reads, signs in from there, stars, comments twice and thinks again about the second."""
    product.signup(BOB, password=factories.PASSWORD)
    comments = f"{product.url}/{REPOSITORY}/-/comments"
    page.goto(comments)
    page.get_by_role("main").get_by_role("link", name="Sign in", exact=True).click()
    page.get_by_label("Username or e-mail address").fill(BOB)
    page.locator("#id_password").fill(factories.PASSWORD)
    page.get_by_role("main").get_by_role("button", name="Sign in").click()
    expect(page).to_have_url(comments)
    page.get_by_role("button", name="Star this repository").click()
    expect(page.locator("#star")).to_have_text(re.compile(r"Starred\s*1"))
    comment(page, "Thank you!", "A second thought")
    delete_newest_comment(page)
    expect(page.get_by_text("A second thought")).to_have_count(0)
    assert axe(page) == []


def make_private(page: Page) -> None:
    page.locator(".tabs").get_by_role("link", name="Settings").click()
    page.get_by_role("button", name="Make private").click()
    page.get_by_role("button", name="Yes, make it private").click()
    expect(page.get_by_text(f"{REPOSITORY} is private now.")).to_be_visible()


def test_the_first_hour(
    product: Product,
    open_context: Open,
    receiver: Receiver,
    layout: Path,
    inspect: Callable[..., None],
    complaints: list[str],
) -> None:
    alice = open_context()
    page = alice.new_page()
    sign_up(product, page, ALICE)
    create(product, page, "myfirstapp", public=True)
    first = see_the_first_push(product, alice, page, layout)
    add_webhook(page, receiver.on("/ci", status(200, b'{"queued": true}', {"Content-Type": "application/json"})))
    heard = see_the_tag_move(product, page, receiver, layout, first)
    addresses = read_the_log(page, receiver, heard)
    read_the_history(page)

    bob = open_context()
    come_by(product, bob.new_page())
    page.locator(".tabs").get_by_role("link", name="Comments").click()
    pages = ["", "/-/tags", "/-/tags/latest", "/-/history", "/-/comments", "/-/settings", "/-/webhooks"]
    seen = [f"/{REPOSITORY}{path}" for path in pages] + [address.removeprefix(product.url) for address in addresses]
    cookies = [{"name": each["name"], "value": each["value"], "url": product.url} for each in alice.cookies()]
    inspect(product.url, ["/", f"/{ALICE}", *seen], cookies)

    delete_newest_comment(page)
    expect(page.get_by_text("No comments yet")).to_be_visible()
    make_private(page)
    for visitor in ({}, {each["name"]: each["value"] for each in bob.cookies()}):
        for path in pages:
            assert product.get(f"/{REPOSITORY}{path}", cookies=visitor).status_code == 404
    # The two forms that came back with errors are all that the browser had to say.
    # htmx tells it, too, when a form is sent while the preview beside it is on its way.
    assert [text.partition(": ")[2] for text in complaints if "htmx:" not in text] == [FORM_CAME_BACK] * 2
    complaints.clear()
