"""The OpenAPI description, and the page drawn from it."""

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.conf import settings
from django.core.management import call_command
from django.test import Client
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from tests.api.test_table import IDS, TABLE, resolved
from tests.api.world import World, call

pytestmark = pytest.mark.django_db
COMMITTED = Path(settings.BASE_DIR) / "docs" / "openapi.yaml"


def test_the_committed_description_is_what_the_code_says(tmp_path: Path) -> None:
    fresh = tmp_path / "openapi.yaml"
    call_command("spectacular", "--validate", "--fail-on-warn", "--file", str(fresh))
    assert fresh.read_text() == COMMITTED.read_text(), "run manage.py spectacular --file docs/openapi.yaml"


def test_the_description_is_served_to_everybody() -> None:
    answer = Client().get("/api/schema")
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/yaml")
    assert answer.content.decode() == COMMITTED.read_text()
    assert json.loads(Client().get("/api/schema.json").content) == yaml.safe_load(answer.content)


@cache
def described() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(COMMITTED.read_text())
    return found


def test_the_description_tells_which_paths_need_no_sign_in() -> None:
    paths = described()["paths"]
    assert {} in paths["/v2/repositories/{namespace}/{repository}"]["get"]["security"]
    assert {} not in paths["/v2/repositories/{namespace}/{repository}"]["patch"]["security"]
    assert {} not in paths["/v2/repositories/{namespace}/{repository}/webhooks"]["get"]["security"]
    assert "security" not in paths["/v2/auth/token"]["post"]


def path_of(path: str) -> str:
    """The description's path of a path in the table."""
    return re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", f"/{resolved(path).route}")


def inlined(schema: Any, components: dict[str, Any]) -> Any:
    """As JSON Schema, which knows neither OpenAPI 3.0's components nor its nullable."""
    if isinstance(schema, list):
        return [inlined(each, components) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return inlined(components[schema["$ref"].rpartition("/")[2]], components)
    found = {key: inlined(value, components) for key, value in schema.items()}
    return {"anyOf": [found, {"type": "null"}]} if found.pop("nullable", False) else found


@pytest.mark.parametrize(("method", "path", "body", "expected"), TABLE, ids=IDS)
def test_what_is_answered_is_what_is_described(
    world: World, method: str, path: str, body: Any, expected: tuple[int, ...]
) -> None:
    """Of the owner with a password, of nobody, and of an access token that may only read."""
    document = described()
    operation = document["paths"][path_of(path)][method.lower()]
    for token in (world.secrets["repo:read"], "", world.bearer):
        answer = call(method, path.format(**world.names()), body, token=token)
        described_answer = operation["responses"][str(answer.status_code)]
        if answer.streaming:
            assert answer["Content-Type"].partition(";")[0] in described_answer["content"]
        elif answer.content:
            schema = described_answer["content"]["application/json"]["schema"]
            found = inlined(schema, document["components"]["schemas"])
            Draft202012Validator(found).validate(answer.json())
            if isinstance(answer.json(), dict):
                assert set(answer.json()) <= set(found["properties"])
        else:
            assert "content" not in described_answer


def test_the_reference_shows_every_operation() -> None:
    answer = Client().get("/docs/api")
    page = answer.content.decode()
    assert answer.status_code == 200
    for path, methods in described()["paths"].items():
        assert path in page
        for operation in methods.values():
            assert operation["summary"].replace("'", "&#x27;") in page
    assert "curl http://testserver/v2/auth/token" in page
    assert "full_description" in page
