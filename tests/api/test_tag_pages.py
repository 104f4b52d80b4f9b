"""Pages of the API's list of tags: by number as Docker Hub's, and by following `next`."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from repositories.images.models import Tag
from repositories.images.versions import version_key
from repositories.models import Repository
from tests.api.world import call, make_manifest, make_tag

PATH = "namespaces/alice/repositories/public-app/tags"


@pytest.fixture
def seven(public_app: Repository) -> Repository:
    """1.0, the oldest, to 1.6; all equally large."""
    manifest = make_manifest(public_app, 1)
    for number in range(7):
        tag = make_tag(public_app, f"1.{number}", manifest)
        at = datetime(2026, 11, 1, tzinfo=UTC) + timedelta(hours=number)
        Tag.objects.filter(pk=tag.pk).update(pushed_at=at, version_key=version_key(tag.name))
    Repository.objects.filter(pk=public_app.pk).update(tag_count=7)
    return public_app


def get(path: str) -> Any:
    answer = call("GET", path)
    assert answer.status_code == 200, answer.content
    return answer.json()


def names(page: Any) -> list[str]:
    return [row["name"].removeprefix("1.") for row in page["results"]]


def follow(page: Any, way: str) -> Any:
    return get(page[way].partition("/v2/")[2])


@pytest.mark.parametrize(
    ("ordering", "expected"),
    [
        ("", "6543210"),
        ("-last_updated", "0123456"),
        ("-name", "0123456"),
        ("version", "6543210"),
        ("-version", "0123456"),
        ("size", "6543210"),
        ("-size", "0123456"),
    ],
)
def test_who_follows_the_links_gets_each_tag_once_and_comes_back(
    seven: Repository, ordering: str, expected: str
) -> None:
    page = get(f"{PATH}?page_size=3&ordering={ordering or 'last_updated'}")
    pages = [page]
    while page["next"]:
        page = follow(page, "next")
        pages.append(page)
    assert "".join(name for page in pages for name in names(page)) == expected
    assert {page["count"] for page in pages} == {7}
    middle = follow(pages[2], "previous")
    assert names(middle) == names(pages[1])
    first = follow(middle, "previous")
    assert (names(first), first["previous"]) == (names(pages[0]), None)
    assert middle["previous"].endswith(f"/v2/{PATH}?ordering={ordering or 'last_updated'}&page_size=3")


def test_who_jumps_gets_the_page_of_that_number(seven: Repository) -> None:
    second = get(f"{PATH}?page=2&page_size=3")
    assert names(second) == ["3", "2", "1"]
    assert "page=3&" in second["next"]
    assert names(follow(second, "next")) == ["0"]
    assert names(get(f"{PATH}?page=last&page_size=3")) == ["0"]
    cursor = second["next"].partition("cursor=")[2].partition("&")[0]
    assert names(get(f"{PATH}?page=1&page_size=3&cursor={cursor}")) == ["6", "5", "4"], "a cursor of another page"


def test_nothing_is_told_twice_or_left_out_when_somebody_pushes_meanwhile(seven: Repository) -> None:
    first = get(f"{PATH}?page_size=3")
    make_tag(seven, "new", make_manifest(seven, 2))
    assert names(follow(first, "next")) == ["3", "2", "1"]


@pytest.mark.parametrize("page", ["0", "-1", "x", "4", "1.5", "%D9%A1", "9" * 30, "9" * 5000, str(2**62)])
def test_a_page_that_does_not_exist(seven: Repository, page: str) -> None:
    assert call("GET", f"{PATH}?page_size=3&page={page}").status_code == 404


@pytest.mark.parametrize("cursor", ["2.x", "2.AAAA", "2.W10", "2.WzAsMSwxXQ"])
def test_a_cursor_that_somebody_made_up(seven: Repository, cursor: str) -> None:
    assert call("GET", f"{PATH}?page_size=3&page=2&cursor={cursor}").status_code == 400


def test_the_count_is_of_what_was_asked_for(seven: Repository) -> None:
    assert (get(PATH)["count"], get(f"{PATH}?name=1.3")["count"]) == (7, 1)
    Tag.objects.all().delete()
    empty = get(f"{PATH}?name=1")
    assert (empty["count"], empty["next"], empty["previous"], empty["results"]) == (0, None, None, [])


def test_a_list_and_a_tag_answer_to_head(seven: Repository) -> None:
    assert call("HEAD", PATH).status_code == 200
    assert [call("HEAD", f"{PATH}/{tag}").status_code for tag in ("1.0", "nothing")] == [200, 404]


def test_costs_the_same_on_any_page(seven: Repository) -> None:
    costs = []
    for query in ("page_size=2", "page_size=6", "page_size=2&page=3"):
        with CaptureQueriesContext(connection) as captured:
            page = get(f"{PATH}?{query}")
        costs.append(len(captured))
    with CaptureQueriesContext(connection) as captured:
        follow(page, "next")
    assert {*costs, len(captured) + 1} == {costs[0]}
