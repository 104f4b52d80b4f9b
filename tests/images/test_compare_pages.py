"""Two tags or digests compared, by page and by API, with what may be strange about them."""

import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from portal.accounts.models import User
from repositories.images.models import Manifest
from repositories.models import Repository
from tests.api.world import call
from tests.factories import images

BASE = "/alice/public-app/-/compare"
API = "namespaces/alice/repositories/public-app/-/compare"


def text_of(response: Any) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


def compared(old: str, new: str, platform: str = "") -> Any:
    """By API; the page must answer, too."""
    query = f"?from={old}&to={new}&platform={platform}"
    assert Client().get(BASE + query).status_code == 200
    answer = call("GET", API + query)
    assert answer.status_code == 200, answer.content
    return answer.json()


@pytest.fixture
def tags(public_app: Repository, alice: User) -> dict[str, Manifest]:
    """`arm` is for another platform than `old` and `new`."""
    rows = {
        "old": images.push_image(public_app, "old", by=alice),
        "new": images.push_image(public_app, "new", by=alice),
        "arm": images.push_image(public_app, "arm", by=alice, platform="linux/arm64/v8"),
        "multi": images.push_index(public_app, "multi", by=alice),
        "multi2": images.push_index(public_app, "multi2", by=alice, seed="other"),
        "chart": images.push_chart(public_app, "chart", by=alice),
        "unread": images.push_image(public_app, "unread", by=alice, read=False),
    }
    row = Manifest.objects.get(pk=rows["new"].pk)
    row.config["config"] |= {"User": "app", "Labels": {"tier": "<b>2</b>"}}
    row.layers = [*Manifest.objects.get(pk=rows["old"].pk).layers[:1], *row.layers[1:]]
    row.total_size += 5_000
    row.save()
    return rows


def test_what_differs_is_told(tags: dict[str, Manifest]) -> None:
    page = Client().get(f"{BASE}?from=old&to=new")
    told = text_of(page)
    sizes = ("A machine that has old fetches", "new is 5.00 kB larger.")
    for words in (*sizes, "1 shared 2.81 MB", "−1 removed", "+1 added", "User added", "app"):
        assert words in told, words
    assert "<b>2</b>" not in page.content.decode()
    found = compared("old", "new")
    assert (found["same"], found["platform"], found["notes"]) == (False, "", [])
    assert [row["change"] for row in found["images"]["layers"]["list"]] == ["same", "removed", "added"]
    assert found["images"]["settings"]["differing"] == [{"name": "user", "from": None, "to": "app"}]
    assert found["images"]["labels"]["differing"][-1] == {"name": "tier", "from": None, "to": "<b>2</b>"}
    assert found["images"]["download"] == found["images"]["layers"]["added_size"] + 6_472 + tags["new"].size


def test_the_same_image_is_the_same_by_tag_and_by_digest(tags: dict[str, Manifest]) -> None:
    assert "The same image." in text_of(Client().get(f"{BASE}?from=old&to={tags['old'].digest}"))
    found = compared("old", tags["old"].digest)
    assert (found["same"], found["images"]["download"]) == (True, 0)


def test_of_multi_platform_images_one_platform_is_compared(tags: dict[str, Manifest]) -> None:
    found = compared("multi", "multi2")
    assert found["platform"] == "linux/amd64"
    assert [(row["platform"], row["change"]) for row in found["platforms"]] == [
        ("linux/amd64", "changed"),
        ("linux/arm64/v8", "changed"),
    ]
    other = compared("multi", "multi2", "linux/arm64/v8")
    assert other["platform"] == "linux/arm64/v8"
    assert other["images"]["from"] != found["images"]["from"]
    page = Client().get(f"{BASE}?from=multi&to=multi2").content.decode()
    assert 'aria-current="true">linux/amd64</a>' in page
    lacking = compared("multi", "multi2", "linux/s390x")
    assert lacking["images"] is None
    assert "Neither of them has the platform linux/s390x." in lacking["notes"]


