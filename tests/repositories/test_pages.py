"""Create, namespace, comments, stars, settings: what the pages say and do."""

import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from portal.accounts.models import User
from portal.kit.text import markdown
from repositories.actions import COMMENTS_PER_MINUTE, add_comment
from repositories.models import Comment, Repository, Star
from tests import factories
from tests.conftest import signed_in

COMMENTS = "/alice/public-app/-/comments"
SETTINGS = "/alice/public-app/-/settings"
NEW = {"namespace": "alice", "name": "myfirstapp", "description": "", "visibility": "private"}


def text_of(response: Any) -> str:
    """What is read, without markup."""
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).replace("&#x27;", "'").split())


def errors_of(response: Any) -> list[str]:
    lists = re.findall(r'<ul class="field-errors".*?</ul>', response.content.decode(), re.DOTALL)
    return [re.sub(r"<[^>]+>|\s+", " ", item).strip() for item in lists]


# -- create


def test_private_is_chosen_beforehand_and_each_choice_explained(alices_client: Client) -> None:
    page = alices_client.get("/new").content.decode()
    assert re.search(r'value="private"[^>]*checked', page)
    assert "Only you can see, pull and push it, until you share it." in page
    assert "Everybody can see and pull it, without an account." in page


def test_a_created_repository_shows_how_to_push(alices_client: Client) -> None:
    response = alices_client.post("/new", NEW, follow=True)
    assert response.redirect_chain == [("/alice/myfirstapp", 302)]
    page = response.content.decode()
    for command in (
        "docker login testserver",
        "docker tag myfirstapp testserver/alice/myfirstapp",
        "docker push testserver/alice/myfirstapp",
    ):
        assert f'data-copy="{command}"' in page
    assert Repository.objects.get().visibility == "private"


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("MyApp", "Use lower-case letters only: docker accepts no others."),
        ("..", "Use letters and digits, with separators (. _ __ - and /) only between them."),
        ("-app", "Use letters and digits, with separators"),
        (" app", "Use letters and digits, with separators"),
        ("app/tags", "“tags” is reserved and cannot be a part of the name."),
        ("a" * 256, "Use 1 to 200 characters."),
        ("аpp", "Use the letters a to z without accents, and digits"),
        ("a\0b", "Null characters are not allowed."),
        ("", "This field is required."),
    ],
)
def test_a_bad_name_is_told_under_the_field(alices_client: Client, name: str, sentence: str) -> None:
    response = alices_client.post("/new", NEW | {"name": name})
    assert response.status_code == 422
    [error] = errors_of(response)
    assert sentence in error
    assert not Repository.objects.exists()


@pytest.mark.parametrize(
    ("field", "value"),
    [("visibility", "secret"), ("namespace", "bob"), ("description", "x" * 101)],
)
def test_what_the_form_does_not_offer_is_refused(alices_client: Client, bob: User, field: str, value: str) -> None:
    response = alices_client.post("/new", NEW | {field: value})
    assert response.status_code == 422
    assert len(errors_of(response)) == 1
    assert not Repository.objects.exists()


def test_a_name_that_is_taken_is_told_under_the_field(alices_client: Client, public_app: Repository) -> None:
    response = alices_client.post("/new", NEW | {"name": "public-app", "description": "Kept"})
    assert errors_of(response) == ["There is a repository of this name already."]
    assert 'value="Kept"' in response.content.decode()


def test_without_a_confirmed_address_the_page_says_why_not(eve: User) -> None:
    client = signed_in(eve)
    page = client.get("/new")
    assert "Confirm your e-mail address before you create a repository." in text_of(page)
    assert 'name="visibility"' not in page.content.decode()
    assert client.post("/new", NEW | {"namespace": "eve"}).status_code == 403
    assert not Repository.objects.exists()


# -- namespace


def test_a_namespace_lists_what_the_visitor_may_see(
    alices_client: Client, bobs_client: Client, public_app: Repository, private_app: Repository
) -> None:
    assert "private-app" in text_of(alices_client.get("/alice"))
    for client in (bobs_client, Client()):
        page = text_of(client.get("/alice"))
        assert "public-app" in page
        assert "private-app" not in page


def test_a_namespace_is_found_in_any_case_and_one_that_is_not_there_is_404(alice: User) -> None:
    assert Client().get("/Alice").status_code == 200
    assert Client().get("/nobody").status_code == 404


def test_the_list_is_filtered_by_name(alices_client: Client, public_app: Repository, private_app: Repository) -> None:
    page = text_of(alices_client.get("/alice?q=PRIV%00"))
    assert "private-app" in page
    assert "public-app" not in page
    assert "Nothing found" in text_of(alices_client.get("/alice?q=none-of-it"))


