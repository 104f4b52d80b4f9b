"""Lists: pages, and what they cost."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from portal.accounts.models import User
from repositories.models import Comment, Repository, Star
from tests import factories
from tests.api.world import call, make_delivery, make_index, make_manifest, make_tag, make_webhook, sign_in

pytestmark = pytest.mark.django_db
LIST = "namespaces/alice/repositories"


def make_repositories(owner: User, count: int) -> list[Repository]:
    return [factories.make_repository(owner, f"app{number}", visibility="public") for number in range(count)]


def test_a_page_has_ten_rows_and_links_to_its_neighbours(alice: User) -> None:
    make_repositories(alice, 23)
    first = call("GET", LIST).json()
    assert (first["count"], len(first["results"]), first["previous"]) == (23, 10, None)
    assert first["next"] == "http://testserver/v2/namespaces/alice/repositories?page=2"
    second = Client().get(first["next"]).json()
    assert (second["next"], second["previous"]) == (
        "http://testserver/v2/namespaces/alice/repositories?page=3",
        "http://testserver/v2/namespaces/alice/repositories",
    )
    third = Client().get(second["next"]).json()
    assert (len(third["results"]), third["next"]) == (3, None)
    names = [row["name"] for page in (first, second, third) for row in page["results"]]
    assert len(set(names)) == 23


def test_links_begin_with_what_the_client_used(alice: User, settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["localhost", "hub.example.org"]
    make_repositories(alice, 2)

    def next_link(path: str, **headers: str) -> str:
        return str(Client().get(path, headers=headers).json()["next"])

    path = "/v2/repositories/alice/?page_size=1&name=app"
    assert next_link(path, Host="localhost:8000").startswith("http://localhost:8000/v2/repositories/alice/?")
    tls = next_link(path, Host="hub.example.org", **{"X-Forwarded-Proto": "https"})
    assert tls.startswith("https://hub.example.org/v2/repositories/alice/?")
    assert set(tls.partition("?")[2].split("&")) == {"page_size=1", "name=app", "page=2"}
    assert Client().get(path, headers={"Host": "evil.example"}).status_code == 400


SIZES = {"1": 1, "100": 100, "1000": 100, "10000": 100, "9" * 40: 100, "0": 10, "-1": 10, "x": 10, "": 10}


@pytest.mark.parametrize(("size", "rows"), SIZES.items())
def test_a_page_size_is_lowered_or_ignored_but_never_an_error(alice: User, size: str, rows: int) -> None:
    namespace = alice.namespace
    Repository.objects.bulk_create(
        Repository(namespace=namespace, name=f"a{n}", full_name=f"alice/a{n}", visibility="public") for n in range(101)
    )
    answer = call("GET", f"{LIST}?page_size={size}")
    assert answer.status_code == 200
    assert len(answer.json()["results"]) == rows


@pytest.mark.parametrize("page", ["0", "-1", "x", "2", "9" * 40, "1.5", "%00"])
def test_a_page_that_does_not_exist_is_not_found(alice: User, page: str) -> None:
    make_repositories(alice, 1)
    answer = call("GET", f"{LIST}?page={page}")
    assert answer.status_code == 404
    assert answer.json()["message"] == answer.json()["detail"] != ""


def test_an_empty_list_is_a_page(alice: User) -> None:
    assert call("GET", LIST).json() == {"count": 0, "next": None, "previous": None, "results": []}


def people(count: int) -> list[User]:
    return [factories.make_user(f"person{number}") for number in range(count)]


def fill_repositories(alice: User, count: int) -> None:
    for row in make_repositories(alice, count):
        make_tag(row, "latest", make_manifest(row, 1))


def fill_stars(alice: User, count: int) -> None:
    for row in make_repositories(alice, count):
        Star.objects.create(repository=row, user=alice)


def the_app(alice: User) -> Repository:
    return factories.make_repository(alice, "app", visibility="public")


def fill_comments(alice: User, count: int) -> None:
    row = the_app(alice)
    for person in people(count):
        Comment.objects.create(repository=row, author=person, text="x")


def fill_tags(alice: User, count: int) -> None:
    row = the_app(alice)
    for number, person in enumerate(people(count)):
        make_tag(row, f"v{number}", make_manifest(row, number), person)


def fill_multi_platform_tags(alice: User, count: int) -> None:
    row = the_app(alice)
    for number in range(count):
        make_tag(row, f"v{number}", make_index(row, 10 * number))


def fill_webhooks(alice: User, count: int) -> None:
    row = the_app(alice)
    for number in range(count):
        make_webhook(row, f"hook {number}")


def fill_deliveries(alice: User, count: int) -> None:
    hook = make_webhook(the_app(alice))
    for number in range(count):
        make_delivery(hook, number)


def fill_access_tokens(alice: User, count: int) -> None:
    for number in range(count):
        factories.make_access_token(alice, label=f"token {number}")


APP = "repositories/alice/app"
LISTS: list[tuple[str, Callable[[User, int], None], int]] = [
    (LIST, fill_repositories, 5),
    ("repositories/alice", fill_repositories, 5),
    ("users/alice/repositories/starred", fill_stars, 5),
    ("search/repositories?query=app", fill_repositories, 3),
    (f"{APP}/comments", fill_comments, 4),
    (f"{APP}/tags", fill_tags, 7),
    (f"namespaces/alice/{APP.replace('alice/', '')}/tags", fill_multi_platform_tags, 8),
    (f"{APP}/webhooks", fill_webhooks, 5),
    (f"{APP}/webhooks/1/deliveries", fill_deliveries, 7),
    ("access-tokens", fill_access_tokens, 4),
    ("api_tokens", fill_access_tokens, 4),
]


@pytest.mark.parametrize("count", [2, 6])
@pytest.mark.parametrize(("path", "fill", "queries"), LISTS, ids=[row[0] for row in LISTS])
def test_a_list_costs_the_same_for_two_and_for_six(
    alice: User, path: str, fill: Callable[[User, int], None], queries: int, count: int
) -> None:
    fill(alice, count)
    if "/webhooks/1/" in path:
        path = path.replace("/1/", f"/{Repository.objects.get().webhooks.get().pk}/")
    token = sign_in("alice", factories.PASSWORD)
    with CaptureQueriesContext(
        connection,
    ) as asked:
        answer = call("GET", path, token=token)
    assert len(answer.json()["results"]) == count
    assert len(asked) == queries, [query["sql"][:100] for query in asked]


THINGS = {APP: 5, f"{APP}/tags/v0": 7, f"{APP}/tags/v0/images": 5, "user": 2, "users/alice": 2}


@pytest.mark.parametrize(("path", "queries"), THINGS.items())
def test_one_thing_costs_few_queries(alice: User, path: str, queries: int) -> None:
    fill_multi_platform_tags(alice, 1)
    token = sign_in("alice", factories.PASSWORD)
    with CaptureQueriesContext(connection) as asked:
        assert call("GET", path, token=token).status_code == 200
    assert len(asked) == queries, [query["sql"][:100] for query in asked]
