"""Repositories: their shapes, lists, creating, changing, deleting."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from portal.accounts.models import User
from repositories.models import Grant, Repository, Star, Visibility
from tests import factories
from tests.api.world import World, call, make_index, make_manifest, make_tag, sign_in, unconfirm
from tests.conftest import signed_in

pytestmark = pytest.mark.django_db
# name -> types, as Docker Hub's Go and TypeScript clients decode them (contract 2.2)
SHORT: dict[str, tuple[type, ...]] = {
    "name": (str,), "namespace": (str,), "repository_type": (str, type(None)), "status": (int,),
    "status_description": (str,), "description": (str,), "is_private": (bool,), "is_archived": (bool,),
    "star_count": (int,), "pull_count": (int,), "last_updated": (str, type(None)), "last_modified": (str, type(None)),
    "date_registered": (str,), "affiliation": (str,), "media_types": (list,),
    "content_types": (list,), "categories": (list,), "storage_size": (int,),
}  # fmt: skip
FULL: dict[str, tuple[type, ...]] = SHORT | {
    "user": (str,), "is_automated": (bool,), "collaborator_count": (int,), "hub_user": (str,), "has_starred": (bool,),
    "full_description": (str,), "archived_at": (str, type(None)), "permissions": (dict,),
    "immutable_tags_settings": (dict,), "source": (str, type(None)),
}  # fmt: skip
TIMES = ("last_updated", "last_modified", "date_registered")


def assert_shape(found: dict[str, Any], shape: dict[str, tuple[type, ...]]) -> None:
    assert set(found) == set(shape)
    for name, types in shape.items():
        assert type(found[name]) in types, name
    for name in TIMES:
        assert found[name] is None or found[name].endswith("Z"), "RFC 3339 with Z, or null"


def test_a_repository_of_its_own_has_the_full_shape(world: World) -> None:
    found = call("GET", "namespaces/alice/repositories/public/app", token=world.bearer).json()
    assert_shape(found, FULL)
    assert (found["user"], found["namespace"], found["name"]) == ("alice", "alice", "public/app")
    assert (found["star_count"], found["has_starred"], found["affiliation"]) == (1, False, "owner")
    assert found["permissions"] == {"read": True, "write": True, "admin": True}
    assert found["immutable_tags_settings"] == {"enabled": False, "rules": [], "exceptions": []}
    assert found == call("GET", "repositories/alice/public/app/", token=world.bearer).json()


def test_a_repository_in_a_list_has_the_short_shape(world: World) -> None:
    for path in ("namespaces/alice/repositories", "repositories/alice"):
        page = call("GET", path).json()
        assert list(page) == ["count", "next", "previous", "results"]
        assert [row["name"] for row in page["results"]] == ["public/app"]
        assert_shape(page["results"][0], SHORT)


def test_an_empty_repository_has_null_where_it_was_never_pushed(alice: User) -> None:
    factories.make_repository(alice, "app")
    found = call("GET", "repositories/alice/app", client=signed_in(alice)).json()
    assert found["last_updated"] is None
    assert (found["media_types"], found["content_types"], found["storage_size"]) == ([], [], 0)


def test_it_tells_what_it_holds(alice: User) -> None:
    row = factories.make_repository(alice, "app", visibility="public")
    image = make_manifest(row, 1)
    for tag in ("1", "2"):
        make_tag(row, tag, image)
    make_tag(row, "multi", make_index(row, 10))
    chart = "application/vnd.cncf.helm.config.v1+json"
    make_tag(row, "chart", make_manifest(row, 20, kind="artifact", artifact_type=chart, total_size=100))
    make_tag(row, "sbom", make_manifest(row, 21, kind="artifact", artifact_type="text/spdx", total_size=10))
    make_manifest(row, 30, total_size=999_999)
    found = call("GET", "repositories/alice/app").json()
    assert found["media_types"] == [
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.oci.image.manifest.v1+json",
    ]
    assert set(found["content_types"]) == {"image", "helm", "artifact"}
    assert found["storage_size"] == 3000 + 3000 + 100 + 10, "what no tag points to does not count"


def test_permissions_are_those_of_the_credential(world: World) -> None:
    def permissions(token: str) -> list[bool]:
        found = call("GET", "repositories/alice/public/app", token=token).json()["permissions"]
        return [found["read"], found["write"], found["admin"]]

    levels = {level: permissions(secret) for level, secret in world.secrets.items()}
    assert levels == {
        "repo:public_read": [True, False, False],
        "repo:read": [True, False, False],
        "repo:write": [True, True, False],
        "repo:admin": [True, True, True],
    }
    assert permissions(sign_in("charlie", factories.PASSWORD)) == [True, False, False]
    unconfirm(world.alice)
    assert permissions(world.bearer) == [True, False, False]


def test_a_list_is_filtered_and_ordered(alice: User, bob: User) -> None:
    now = timezone.now()
    for number, name in enumerate(("web", "api", "worker")):
        row = factories.make_repository(alice, name, visibility="public")
        Repository.objects.filter(pk=row.pk).update(
            pull_count=number, last_pushed_at=None if name == "api" else now - timedelta(hours=number)
        )
    factories.make_repository(bob, "other", visibility="public")

    def names(query: str) -> list[str]:
        return [row["name"] for row in call("GET", f"namespaces/alice/repositories?{query}").json()["results"]]

    assert names("") == ["worker", "api", "web"], "the last one made or pushed first"
    assert names("ordering=name") == ["api", "web", "worker"]
    assert names("ordering=-name") == ["worker", "web", "api"]
    assert names("ordering=pull_count") == ["web", "api", "worker"]
    assert names("ordering=-pull_count") == ["worker", "api", "web"]
    assert names("ordering=-last_updated") == ["web", "worker", "api"]
    assert names("ordering=last_updated") == ["worker", "web", "api"]
    assert names("name=W") == ["worker", "web"]
    assert names("name=%25") == []
    assert names("name=_") == []
    assert call("GET", "repositories/alice?ordering=size").json()["fields"].keys() == {"ordering"}
    assert call("GET", "repositories/alice?name=%00").status_code == 400


def test_an_unknown_namespace_is_not_found(alice: User) -> None:
    for path in (
        "namespaces/nobody/repositories",
        "repositories/nobody",
        "users/nobody",
        "users/nobody/repositories/starred",
    ):
        assert call("GET", path).status_code == 404
    assert call("GET", "repositories/ALICE").status_code == 200, "clients write names in any case"


def test_a_repository_is_created_private_unless_said_otherwise(alice: User) -> None:
    client = signed_in(alice)
    answer = call("POST", "repositories/", {"namespace": "alice", "name": "one"}, client=client)
    assert answer.status_code == 201
    assert_shape(answer.json(), FULL)
    assert answer.json()["is_private"] is True
    body = {"name": "two/deep", "is_private": False, "description": "short", "full_description": "  # long\n"}
    found = call("POST", "namespaces/alice/repositories", body, client=client).json()
    assert (found["name"], found["is_private"]) == ("two/deep", False)
    assert (found["description"], found["full_description"]) == ("short", "  # long\n")
    assert (
        call("POST", "repositories", {"name": "three", "registry": "docker"}, client=client).json()["namespace"]
        == "alice"
    )


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({"name": "Upper"}, 400, "name"),
        ({"name": "../x"}, 400, "name"),
        ({"name": "app/tags"}, 400, "name"),
        ({"name": "x" * 256}, 400, "name"),
        ({"name": ""}, 400, "name"),
        ({"name": None}, 400, "name"),
        ({"name": ["a"]}, 400, "name"),
        ({}, 400, "name"),
        ({"name": "app", "description": "x" * 101}, 400, "description"),
        ({"name": "app", "full_description": "x" * 262_145}, 400, "full_description"),
        ({"name": "app", "is_private": "perhaps"}, 400, "is_private"),
        ({"name": "app", "namespace": "bob"}, 403, "namespace"),
        ({"name": "app", "namespace": "nobody"}, 403, "namespace"),
        ({"name": "taken"}, 409, "name"),
    ],
    ids=str,
)
def test_what_is_wrong_stands_beside_its_field(
    alice: User, bob: User, body: dict[str, Any], status: int, field: str
) -> None:
    factories.make_repository(alice, "taken")
    answer = call("POST", "repositories", body, client=signed_in(alice))
    assert answer.status_code == status
    assert list(answer.json()["fields"]) == [field]
    assert answer.json()["message"] == answer.json()["detail"]
    assert Repository.objects.count() == 1


def test_what_is_left_out_of_a_change_stays(world: World) -> None:
    path = "repositories/alice/public/app"
    call("PATCH", path, {"description": "one", "full_description": "# two"}, token=world.bearer)
    found = call("PATCH", path, {"description": ""}, token=world.bearer).json()
    assert (found["description"], found["full_description"], found["is_private"]) == ("", "# two", False)
    found = call("PATCH", path, {"is_private": True}, token=world.bearer).json()
    assert (found["full_description"], found["is_private"]) == ("# two", True)
    assert call("GET", path).status_code == 404
    found = call("POST", f"{path}/privacy", {"is_private": False}, token=world.bearer).json()
    assert found["is_private"] is False


def test_a_change_is_made_whole_or_not_at_all(world: World) -> None:
    """A token of the level write may edit, but not make public or private."""
    path, token = "repositories/alice/public/app", world.secrets["repo:write"]
    assert call("PATCH", path, {"description": "new", "is_private": True}, token=token).status_code == 403
    assert Repository.objects.get(name="public/app").description == ""
    found = call("PATCH", path, {"description": "new", "is_private": False}, token=token)
    assert found.status_code == 200, "a visibility that stays is no change"
    assert call("PATCH", path, {"description": "x" * 101}, token=token).json()["fields"].keys() == {"description"}


def test_deleting_takes_everything_along(world: World) -> None:
    answer = call("DELETE", "repositories/alice/public/app/", token=world.bearer)
    assert (answer.status_code, answer.content) == (202, b"")
    assert not Star.objects.exists()
    assert not Repository.objects.filter(visibility=Visibility.PUBLIC).exists()
    assert not Grant.objects.filter(pattern="public/app").exists()


def test_one_reads_where_one_may_create(world: World) -> None:
    names = ["acme", "alice", "globex"]
    assert call("GET", "repositories/namespaces/", token=world.bearer).json() == {"namespaces": names}


def test_search_finds_what_one_may_see(world: World) -> None:
    page = call("GET", "search/repositories/?query=ALICE app&page_size=25").json()
    assert page["results"] == [
        {
            "repo_name": "alice/public/app",
            "short_description": "",
            "star_count": 1,
            "pull_count": 0,
            "repo_owner": "alice",
            "is_automated": False,
            "is_official": False,
        }
    ]
    assert call("GET", "search/repositories?query=app", token=world.bearer).json()["count"] == 2
    assert call("GET", "search/repositories?query=app", token=world.secrets["repo:public_read"]).json()["count"] == 1
    assert call("GET", "search/repositories").json()["count"] == 1
    assert call("GET", "search/repositories?query=100%25").json()["count"] == 0
    assert call("GET", "search/repositories?query=%00").status_code == 400