def test_the_list_goes_on_and_back(alices_client: Client, alice: User) -> None:
    for number in range(21):
        factories.make_repository(alice, f"app-{number:02}")
    first = alices_client.get("/alice?order=name").content.decode()
    after = re.search(r'rel="next" href="([^"]+)"', first)
    assert after
    second = alices_client.get("/alice" + after[1].replace("&amp;", "&")).content.decode()
    assert "app-20" in second
    assert "app-19" not in second
    assert 'rel="prev"' in second


@pytest.mark.parametrize(
    "query", ["cursor=nonsense", "order=updated&cursor=WzAsImFwcCIsMV0", "cursor=WzAsImFcdTAwMDAiLDFd"]
)
def test_a_broken_cursor_is_a_bad_request(alices_client: Client, query: str) -> None:
    assert alices_client.get(f"/alice?{query}").status_code == 400


def test_htmx_gets_the_part_that_changes(alices_client: Client, public_app: Repository) -> None:
    whole = alices_client.get("/alice")
    part = alices_client.get("/alice", headers={"HX-Request": "true"})
    assert "<html" in whole.content.decode()
    assert "<html" not in part.content.decode()
    assert "public-app" in part.content.decode()
    assert "HX-Request" in part["Vary"]
    assert "HX-Request" in whole["Vary"]


def test_back_gets_the_page_when_the_cache_of_htmx_has_lost_it(alices_client: Client) -> None:
    lost = {"HX-Request": "true", "HX-History-Restore-Request": "true"}
    for path in ("/alice", "/explore"):
        assert "<html" in alices_client.get(path, headers=lost).content.decode()


# -- stars


def test_star_and_unstar(bobs_client: Client, bob: User, public_app: Repository) -> None:
    response = bobs_client.post("/alice/public-app/-/star", {"starred": "true", "next": COMMENTS})
    assert response["Location"] == COMMENTS
    assert Star.objects.filter(user=bob).count() == 1
    assert 'aria-pressed="true"' in bobs_client.get("/alice/public-app").content.decode()
    bobs_client.post("/alice/public-app/-/star", {"starred": "false", "next": "https://elsewhere.example/"})
    assert not Star.objects.exists()


def test_a_star_by_htmx_answers_with_the_button(bobs_client: Client, public_app: Repository) -> None:
    response = bobs_client.post("/alice/public-app/-/star", {"starred": "true"}, headers={"HX-Request": "true"})
    part = response.content.decode()
    assert 'aria-pressed="true"' in part
    assert '<span class="button-count">1</span>' in part
    assert "<html" not in part


def test_visitors_are_led_to_sign_in_and_the_unconfirmed_told_why_not(eve: User, public_app: Repository) -> None:
    assert "/accounts/login/?next=/alice/public-app" in Client().get("/alice/public-app").content.decode()
    page = signed_in(eve).get("/alice/public-app").content.decode()
    assert 'title="Confirm your e-mail address to do this."' in page
    assert signed_in(eve).post("/alice/public-app/-/star").status_code == 403
    assert not Star.objects.exists()


# -- comments


def test_comment_and_delete(bobs_client: Client, alices_client: Client, public_app: Repository) -> None:
    response = bobs_client.post(COMMENTS, {"text": "<b>Works</b>\non mine"}, follow=True)
    assert "&lt;b&gt;Works&lt;/b&gt;\non mine" in response.content.decode()
    bobs_client.post(COMMENTS, {"text": "And again"})
    old, new = Comment.objects.order_by("id")
    assert bobs_client.post(f"{COMMENTS}/{old.pk}/delete").status_code == 302
    assert alices_client.post(f"{COMMENTS}/{new.pk}/delete").status_code == 302
    assert not Comment.objects.exists()


def test_the_newest_comment_comes_first(bob: User, bobs_client: Client, public_app: Repository) -> None:
    for text in ("the older", "the newer"):
        add_comment(actor=factories.actor(bob), repository=public_app, text=text)
    page = text_of(bobs_client.get(COMMENTS))
    assert page.index("the newer") < page.index("the older")


def test_only_who_may_delete_sees_the_button(
    alice: User, bobs_client: Client, alices_client: Client, public_app: Repository
) -> None:
    add_comment(actor=factories.actor(alice), repository=public_app, text="Mine")
    assert "Delete the comment of alice" in alices_client.get(COMMENTS).content.decode()
    assert "Delete the comment of alice" not in bobs_client.get(COMMENTS).content.decode()


@pytest.mark.parametrize(
    ("text", "sentence"), [("", "Write a comment first."), ("  \n", "Write a comment first."), ("x" * 2001, "2000")]
)
def test_a_bad_comment_is_told_under_the_field(
    bobs_client: Client, public_app: Repository, text: str, sentence: str
) -> None:
    response = bobs_client.post(COMMENTS, {"text": text})
    assert response.status_code == 422
    assert sentence in errors_of(response)[0]


