"""Tags and their images."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from portal.accounts.models import User
from repositories.images.models import Manifest, Tag
from repositories.models import Repository
from tests.api.world import OCI_INDEX, OCI_MANIFEST, call, digest, make_index, make_manifest, make_tag

pytestmark = pytest.mark.django_db
TAG = [
    "id", "name", "creator", "last_updated", "last_updater", "last_updater_username", "repository", "full_size", "v2",
    "tag_status", "tag_last_pulled", "tag_last_pushed", "images", "media_type", "content_type", "digest",
    "pull_count", "is_signed", "signed_by", "attestations",
]  # fmt: skip
IMAGE = [
    "architecture", "features", "variant", "digest", "os", "os_features", "os_version", "size", "status", "last_pulled",
    "last_pushed",
]  # fmt: skip
BOTH = ("namespaces/alice/repositories/public-app/tags", "repositories/alice/public-app/tags")


def get(path: str) -> Any:
    answer = call("GET", path)
    assert answer.status_code == 200, answer.content
    return answer.json()


@pytest.mark.parametrize("path", BOTH)
def test_a_tag_has_the_types_that_clients_decode(public_app: Repository, alice: User, bob: User, path: str) -> None:
    tag = make_tag(public_app, "latest", make_manifest(public_app, 1), bob)
    Tag.objects.filter(pk=tag.pk).update(pushed_by=alice, pushed_by_name="alice")
    found = get(f"{path}/latest")
    assert list(found) == TAG
    assert list(found["images"][0]) == IMAGE
    assert (found["id"], found["repository"]) == (tag.pk, public_app.pk)
    assert (found["creator"], found["last_updater"], found["last_updater_username"]) == (bob.pk, alice.pk, "alice")
    assert (found["v2"], found["tag_status"], found["full_size"]) == (True, "active", 3000)
    assert (found["media_type"], found["content_type"], found["digest"]) == (OCI_MANIFEST, "image", digest(1))
    assert found["last_updated"] == found["tag_last_pushed"]
    assert found["last_updated"].endswith("Z")
    assert found["tag_last_pulled"] is None
    image = found["images"][0]
    assert (image["os"], image["architecture"], image["variant"], image["os_version"]) == ("linux", "amd64", None, None)
    assert (image["digest"], image["size"], image["status"]) == (digest(1), 3000, "active")
    assert get(path)["results"] == [found]


@pytest.mark.parametrize("path", BOTH)
def test_a_multi_platform_image_lists_its_platforms(public_app: Repository, path: str) -> None:
    make_tag(public_app, "multi", make_index(public_app, 10))
    found = get(f"{path}/multi")
    assert found["media_type"] == OCI_INDEX
    shown = [(i["architecture"], i["variant"], i["digest"], i["size"]) for i in found["images"]]
    assert shown == [
        ("amd64", None, digest(11), 3000),
        ("arm64", "v8", digest(12), 480),
    ], "of what the registry lacks, the manifest's own size is known"
    assert get(path)["results"] == [found]
    layers = [image["layers"] for image in get(f"{path}/multi/images")]
    assert [len(each) for each in layers] == [3, 0]


@pytest.mark.parametrize("path", BOTH)
def test_the_images_of_a_tag_are_a_bare_list_with_layers(public_app: Repository, path: str) -> None:
    make_tag(public_app, "latest", make_manifest(public_app, 1))
    found = get(f"{path}/latest/images/")
    assert isinstance(found, list)
    assert list(found[0]) == [*IMAGE, "layers"]
    assert found[0]["layers"] == [
        {"digest": digest(9001), "size": 2000, "instruction": "ADD rootfs"},
        {"digest": None, "size": 0, "instruction": 'CMD ["sh"]'},
        {"digest": digest(9002), "size": 900, "instruction": "COPY app"},
    ]


@pytest.mark.parametrize(
    ("config", "instructions"),
    [
        ({}, ["", ""]),
        ({"history": "x"}, ["", ""]),
        ({"history": [None, 1, {"created_by": None}]}, ["", ""]),
        ({"history": [{"created_by": "a"}]}, ["a", ""]),
        ({"history": [{"created_by": str(n)} for n in range(3)]}, ["0", "1", "2"]),
        ([], ["", ""]),
    ],
)
def test_a_config_that_somebody_made_up_breaks_nothing(
    public_app: Repository, config: Any, instructions: list[str]
) -> None:
    make_tag(public_app, "latest", make_manifest(public_app, 1, config=config))
    found = get(f"{BOTH[1]}/latest/images")
    assert [layer["instruction"] for layer in found[0]["layers"]] == instructions


def test_an_artifact_is_told_from_an_image(public_app: Repository) -> None:
    chart = make_manifest(public_app, 1, kind="artifact", artifact_type="application/vnd.cncf.helm.config.v1+json")
    make_tag(public_app, "chart", chart)
    make_tag(public_app, "other", make_manifest(public_app, 2, kind="artifact", artifact_type="text/x"))
    assert {row["name"]: row["content_type"] for row in get(BOTH[0])["results"]} == {
        "chart": "helm",
        "other": "artifact",
    }


def test_a_tag_that_came_another_way_has_no_person(public_app: Repository) -> None:
    tag = make_tag(public_app, "found", make_manifest(public_app, 1))
    found = get(f"{BOTH[0]}/{tag.name}")
    assert (found["creator"], found["last_updater"], found["last_updater_username"]) == (0, 0, "")


def test_a_tag_without_a_push_or_pull_for_a_month_is_inactive(public_app: Repository) -> None:
    make_tag(public_app, "old", make_manifest(public_app, 1))
    ago = datetime.now(UTC) - timedelta(days=31)
    Tag.objects.update(pushed_at=ago)
    assert get(f"{BOTH[0]}/old")["tag_status"] == "inactive"
    Tag.objects.update(last_pulled_at=datetime.now(UTC))
    assert get(f"{BOTH[0]}/old")["tag_status"] == "active"


def test_a_list_is_filtered_and_ordered_as_on_docker_hub(public_app: Repository) -> None:
    manifest = make_manifest(public_app, 1)
    for number, name in enumerate(("b-1", "a-2", "c-10")):
        tag = make_tag(public_app, name, manifest)
        Tag.objects.filter(pk=tag.pk).update(pushed_at=datetime(2026, 1, 1 + number, tzinfo=UTC))

    def names(query: str) -> list[str]:
        return [row["name"] for row in get(f"{BOTH[1]}/?{query}")["results"]]

    assert names("") == ["c-10", "a-2", "b-1"]
    assert names("ordering=last_updated") == ["c-10", "a-2", "b-1"], "the newest first: scripts take results[0]"
    assert names("ordering=-last_updated") == ["b-1", "a-2", "c-10"]
    assert names("ordering=-name") == ["a-2", "b-1", "c-10"]
    assert names("ordering=name") == ["c-10", "b-1", "a-2"]
    assert names("name=-1&page_size=10000") == ["c-10", "b-1"]
    assert call("GET", f"{BOTH[1]}?ordering=digest").status_code == 400


def test_what_is_no_tag_is_not_found(public_app: Repository) -> None:
    make_tag(public_app, "v1", make_manifest(public_app, 1))
    for path in (f"{BOTH[0]}/v2", f"{BOTH[1]}/v2/images", f"{BOTH[0]}/V1", f"{BOTH[0]}/-x", f"{BOTH[0]}/{'x' * 129}"):
        answer = call("GET", path)
        assert answer.status_code == 404, path
        assert answer.json()["detail"] == answer.json()["message"]


@pytest.mark.parametrize("tag", ["tags", "images", "stars", "webhooks", "latest"])
def test_a_tag_may_be_called_like_a_part_of_a_path(public_app: Repository, tag: str) -> None:
    make_tag(public_app, tag, make_manifest(public_app, 1))
    for path in BOTH:
        assert get(f"{path}/{tag}")["name"] == tag
        assert len(get(f"{path}/{tag}/images")) == 1


def test_a_tag_of_another_repository_is_not_shown(public_app: Repository, private_app: Repository) -> None:
    make_tag(private_app, "secret", make_manifest(private_app, 1))
    assert get(BOTH[0])["count"] == 0
    assert call("GET", f"{BOTH[0]}/secret").status_code == 404


def test_a_platform_of_another_repository_is_not_shown(public_app: Repository, private_app: Repository) -> None:
    """The same digest may lie in both; what is known of it elsewhere stays there."""
    make_manifest(private_app, 12, total_size=777)
    make_tag(public_app, "multi", make_index(public_app, 10))
    assert [image["size"] for image in get(f"{BOTH[0]}/multi")["images"]] == [3000, 480]
    assert Manifest.objects.filter(digest=digest(12)).count() == 1
