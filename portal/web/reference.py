"""The reference of the API: our own page, drawn from the schema that the code gives.

The pages that come with the schema's library load third-party scripts and styles, which our content security policy and
the accessibility checks both refuse.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import translation
from django.utils.text import slugify
from django.views.decorators.http import require_safe
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiYamlRenderer

ORDER = [
    "sign in",
    "access tokens",
    "users",
    "organizations",
    "members",
    "invites",
    "teams",
    "organization access tokens",
    "repositories",
    "sharing",
    "effective access",
    "tags",
    "stars",
    "comments",
    "webhooks",
    "audit log",
]
TONES = {"get": "info", "post": "success", "patch": "warning", "delete": "danger"}
DEEPEST = 3
"""Levels of fields inside fields that are shown."""


@dataclass(frozen=True)
class Field:
    """A parameter, or a field of a body; `depth` says inside how many others it stands."""

    name: str
    kind: str
    note: str = ""
    required: bool = False
    """Must be sent; what is answered is always there."""
    depth: int = 0


@dataclass(frozen=True)
class Answer:
    status: str
    description: str
    kind: str = ""
    fields: list[Field] = field(default_factory=list)


@dataclass(frozen=True)
class Operation:
    """One method on one path."""

    slug: str
    method: str
    tone: str
    path: str
    summary: str
    description: str
    is_old: bool
    is_open: bool
    """Nobody may call it too."""
    parameters: list[Field]
    body: list[Field]
    answers: list[Answer]


@dataclass(frozen=True)
class Section:
    title: str
    slug: str
    operations: list[Operation]


@require_safe
def schema_yaml(request: HttpRequest) -> HttpResponse:
    """The OpenAPI description, as it is committed in docs/openapi.yaml."""
    return HttpResponse(_yaml(), content_type="application/yaml")


@require_safe
def schema_json(request: HttpRequest) -> HttpResponse:
    """The same for programs that read no YAML."""
    return HttpResponse(json.dumps(_schema()), content_type="application/json")


@require_safe
def reference(request: HttpRequest) -> HttpResponse:
    """Every path of the API, by subject. No query."""
    base = request.build_absolute_uri("/v2")
    body = json.dumps({"identifier": "alice", "secret": "…"}, ensure_ascii=False)
    context = {
        "sections": _sections(),
        "sign_in": f"curl {base}/auth/token -H 'Content-Type: application/json' -d '{body}'",
        "use": f'curl {base}/user -H "Authorization: Bearer $TOKEN"',
    }
    return render(request, "web/reference.html", context)


@cache
def _schema() -> dict[str, Any]:
    """Made once per process, in English as the code is."""
    with translation.override("en"):
        schema: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
        return schema


@cache
def _yaml() -> bytes:
    with translation.override("en"):
        return bytes(OpenApiYamlRenderer().render(_schema(), renderer_context={}))  # type: ignore[no-untyped-call]


@cache
def _sections() -> list[Section]:
    by_tag: dict[str, list[Operation]] = {tag: [] for tag in ORDER}
    for path, methods in _schema()["paths"].items():
        for method, described in methods.items():
            by_tag.setdefault(described["tags"][0], []).append(_operation(method, path, described))
    return [Section(title=tag.capitalize(), slug=slugify(tag), operations=rows) for tag, rows in by_tag.items() if rows]


def _operation(method: str, path: str, described: dict[str, Any]) -> Operation:
    body: dict[str, Any] = next(iter(described.get("requestBody", {}).get("content", {}).values()), {})
    return Operation(
        slug=slugify(described["operationId"]),
        method=method.upper(),
        tone=TONES.get(method, ""),
        path=path,
        summary=described["summary"],
        description=described.get("description", ""),
        is_old=described.get("deprecated", False),
        is_open={} in described.get("security", [{}]),
        parameters=[_parameter(row) for row in described.get("parameters", [])],
        body=list(_fields(body.get("schema", {}))),
        answers=[_answer(status, row) for status, row in described["responses"].items()],
    )


def _parameter(row: dict[str, Any]) -> Field:
    note = row.get("description") or row["schema"].get("description", "")
    return Field(name=row["name"], kind=_kind(row["schema"]), note=note, required=row.get("required", False))


def _answer(status: str, row: dict[str, Any]) -> Answer:
    content = next(iter(row.get("content", {}).values()), None)
    if content is None:
        return Answer(status=status, description=row["description"])
    schema = content["schema"]
    fields = [replace(row, required=False) for row in _fields(schema)] if status.startswith("2") else []
    return Answer(status=status, description=row["description"], kind=_kind(schema), fields=fields)


def _resolved(schema: dict[str, Any]) -> dict[str, Any]:
    """Follow a reference into the schema's components."""
    if "$ref" in schema:
        found: dict[str, Any] = _schema()["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        return _resolved(found)
    if "allOf" in schema:
        return {**_resolved(schema["allOf"][0]), **{key: value for key, value in schema.items() if key != "allOf"}}
    return schema


def _kind(schema: dict[str, Any]) -> str:
    """A type in words: `string`, `list of integer`, `date-time or null`, `name | -name`."""
    found = _resolved(schema)
    kind = str(found.get("format") or found.get("type", "any"))
    if found.get("type") == "array":
        kind = f"list of {_kind(found['items'])}"
    elif "enum" in found:
        kind = " | ".join(str(value) or '""' for value in found["enum"] if value is not None)
    return f"{kind} or null" if found.get("nullable") else kind


def _fields(schema: dict[str, Any], depth: int = 0) -> Iterator[Field]:
    """The fields of an object or of a list's objects, each followed by the fields inside it."""
    found = _resolved(schema)
    while found.get("type") == "array":
        found = _resolved(found["items"])
    required = found.get("required", [])
    for name, value in found.get("properties", {}).items():
        note = value.get("description", "")
        yield Field(name=name, kind=_kind(value), note=note, required=name in required, depth=depth)
        if depth < DEEPEST:
            yield from _fields(value, depth + 1)
