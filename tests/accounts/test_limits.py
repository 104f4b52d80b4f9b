"""Limits of access tokens as people and Docker Hub's clients write them."""

from typing import Any

import pytest

from portal.accounts import hub_resources, limits
from portal.accounts.models import TokenAction, TokenLevel
from portal.kit.errors import Invalid


def entry(path: str, *actions: str) -> dict[str, Any]:
    return {"path": path, "actions": list(actions)}


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ([entry("acme/api", "pull")], [entry("acme/api", "pull")]),
        ([entry("acme/api", "push")], [entry("acme/api", "pull", "push")]),
        ([entry("acme/*", "delete")], [entry("acme/*", "pull", "push", "delete")]),
        ([entry("acme/a/b/*", "webhooks", "pull")], [entry("acme/a/b/*", "pull", "webhooks")]),
        ([entry("acme/api", "view", "pull")], [entry("acme/api", "pull")]),
        ([entry("acme/api", "view")], [entry("acme/api", "view")]),
        ([entry("acme/a", "pull"), entry("acme/a", "webhooks")], [entry("acme/a", "pull", "webhooks")]),
        ([entry("*", "pull", "audit:read")], [entry("*", "pull", "audit:read")]),
        ([entry("acme", "webhooks")], [entry("acme", "webhooks")]),
        ([entry("acme", "organization:manage")], [entry("acme", "organization:read", "organization:manage")]),
    ],
    ids=str,
)
def test_what_is_kept(given: list[dict[str, Any]], kept: list[dict[str, Any]]) -> None:
    assert limits.parse(given) == kept
    assert limits.parse(kept) == kept


@pytest.mark.parametrize(
    ("given", "field", "part"),
    [
        ("acme/api", "resources", "list of places"),
        ([], "resources", "list of places"),
        ({"path": "acme/api"}, "resources", "list of places"),
        (["acme/api"], "resources.0", "Entry 1"),
        ([entry("acme/a", "pull"), entry("acme/api", "fly")], "resources.1", "Entry 2 (“acme/api”)"),
        ([entry("acme/api")], "resources.0", "at least one action"),
        ([{"path": "acme/api", "actions": [["pull"]]}], "resources.0", "no action"),
        ([{"path": "acme/api", "actions": "pull"}], "resources.0", "list of “actions”"),
        ([{"path": 7, "actions": ["pull"]}], "resources.0", "Entry 1:"),
        ([entry("acme", "pull")], "resources.0", "write “acme/*”"),
        ([entry("acme/api", "organization:read")], "resources.0", "write “acme” alone"),
        ([entry("acme/", "pull")], "resources.0", "“acme/*”"),
        ([entry("Acme/api", "pull")], "resources.0", "lower-case"),
        ([entry("acme/API", "pull")], "resources.0", "lower-case"),
        ([entry("acme*", "pull")], "resources.0", "at the end only"),
        ([entry("*/api", "pull")], "resources.0", "at the end only"),
        ([entry("acme/*/api", "pull")], "resources.0", "at the end only"),
        ([entry("acme//x", "pull")], "resources.0", "such as"),
        ([entry("", "pull")], "resources.0", "Entry 1"),
        ([entry("acme/" + "x" * 300, "pull")], "resources.0", "255"),
        ([entry("x" * 40, "organization:read")], "resources.0", "lower-case"),
        ([entry(f"acme/app{number}", "pull") for number in range(51)], "resources", "at most 50"),
    ],
)
def test_what_is_wrong_names_the_entry(given: Any, field: str, part: str) -> None:
    with pytest.raises(Invalid) as caught:
        limits.parse(given)
    assert list(caught.value.fields) == [field]
    assert part in str(caught.value.message)


