"""Scope strings, of which anybody may send any."""

import pytest
from hypothesis import example, given, settings, strategies as st

from portal.kit.errors import Invalid
from repositories.names import NAME
from repositories.registry.scopes import FULL_NAME_MAX, SCOPES_MAX, Scope, parse_scopes

APP = Scope("alice/app", ("pull",))
# Texts near the grammar find more than any text does.
PIECES = st.sampled_from(
    ["repository", "registry", "(plugin)", ":", "/", " ", ",", "alice", "app", "pull", "*", "A", "\0"]
)
NAMES = st.lists(st.sampled_from(["a", "b1", "a-b", "a--b", "a_b", "a__b", "a.b", "0"]), min_size=1, max_size=9).map(
    "/".join
)
NEAR = st.lists(PIECES, max_size=20).map("".join)


@pytest.mark.parametrize(
    ("parameters", "scopes"),
    [
        ([], []),
        ([""], []),
        (["repository:alice/app:pull"], [APP]),
        (["  repository:alice/app:pull\t\n"], [APP]),
        (["repository(plugin):alice/app:pull"], [APP]),
        (["repository(:alice/app:pull"], [APP]),
        (["repository:alice/app:pull", "repository:alice/app:pull"], [APP]),
        (["repository:alice/app:push repository:alice/app:pull,push"], [Scope("alice/app", ("push", "pull"))]),
        (["repository:alice/app:*"], [Scope("alice/app", ("*",))]),
        (["repository:alice/app:fly,PULL,,pull"], [Scope("alice/app", ("fly", "PULL", "", "pull"))]),
        (["repository:alice/a/b:pull repository:x:pull"], [Scope("alice/a/b", ("pull",)), Scope("x", ("pull",))]),
        (["repository:host:5000/alice/app:pull"], []),
        (["repository:alice/app"], []),
        (["repository::pull", "repository:", "::", "garbage"], []),
        (["registry:catalog:*", "Repository:alice/app:pull", "xrepository:alice/app:pull"], []),
        (["repository:alice/../app:pull", "repository:/alice:pull", "repository:alice%2fapp:pull"], []),
    ],
)
def test_what_is_asked_for(parameters, scopes) -> None:
    assert parse_scopes(parameters) == scopes


def test_a_name_is_at_most_as_long_as_the_registry_takes() -> None:
    longest = "a" * FULL_NAME_MAX
    assert parse_scopes([f"repository:{longest}:pull"]) == [Scope(longest, ("pull",))]
    assert parse_scopes([f"repository:{longest}a:pull"]) == []


def test_there_is_a_limit_for_all_parameters_together() -> None:
    words = [f"repository:alice/app{number}:pull" for number in range(SCOPES_MAX)]
    assert len(parse_scopes(words)) == len(parse_scopes([" ".join(words)])) == SCOPES_MAX
    for parameters in ([*words, "x"], [" ".join(words), "x"], ["x " * 500], [" ".join(words[:1] * 101)]):
        with pytest.raises(Invalid):
            parse_scopes(parameters)


@given(st.lists(st.text() | NEAR, max_size=5))
@example(["repository:" * 50])
@example([" ".join(["x"] * 101)])
@settings(deadline=None)
def test_any_text_is_a_list_of_scopes_or_too_long(parameters) -> None:
    try:
        scopes = parse_scopes(parameters)
    except Invalid:
        assert sum(len(text.split()) for text in parameters) > SCOPES_MAX
        return
    names = [scope.name for scope in scopes]
    assert len(set(names)) == len(names) <= SCOPES_MAX
    for scope in scopes:
        assert NAME.fullmatch(scope.name)
        assert len(set(scope.actions)) == len(scope.actions)


@given(NAMES, st.sets(st.sampled_from("abc")))
@settings(deadline=None)
def test_a_good_one_is_found_whatever_stands_around_it(name, actions) -> None:
    wanted = ",".join(sorted(actions))
    found = parse_scopes([f"garbage repository:{name}:{wanted} ::: registry:catalog:*"])
    assert found == [Scope(name, tuple(wanted.split(",")))]
