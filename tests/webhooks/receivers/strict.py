"""JSON into a struct, as Go does it: a known field has its type, a whole number is no float, others are ignored.

Stricter in one thing: Go takes null for any field.
"""

import json
from collections.abc import Mapping
from typing import Any

from tests.webhooks.receivers.fake import Refused

Shape = type | Mapping[str, Any] | list[Any]
"""A type; names with their shapes; or, for a list, the shape of each."""


def decode(body: bytes, shape: Shape, *, status: int = 400) -> Any:
    """What of the body the shape knows, its zero value where it is missing. Raises Refused with `status`."""
    try:
        return _decoded(json.loads(body), shape, "the body")
    except (ValueError, TypeError) as error:
        raise Refused(status, str(error)) from error


def _decoded(value: Any, shape: Shape, where: str) -> Any:
    if isinstance(shape, Mapping):
        _check(value, dict, where)
        return {name: _field(value, name, each, where) for name, each in shape.items()}
    if isinstance(shape, list):
        _check(value, list, where)
        return [_decoded(each, shape[0], f"{where}[]") for each in value]
    if shape is not object:
        _check(value, shape, where)
    return value


def _field(given: dict[str, Any], name: str, shape: Shape, where: str) -> Any:
    return _decoded(given[name], shape, f"{where}.{name}") if name in given else _zero(shape)


def _zero(shape: Shape) -> Any:
    if isinstance(shape, Mapping):
        return {name: _zero(each) for name, each in shape.items()}
    return [] if isinstance(shape, list) else shape()


def _check(value: Any, kind: type, where: str) -> None:
    """A bool is an int to Python, and none to others."""
    if type(value) is not kind:
        raise TypeError(f"{where} is {type(value).__name__}, not {kind.__name__}: {value!r}")
