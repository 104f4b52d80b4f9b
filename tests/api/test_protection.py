"""Immutable tags and the archive by the API: Docker Hub's switch and rules, exceptions, what RE2 says of a pattern."""

from typing import Any

import pytest

from portal.events.models import Event
from tests.api.world import World, call, make_tag

pytestmark = pytest.mark.django_db
APP = "namespaces/alice/repositories/public/app"


def patch(world: World, expected: int = 200, path: str = f"{APP}/immutabletags", **body: Any) -> dict[str, Any]:
    answer = call("PATCH", path, body, token=world.secrets["repo:admin"])
    assert answer.status_code == expected, answer.content
    found: dict[str, Any] = answer.json()
    return found


def settings(world: World) -> Any:
    return call("GET", APP).json()["immutable_tags_settings"]


def test_a_switch_without_rules_means_all_tags(world: World) -> None:
    assert patch(world, immutable_tags=True)["immutable_tags_settings"]["enabled"]
    world.public.repository.refresh_from_db()
    assert world.public.repository.immutability == "all"
    patch(world, immutable_tags=False)
    assert settings(world) == {"enabled": False, "rules": [], "exceptions": []}


def test_rules_and_exceptions_stay_when_the_switch_goes_off_and_on(world: World) -> None:
    patch(world, immutable_tags=True, immutable_tags_rules=["v.*", "", "v.*"], immutable_tags_exceptions=[".*-dev"])
    assert settings(world) == {"enabled": True, "rules": ["v.*"], "exceptions": [".*-dev"]}
    patch(world, immutable_tags=False)
    assert settings(world) == {"enabled": False, "rules": ["v.*"], "exceptions": [".*-dev"]}
    patch(world, immutable_tags=True)
    assert settings(world) == {"enabled": True, "rules": ["v.*"], "exceptions": [".*-dev"]}
    patch(world, immutable_tags_rules=[])
    world.public.repository.refresh_from_db()
    assert world.public.repository.immutability == "all"


def test_what_was_read_can_be_sent_back(world: World) -> None:
    """As Terraform does; a token that may not protect tags changes the description with it."""
    patch(world, immutable_tags=True, immutable_tags_rules=["v.*"])
    body = {"description": "new", "immutable_tags": True, "immutable_tags_rules": "v.*"}
    answer = call("PATCH", "repositories/alice/public/app", body, token=world.secrets["repo:write"])
    assert answer.status_code == 200, answer.content
    body["immutable_tags"] = False
    answer = call("PATCH", "repositories/alice/public/app", body, token=world.secrets["repo:write"])
    assert answer.status_code == 403
    assert settings(world)["enabled"]


def test_the_whole_repository_takes_rules_as_one_text(world: World) -> None:
    rules = r"v\d{1,3}, (a,b), [,x]+"
    patch(world, path="repositories/alice/public/app", immutable_tags=True, immutable_tags_rules=rules)
    assert settings(world)["rules"] == [r"v\d{1,3}", "(a,b)", "[,x]+"]


@pytest.mark.parametrize(
    ("body", "field", "words"),
    [
        ({"immutable_tags_rules": ["v["]}, "immutable_tags_rules", "missing ]"),
        ({"immutable_tags_rules": ["v.*", "(?=a)"]}, "immutable_tags_rules", "(?="),
        ({"immutable_tags_rules": ["x" * 256]}, "immutable_tags_rules", "255 characters"),
        ({"immutable_tags_rules": [f"v{n}" for n in range(31)]}, "immutable_tags_rules", "At most 30"),
        ({"immutable_tags_exceptions": ["a{9999}"]}, "immutable_tags_exceptions", "repetition"),
    ],
)
def test_a_pattern_that_is_none_is_answered_by_its_field(world: World, body: Any, field: str, words: str) -> None:
    assert words in patch(world, 400, immutable_tags=True, **body)["fields"][field][0]
    assert not settings(world)["enabled"]


def test_verify_lists_what_a_rule_would_cover(world: World) -> None:
    for name in ("v2", "v10", "latest"):
        make_tag(world.public.repository, name, world.public.tag.manifest)
    token = world.secrets["repo:admin"]
    assert call("POST", f"{APP}/immutabletags/verify", {"regex": r"v\d"}, token=token).json() == {
        "tags": ["v1", "v2"],
        "count": 2,
    }
    assert call("POST", f"{APP}/immutabletags/verify", {"regex": "nothing"}, token=token).json()["tags"] == []
    wrong = call("POST", f"{APP}/immutabletags/verify", {"regex": "v("}, token=token)
    assert (wrong.status_code, wrong.json()["fields"]["regex"]) == (400, ["“v(”: missing ): v("])


def test_a_change_is_recorded_with_old_and_new(world: World) -> None:
    patch(world, immutable_tags=True, immutable_tags_rules=["v.*"])
    patch(world, immutable_tags=True, immutable_tags_rules=["v.*"])
    event = Event.objects.get(action="repo.immutable.tags.updated")
    assert event.old == {"immutability": "off", "immutable_rules": []}
    assert event.new == {"immutability": "matching", "immutable_rules": ["v.*"]}


def test_archive_and_back(world: World) -> None:
    token = world.secrets["repo:admin"]
    for _twice in range(2):
        found = call("POST", f"{APP}/-/archive", token=token).json()
        assert (found["status"], found["status_description"], found["is_archived"]) == (2, "archived", True)
        assert found["archived_at"].endswith("Z")
        assert found["permissions"] == {"read": True, "write": False, "admin": True}
    refused = call("PATCH", APP, {"description": "x"}, token=token)
    assert (refused.status_code, refused.json()["detail"]) == (
        403,
        "The repository is archived: it can be pulled and not changed.",
    )
    assert [row["name"] for row in call("GET", "namespaces/alice/repositories?status=archived").json()["results"]] == [
        "public/app"
    ]
    assert call("GET", "namespaces/alice/repositories?status=active").json()["count"] == 0
    back = call("POST", f"{APP}/-/unarchive", token=token).json()
    assert (back["status"], back["archived_at"], back["permissions"]["write"]) == (1, None, True)
    recorded = Event.objects.filter(action__in=["repo.archive", "repo.unarchive"]).order_by("id")
    assert list(recorded.values_list("action", flat=True)) == ["repo.archive", "repo.unarchive"]