@pytest.mark.parametrize(
    ("text", "actions", "kept"),
    [
        ("acme/api\n\n  acme/web  \nacme/api", ["pull"], [entry("acme/api", "pull"), entry("acme/web", "pull")]),
        ("acme\nacme/*", ["pull", "organization:read"], [entry("acme", "organization:read"), entry("acme/*", "pull")]),
        ("acme/api: push\nacme/web", ["pull"], [entry("acme/api", "pull", "push"), entry("acme/web", "pull")]),
        ("acme: organization:read, audit:read", [], [entry("acme", "organization:read", "audit:read")]),
        ("*", ["pull"], [entry("*", "pull")]),
    ],
)  # fmt: skip
def test_lines_of_a_form(text: str, actions: list[str], kept: list[dict[str, Any]]) -> None:
    assert limits.from_lines(text, actions) == kept
    assert limits.from_lines(*limits.to_lines(kept)) == kept


@pytest.mark.parametrize(
    ("text", "actions", "field", "part"),
    [
        ("", ["pull"], "resources", "at least one place"),
        (" \n ", ["pull"], "resources", "at least one place"),
        ("acme/api", [], "actions", "at least one action"),
        ("acme/api", ["fly"], "actions", "at least one action"),
        ("acme/api\nacme//", ["pull"], "resources.1", "Entry 2"),
        ("acme/api\nacme", ["pull"], "resources.1", "write “acme/*”"),
        ("acme/api", ["pull", "audit:read"], "actions", "add a line “acme”"),
        ("acme", ["pull", "audit:read"], "actions", "add a line “acme/*”"),
        ("acme/api: fly", [], "resources.0", "no action “fly”"),
        ("acme/api:", [], "resources.0", "at least one action"),
        ("acme/api: pull", ["push"], "actions", "leave these out"),
    ],
)
def test_lines_that_are_wrong(text: str, actions: list[str], field: str, part: str) -> None:
    with pytest.raises(Invalid) as caught:
        limits.from_lines(text, actions)
    assert list(caught.value.fields) == [field]
    assert part in str(caught.value.message)


@pytest.mark.parametrize(
    ("actions", "level"),
    [
        (["view"], TokenLevel.READ),
        (["pull"], TokenLevel.READ),
        (["push"], TokenLevel.WRITE),
        (["description"], TokenLevel.WRITE),
        (["create"], TokenLevel.WRITE),
        (["pull", "webhooks"], TokenLevel.ADMIN),
        (["delete"], TokenLevel.ADMIN),
        (["manage"], TokenLevel.ADMIN),
    ],
)
def test_the_least_level_that_lets_the_limits_through(actions: list[str], level: TokenLevel) -> None:
    assert limits.least_level(limits.parse([entry("acme/web", "view"), entry("acme/api", *actions)])) == level


def test_nothing_needs_the_lowest_level() -> None:
    assert limits.least_level([]) == TokenLevel.PUBLIC_READ


def test_limits_in_words() -> None:
    kept = limits.parse([entry("acme/payments/*", "push"), entry("acme", "audit:read")])
    assert limits.sentence(kept) == "pull, push on acme/payments/*; read the audit log on acme"
    assert limits.sentence(None) == "wherever its owner may"
    assert limits.sentence([]) == "public repositories only"
    assert limits.words(None) == []
    assert limits.action_words(["pull", "gone"]) == "pull"


def test_every_action_has_words_and_stands_in_a_form() -> None:
    from portal.accounts.token_forms import ORGANIZATION_CHOICES, REPOSITORY_CHOICES

    assert set(limits.WORDS) == set(TokenAction)
    assert {action for action, _label in [*REPOSITORY_CHOICES, *ORGANIZATION_CHOICES]} == set(TokenAction)