def test_a_single_image_is_compared_with_its_platform_of_an_index(tags: dict[str, Manifest]) -> None:
    found = compared("arm", "multi")
    assert (found["platform"], found["images"]["from"]) == ("linux/arm64/v8", tags["arm"].digest)
    assert [(row["platform"], row["change"]) for row in found["platforms"]] == [
        ("linux/arm64/v8", "changed"),
        ("linux/amd64", "added"),
    ]
    assert "Only one of them has the platform linux/amd64." in compared("arm", "multi", "linux/amd64")["notes"]


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("old", "arm", "These are for two platforms: linux/amd64 and linux/arm64/v8."),
        ("old", "chart", "These are two kinds of things: Image and Artifact."),
        ("chart", "multi", "These are two kinds of things: Artifact and Image."),
        ("old", "unread", "is still being read"),
        ("unread", "multi", "is still being read"),
    ],
)
def test_what_is_strange_about_the_two_is_said(tags: dict[str, Manifest], old: str, new: str, sentence: str) -> None:
    found = compared(old, new)
    assert any(sentence in note for note in found["notes"]), found["notes"]
    assert found["images"] is not None


def test_two_that_have_no_platform_in_common(tags: dict[str, Manifest], public_app: Repository) -> None:
    Manifest.objects.get(digest=tags["multi2"].digest).entries.exclude(os="unknown").update(architecture="s390x")
    found = compared("multi", "multi2")
    assert (found["images"], found["notes"]) == (None, ["They have no platform in common."])


def test_a_platform_whose_image_is_missing_is_said(tags: dict[str, Manifest]) -> None:
    entry = tags["multi"].entries.get(architecture="arm64")
    Manifest.objects.filter(digest=entry.digest).delete()
    assert compared("multi", "multi2", "linux/arm64/v8")["missing"] == [entry.digest]
    page = text_of(Client().get(f"{BASE}?from=multi&to=multi2&platform=linux/arm64/v8"))
    assert f"The registry does not have {entry.digest[:19]}" in page


@pytest.mark.parametrize("query", ["from=old&to=nope", f"from=old&to=sha256:{'0' * 64}", "from=../x&to=old"])
def test_what_is_not_there_is_said_beside_the_field(tags: dict[str, Manifest], query: str) -> None:
    page = Client().get(f"{BASE}?{query}")
    assert page.status_code == 404
    assert "There is no such tag or image in this repository." in text_of(page)
    answer = call("GET", f"{API}?{query}")
    assert answer.status_code == 404
    assert set(answer.json()["fields"]) <= {"from", "to"}


def test_an_image_of_another_repository_is_not_here(tags: dict[str, Manifest], alice: User, private_app: Repository):
    other = images.push_image(private_app, "secret", by=alice)
    assert call("GET", f"{API}?from=old&to={other.digest}").status_code == 404


def test_with_one_tag_alone_its_former_image_is_chosen(tags: dict[str, Manifest], alice: User, public_app: Repository):
    images.push_image(public_app, "old", by=alice, seed="newer")
    page = Client().get(f"{BASE}?to=old")
    assert page.context["found"].old.manifest.digest == tags["old"].digest
    assert "Choose two images" in text_of(Client().get(f"{BASE}?to=new"))
    assert "Choose two images" in text_of(Client().get(BASE))
    assert call("GET", f"{API}?to=new").status_code == 400


def test_tags_are_offered_as_one_types(tags: dict[str, Manifest]) -> None:
    options = Client().get(f"{BASE}?options=1&from=mul", headers={"HX-Request": "true"}).content.decode()
    assert re.findall(r'value="([^"]+)"', options) == ["multi2", "multi"]


def test_a_thousand_layers_and_labels_are_cut_on_the_page(tags: dict[str, Manifest]) -> None:
    row = Manifest.objects.get(pk=tags["new"].pk)
    row.layers = [{"digest": images.digest_of(str(n)), "size": 1, "media_type": images.LAYER} for n in range(1000)]
    row.config["config"]["Labels"] = {f"label {number}": "x" * 5_000 for number in range(300)}
    row.save()
    page = Client().get(f"{BASE}?from=old&to=new")
    assert "And 802 layers more." in text_of(page)
    assert "And 101 more that differ." in text_of(page)
    assert len(page.content) < 800_000
    assert len(compared("old", "new")["images"]["layers"]["list"]) == 1002


def test_it_costs_the_same_for_any_two(tags: dict[str, Manifest]) -> None:
    def queries(query: str) -> int:
        with CaptureQueriesContext(connection) as captured:
            assert Client().get(f"{BASE}?{query}").status_code == 200
        return len(captured)

    assert queries("from=old&to=new") <= queries("from=multi&to=multi2") <= 8
