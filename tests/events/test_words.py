"""Every action that the code records has words that people read."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

from portal.events.words import GROUPS, expand, word

CODE = sorted(
    path for room in ("portal", "orgs", "repositories") for path in (Path(settings.BASE_DIR) / room).rglob("*.py")
)
RECORDS = re.compile(r"_?record\w*|_update\w*")
ACTION = re.compile(r"[a-z]+(?:\.[a-z_]+)+")
WORDS = {word.name: word for group in GROUPS for word in group.words}


def recorded_in(source: str) -> Iterator[str]:
    """Names of actions among the arguments of `record(…)`, `_record(…)` and the helpers of `actions.py` around them."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and RECORDS.fullmatch(called(node.func)):
            for argument in [*node.args, *(keyword.value for keyword in node.keywords if keyword.arg == "action")]:
                yield from names_in(argument)


def called(function: ast.expr) -> str:
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def names_in(argument: ast.expr) -> Iterator[str]:
    """Also of `"a" if … else "b"`, and of `f"a.{verb}"`: all that begin so, or the beginning where none does."""
    if isinstance(argument, ast.IfExp):
        yield from names_in(argument.body)
        yield from names_in(argument.orelse)
    elif isinstance(argument, ast.JoinedStr):
        begin = argument.values[0].value if isinstance(argument.values[0], ast.Constant) else ""
        if ACTION.fullmatch(str(begin).rstrip(".")):
            yield from [name for name in WORDS if name.startswith(str(begin))] or [str(begin)]
    elif isinstance(argument, ast.Constant) and isinstance(argument.value, str) and ACTION.fullmatch(argument.value):
        yield argument.value


def test_the_look_into_the_code_finds_names() -> None:
    source = (
        "record('a.b', actor=x)\n_update(actor, Permission.X, row, 'a.c')\nrecord('a.d' if x else 'a.e')\nother('a.f')"
    )
    assert list(recorded_in(source)) == ["a.b", "a.c", "a.d", "a.e"]


@pytest.mark.parametrize("path", CODE, ids=lambda path: str(path.relative_to(settings.BASE_DIR)))
def test_what_is_recorded_has_words(path) -> None:
    assert {name for name in recorded_in(path.read_text()) if name not in WORDS} == set()


def test_no_word_is_left_over() -> None:
    """A filter that can find nothing is none."""
    recorded = {name for path in CODE for name in recorded_in(path.read_text())}
    assert set(WORDS) - recorded == set()


def test_every_action_has_one_place_and_a_sentence() -> None:
    names = [word.name for group in GROUPS for word in group.words]
    assert len(names) == len(set(names))
    for each in WORDS.values():
        assert str(each.label)
        assert str(each.description).endswith(".")
        assert len(each.name) <= 64, "the column's length"


def test_a_group_stands_for_its_actions() -> None:
    assert set(expand("org")) == {name for name in WORDS if name.startswith("org.")}
    assert expand("repo.create") == ("repo.create",)
    assert expand("") == ()


def test_an_action_without_words_keeps_its_name() -> None:
    assert (word("gone.action").label, word("gone.action").description) == ("gone.action", "")
