"""The schemas, their examples, and the page that shows them."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from repositories.webhooks import catalog, schemas
from tests.webhooks.schema_checks import problems

PAGE = Path(__file__).parents[2] / "docs" / "webhook-events.md"


def sections() -> dict[str, str]:
    found = re.split(r"^## `([a-z.]+)`$", PAGE.read_text("utf-8"), flags=re.MULTILINE)
    return dict(zip(found[1::2], found[2::2], strict=True))


def fields_of(schema: dict[str, Any], path: str = "") -> dict[str, str]:
    """Each with its description, as the page names them: `tag.platforms[].os`."""
    found: dict[str, str] = {}
    for name, value in schema.get("properties", {}).items():
        found[f"{path}{name}"] = value["description"]
        found |= fields_of(value, f"{path}{name}.") | fields_of(value.get("items", {}), f"{path}{name}[].")
    return found


@pytest.mark.parametrize("event_type", schemas.names())
def test_a_schema_is_one_and_its_example_fits(event_type: str) -> None:
    schema = schemas.schema(event_type)
    Draft202012Validator.check_schema(schema)
    assert schema["$id"] == f"urn:moorage:webhook:{event_type}:1"
    assert problems(schemas.example(event_type), event_type) == []


@pytest.mark.parametrize("event_type", schemas.names())
def test_a_schema_refuses_another_types_document(event_type: str) -> None:
    other = "star" if event_type != "star" else "push"
    assert any(each.startswith("type:") for each in problems(schemas.example(other), event_type))


def test_there_is_a_schema_for_each_event_type_and_for_no_other() -> None:
    assert schemas.names() == [kind.name for kind in catalog.TYPES] + ["ping"]
    with pytest.raises(KeyError):
        schemas.schema("pull")
    with pytest.raises(KeyError):
        schemas.example("pull")


def test_whoever_changes_an_example_or_a_schema_changes_their_own() -> None:
    schemas.example("push")["tag"]["name"] = "changed"
    schemas.schema("push")["properties"].clear()
    assert schemas.example("push")["tag"]["name"] == "1.4.2"
    assert schemas.schema("push")["properties"]


def test_the_page_has_a_section_for_each_event_type_in_order() -> None:
    assert list(sections()) == schemas.names()


@pytest.mark.parametrize("event_type", schemas.names())
def test_the_page_shows_the_example_and_explains_each_field(event_type: str) -> None:
    section = sections()[event_type]
    shown = re.findall(r"```json\n(.*?)```", section, flags=re.DOTALL)
    assert [json.loads(each) for each in shown] == [schemas.example(event_type)]
    assert schemas.identifier(event_type) in section
    common = PAGE.read_text("utf-8").partition("## `push`")[0]
    for name, description in fields_of(schemas.schema(event_type)).items():
        if name not in {"type", "cause"}:
            assert f"| `{name}` | {description} |" in section + common, name
