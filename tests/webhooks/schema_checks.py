"""Compares documents with their schemas, more strictly than receivers should."""

from copy import deepcopy
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from jsonschema import Draft202012Validator, FormatChecker  # type: ignore[import-untyped]

from repositories.webhooks import schemas


def _is_time(value: Any) -> bool:
    return not isinstance(value, str) or (value.endswith("Z") and datetime.fromisoformat(value) is not None)


def _is_url(value: Any) -> bool:
    return not isinstance(value, str) or bool(urlsplit(value).scheme and urlsplit(value).hostname)


FORMATS = FormatChecker(())
FORMATS.checkers = {"date-time": (_is_time, (ValueError,)), "uri": (_is_url, ())}


def problems(document: dict[str, Any], event_type: str) -> list[str]:
    """What the schema does not allow, a key that it does not know included."""
    validator = Draft202012Validator(closed(schemas.schema(event_type)), format_checker=FORMATS)
    return [f"{'.'.join(map(str, error.absolute_path))}: {error.message}" for error in validator.iter_errors(document)]


def closed(schema: dict[str, Any]) -> dict[str, Any]:
    shut = deepcopy(schema)
    for value in [shut, *_within(shut)]:
        if value.get("type") == "object":
            value["additionalProperties"] = False
    return shut


def _within(value: Any) -> list[dict[str, Any]]:
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [found for child in children for found in ([child] if isinstance(child, dict) else []) + _within(child)]