def resource(kind: str, path: str, *scopes: str) -> dict[str, Any]:
    return {"type": kind, "path": path, "scopes": list(scopes)}


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ([resource("TYPE_REPO", "acme/api", "scope-image-pull")], [entry("acme/api", "pull")]),
        ([resource("TYPE_REPO", "acme/*", "scope-image-push")], [entry("acme/*", "pull", "push")]),
        ([resource("TYPE_REPO", "acme/*", "scope-image-delete")], [entry("acme/*", "pull", "push", "delete")]),
        ([resource("TYPE_REPO", "acme/api", "scope-repository-read")], [entry("acme/api", "view")]),
        ([resource("TYPE_REPO", "acme/api", "scope-repository-edit")], [entry("acme/api", "description")]),
        ([resource("TYPE_REPO", "acme/api", "scope-repository-admin")], [entry("acme/api", "description", "manage")]),
        ([resource("TYPE_REPO", "acme/api", "scope-tag-read", "scope-webhook-edit")], [entry("acme/api", "webhooks")]),
        ([resource("TYPE_ORG", "acme", "scope-webhook-admin")], [entry("acme", "webhooks")]),
        ([resource("TYPE_REPO", "acme/api", "scope-tag-admin")], [entry("acme/api", "delete")]),
        ([resource("TYPE_REPO", "acme/ci/*", "scope-repository-create")], [entry("acme/ci/*", "create")]),
        ([resource("TYPE_ORG", "acme", "scope-repository-list")], [entry("acme/*", "view")]),
        (
            [resource("TYPE_ORG", "acme", "scope-member-edit", "scope-activity-read", "scope-repository-create")],
            [entry("acme", "organization:read", "organization:manage", "audit:read"), entry("acme/*", "create")],
        ),
        ([resource("TYPE_REPO", "*/*/public", "scope-image-pull")], []),
        ([entry("acme/api", "push")], [entry("acme/api", "pull", "push")]),
    ],
    ids=str,
)  # fmt: skip
def test_docker_hubs_resources_allow_no_more_than_they_say(
    given: list[dict[str, Any]], kept: list[dict[str, Any]]
) -> None:
    assert hub_resources.parse(given) == kept


@pytest.mark.parametrize(
    ("given", "field", "part"),
    [
        ("acme/api", "resources", "Send a list"),
        ([], "resources", "Send a list"),
        ([resource("TYPE_REPO", "acme/api", "scope-image-fly")], "resources.0", "no scope “scope-image-fly”"),
        ([resource("TYPE_REPO", "acme/api", "scope-webhook-read")], "resources.0", "no scope “scope-webhook-read”"),
        ([resource("TYPE_REPO", "*/*/public", "scope-nothing")], "resources.0", "scope-nothing"),
        ([resource("TYPE_REPO", "acme/api")], "resources.0", "at least one scope"),
        ([resource("TYPE_REPO", "acme", "scope-image-pull")], "resources.0", "TYPE_ORG"),
        ([resource("TYPE_ORG", "acme/*", "scope-member-read")], "resources.0", "TYPE_ORG"),
        ([resource("TYPE_ORG", "acme", "scope-image-pull")], "resources.0", "other type"),
        ([resource("TYPE_REPO", "acme/api", "scope-member-read")], "resources.0", "other type"),
        ([resource("TYPE_CAKE", "acme/api", "scope-image-pull")], "resources.0", "TYPE_REPO or TYPE_ORG"),
        ([resource("TYPE_REPO", "acme//", "scope-image-pull")], "resources.0", "acme//"),
        ([{"type": "TYPE_REPO", "path": "acme/api", "scopes": [7]}], "resources.0", "“7”"),
        ([7], "resources.0", "Entry 1"),
        ([entry("acme/web", "pull"), entry("acme/api", "fly")], "resources.1", "Entry 2"),
    ],
)
def test_wrong_resources_are_named(given: Any, field: str, part: str) -> None:
    with pytest.raises(Invalid) as caught:
        hub_resources.parse(given)
    assert list(caught.value.fields) == [field]
    assert part in str(caught.value.message)


def test_our_limits_in_docker_hubs_words_and_back() -> None:
    """Where Hub has a word for it; `delete` is written as the two scopes that it is made of."""
    for action in TokenAction:
        path = "acme" if action in limits.ORGANIZATION_ACTIONS else "acme/api"
        kept = limits.parse([entry(path, action)])
        again = hub_resources.parse(hub_resources.shown(kept))
        assert set(kept[0]["actions"]) <= set(again[0]["actions"])
        extra = {"description"} if action == TokenAction.MANAGE else set()
        assert set(again[0]["actions"]) - set(kept[0]["actions"]) <= extra
    assert hub_resources.shown(None) == []