def test_too_many_comments_keep_the_text(bob: User, bobs_client: Client, public_app: Repository) -> None:
    for _number in range(COMMENTS_PER_MINUTE):
        add_comment(actor=factories.actor(bob), repository=public_app, text="Again")
    response = bobs_client.post(COMMENTS, {"text": "What I wrote"})
    assert response.status_code == 429
    assert "What I wrote" in response.content.decode()
    assert "Please wait a little." in text_of(response)


def test_visitors_read_and_are_asked_to_sign_in(public_app: Repository) -> None:
    page = Client().get(COMMENTS)
    assert f"/accounts/login/?next={COMMENTS}" in page.content.decode()
    assert "<textarea" not in page.content.decode()
    assert Client().post(COMMENTS, {"text": "Hello"}).status_code == 401


# -- settings


def test_description_and_overview_are_saved(alices_client: Client, public_app: Repository) -> None:
    text = {"description": "What it is", "full_description": "# Hello\n\n<script>alert(1)</script>"}
    alices_client.post(SETTINGS, text)
    page = alices_client.get("/alice/public-app").content.decode()
    assert "<h2>Hello</h2>" in page
    assert "&lt;script&gt;alert(1)" in page
    assert "What it is" in page


def test_a_preview_saves_nothing(alices_client: Client, public_app: Repository) -> None:
    text = {"description": "Not yet", "full_description": "**bold**", "preview": "1"}
    for headers in ({}, {"HX-Request": "true"}):
        response = alices_client.post(SETTINGS, text, headers=headers)
        assert "<strong>bold</strong>" in response.content.decode()
        assert ("<html" in response.content.decode()) is not bool(headers)
    public_app.refresh_from_db()
    assert (public_app.description, public_app.full_description) == ("", "")


def test_the_visibility_changes_after_a_confirmation(alices_client: Client, private_app: Repository) -> None:
    page = alices_client.get("/alice/private-app/-/settings").content.decode()
    assert "Make this repository public" in page
    asked = alices_client.post("/alice/private-app/-/settings/visibility", {"visibility": "public"})
    assert "Make alice/private-app public?" in text_of(asked)
    assert Client().get("/alice/private-app").status_code == 404
    alices_client.post("/alice/private-app/-/settings/visibility", {"visibility": "public", "confirmed": "1"})
    assert Client().get("/alice/private-app").status_code == 200
    assert alices_client.post("/alice/private-app/-/settings/visibility", {"visibility": "x"}).status_code == 400


def test_deleting_needs_the_typed_name(alices_client: Client, public_app: Repository) -> None:
    refused = alices_client.post(f"{SETTINGS}/delete", {"typed_name": "public-app"})
    assert refused.status_code == 422
    assert "Type the full name of the repository to delete it." in text_of(refused)
    assert Repository.objects.exists()
    done = alices_client.post(f"{SETTINGS}/delete", {"typed_name": "alice/public-app"}, follow=True)
    assert done.redirect_chain == [("/alice", 302)]
    assert "alice/public-app is deleted." in text_of(done)


# -- queries


def queries(client: Client, path: str) -> int:
    with CaptureQueriesContext(connection) as captured:
        assert client.get(path).status_code == 200
    return len(captured)


@pytest.mark.parametrize("path", ["/alice", COMMENTS])
def test_queries_do_not_grow_with_the_rows(alice: User, bob: User, public_app: Repository, path: str) -> None:
    client = signed_in(alice)
    people = [alice, bob, *(factories.make_user(f"person-{number}") for number in range(4))]

    def add(number: int) -> None:
        factories.make_repository(alice, f"more-{number}")
        add_comment(actor=factories.actor(people[number]), repository=public_app, text="Hello")

    for number in range(2):
        add(number)
    with_two = queries(client, path)
    for number in range(2, 6):
        add(number)
    assert queries(client, path) == with_two <= 7


# -- markdown


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("# A\n## B", "<h2>A</h2>\n<h3>B</h3>"),
        ("### A", "<h2>A</h2>"),
        ("<img src=x onerror=alert(1)>", "<p>&lt;img src=x onerror=alert(1)&gt;</p>"),
        ("[x](javascript:alert(1))", "<p>[x](javascript:alert(1))</p>"),
        (
            "![a <b>](https://elsewhere.example/x.png)",
            '<p><a href="https://elsewhere.example/x.png" rel="nofollow noopener noreferrer">a &lt;b&gt;</a></p>',
        ),
        ('```"><script>\n<b>\n```', '<pre tabindex="0"><code>&lt;b&gt;\n</code></pre>'),
        ("`a`  ~~b~~", "<p><code>a</code>  <s>b</s></p>"),
    ],
)
def test_markdown_is_strict(text: str, html: str) -> None:
    assert markdown(text).strip() == html
