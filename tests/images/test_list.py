"""The list of tags: filters, orders, what a row tells, and pages in both directions."""

import json
import re
from datetime import UTC, datetime, timedelta

import pytest
from django.db import transaction
from django.test import Client
from django.utils import timezone

from portal.accounts.models import User
from repositories.images import list_views, manifests, pulls
from repositories.images.actions import record_found
from repositories.images.models import Manifest, Tag
from repositories.models import Immutability, Repository
from tests.conftest import signed_in
from tests.images.fake_registry import digest_of, image, index

PATH = "/alice/public-app/-/tags"
SIGNATURE = f"sha256-{'a' * 64}.sig"


def record(repository: Repository, body: bytes, tag: str = "") -> None:
    parsed = manifests.parse(body, json.loads(body)["mediaType"])
    record_found(repository_id=repository.pk, digest=digest_of(body), parsed=parsed, tag=tag)


def html(query: str = "", *, user: User | None = None) -> str:
    answer = (signed_in(user) if user else Client()).get(f"{PATH}?{query}")
    assert answer.status_code == 200, query
    return answer.content.decode()


def names(query: str = "") -> list[str]:
    return re.findall(r'class="tag-name">.*?<a href="[^"]*">([^<]+)</a>', html(query), re.DOTALL)


def link(page: str, rel: str) -> str:
    """The query string of the neighbouring page; empty where there is none."""
    found = re.search(rf'rel="{rel}" href="[^"]*?\?([^"]*)"', page)
    return found[1].replace("&amp;", "&") if found else ""


@pytest.fixture
def versions(public_app: Repository) -> Repository:
    """Pushed in this order, each larger than the one before."""
    for number, name in enumerate(("1.9", "1.10", "2.0-rc1", "2.0", "latest")):
        record(public_app, image(name, size=1000 * (number + 1)), name)
        Tag.objects.filter(name=name).update(pushed_at=datetime(2026, 11, 1 + number, tzinfo=UTC))
    return public_app


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("newest", ["latest", "2.0", "2.0-rc1", "1.10", "1.9"]),
        ("oldest", ["1.9", "1.10", "2.0-rc1", "2.0", "latest"]),
        ("version", ["latest", "2.0", "2.0-rc1", "1.10", "1.9"]),
        ("version-up", ["1.9", "1.10", "2.0-rc1", "2.0", "latest"]),
        ("name", ["1.10", "1.9", "2.0", "2.0-rc1", "latest"]),
        ("name-down", ["latest", "2.0-rc1", "2.0", "1.9", "1.10"]),
        ("size", ["latest", "2.0", "2.0-rc1", "1.10", "1.9"]),
        ("size-up", ["1.9", "1.10", "2.0-rc1", "2.0", "latest"]),
        ("nonsense", ["latest", "2.0", "2.0-rc1", "1.10", "1.9"]),
    ],
)
def test_orders_go_there_and_back(versions: Repository, monkeypatch, order: str, expected: list[str]) -> None:
    monkeypatch.setattr(list_views, "PAGE_SIZE", 2)
    query, found = f"order={order}", []
    while query:
        page = html(query)
        found += names(query)
        last, query = query, link(page, "next")
    assert found == expected
    assert names(link(html(last), "prev")) == expected[2:4]


def test_pages_of_tags_that_are_equally_large(public_app: Repository, monkeypatch) -> None:
    for number in range(7):
        record(public_app, image(), f"tag-{number}")
    monkeypatch.setattr(list_views, "PAGE_SIZE", 3)
    query, found = "order=size", []
    while query:
        found.append(names(query))
        query = link(html(query), "next")
    assert [len(page) for page in found] == [3, 3, 1]
    assert len({name for page in found for name in page}) == 7


def test_the_head_of_a_column_sorts_by_it_and_says_so(versions: Repository) -> None:
    page = html("q=2&order=size&cursor=")
    assert page.count('aria-sort="descending"') == 1
    assert 'aria-sort="descending"><a class="sort" href="?q=2&amp;order=size-up"' in page
    assert 'aria-sort="none"><a class="sort" href="?q=2&amp;order=name"' in page


def test_filters(public_app: Repository) -> None:
    amd, arm = image("amd"), image("arm")
    for child in (amd, arm):
        record(public_app, child)
    record(public_app, index(amd, arm), "multi")
    record(public_app, image(), "single")
    Manifest.objects.filter(digest=digest_of(image())).update(os="linux", architecture="arm64", variant="v8")
    assert names("q=ING") == ["single"]
    assert names("kind=index") == ["multi"]
    assert names("kind=image") == ["single"]
    assert names("kind=nonsense") == ["single", "multi"]
    assert names("platform=linux/amd64") == ["multi"]
    assert names("platform=linux/arm64") == ["single", "multi"]
    assert names("platform=linux/arm64/v8&kind=image") == ["single"]
    assert names("platform=plan9/%22%3Cb%3E") == []
    assert names("platform=plan9/%00") == ["single", "multi"]
    assert "No tag of this repository is like this." in html("q=nothing")


def test_what_only_hangs_on_an_image_is_folded_away(public_app: Repository) -> None:
    record(public_app, image(), SIGNATURE)
    assert "Only signatures and attestations" in html()
    record(public_app, image(), "1.0")
    assert names() == ["1.0"]
    assert names("attached=1") == ["1.0", SIGNATURE]


def test_a_row_tells_of_signature_lock_and_pulls(public_app: Repository) -> None:
    record(public_app, image(), "1.0")
    signature = image("signature", artifactType="application/vnd.cncf.notary.signature")
    record(public_app, signature, f"{digest_of(image()).replace(':', '-')}.sig")
    record(public_app, image("other"), "other")
    public_app.immutability, public_app.immutable_rules = Immutability.MATCHING, ["1.*"]
    public_app.save(update_fields=["immutability", "immutable_rules"])
    told = [pulls.Pull("alice/public-app", "1.0", "", timezone.now() - timedelta(days=days)) for days in (0, 0, 3, 40)]
    with transaction.atomic():
        pulls.count_pulls(told)
    one, other = html("q=1.0"), html("q=other")
    assert [">immutable<" in page for page in (one, other)] == [True, False]
    assert [">signed<" in page for page in (one, other)] == [True, False]
    assert "3 pulls in the last 30 days" in one
    assert '<span class="tag-pulls" title="3 pulls in the last 30 days"><span>4</span><svg' in one
    assert "never" in other


def test_the_drawing_of_pulls_shows_every_day_that_had_one() -> None:
    assert list_views.spark([0, 0]) == ""
    assert list_views.spark([1000, 0, 1]) == "M0 16v-16h2v16zM6 16v-1h2v1z"


def test_only_who_may_delete_is_offered_to_delete_many(public_app: Repository, alice: User, bob: User) -> None:
    record(public_app, image(), "1.0")
    assert "Untagged images" in html(user=bob)
    assert "Delete many" not in html(user=bob)
