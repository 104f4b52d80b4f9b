"""A template of one's own, from its text to the bytes that are sent. See `sandbox` for what keeps it harmless."""

import json
import traceback
from collections.abc import Mapping, Sequence
from copy import deepcopy
from functools import lru_cache
from typing import Any, NoReturn

from django.utils.translation import gettext as _
from jinja2 import Template, TemplateSyntaxError

from repositories.webhooks import schemas
from repositories.webhooks.formats.errors import NotRendered
from repositories.webhooks.formats.sandbox import grammar, limits
from repositories.webhooks.formats.sandbox.environment import Environment

Document = Mapping[str, Any]

KEPT = 64
"""Compiled templates that a process keeps."""
NEAR = 24
"""Characters before and after a fault of the result that are shown."""
_FILE = "<template>"  # what Jinja calls a template without a file, in tracebacks too

_environment = Environment()


def render(text: str, document: Document) -> bytes:
    """Raises NotRendered with the line where it can be told."""
    if len(text) > limits.TEXT_MAX:
        raise NotRendered(_("A template may have %(most)d characters.") % {"most": limits.TEXT_MAX})
    template = _compiled(text)
    with limits.running(document):
        try:
            result = _joined(template, document)
        except (NotRendered, MemoryError, RecursionError) as error:
            raise NotRendered(_with_line(error, str(error) or _("This is too much."))) from error
        except Exception as error:
            raise NotRendered(_with_line(error, str(error))) from error
    return _checked_json(result)


def _joined(template: Template, document: Document) -> str:
    pieces, size = [], 0
    for piece in template.generate(document):
        size += len(piece)
        if size > limits.OUTPUT_MAX:
            raise NotRendered(_("The result is longer than %(most)d KB.") % {"most": limits.OUTPUT_MAX // 1024})
        pieces.append(piece)
    return "".join(pieces)


def _with_line(error: BaseException, problem: str) -> str:
    frames = [number for frame, number in traceback.walk_tb(error.__traceback__) if frame.f_code.co_filename == _FILE]
    return _("Line %(line)d: %(problem)s") % {"line": frames[-1], "problem": problem} if frames else problem


@lru_cache(maxsize=KEPT)
def _compiled(text: str) -> Template:
    """Raises NotRendered. Whatever is too deep for Jinja's parser or Python's compiler ends as one of their errors.

    Limited as a rendering is, since Jinja applies filters to constants already here.
    """
    try:
        with limits.running({}):
            tree = _environment.parse(text)
            grammar.check(tree)
            grammar.bound(tree)
            return _environment.from_string(tree)
    except TemplateSyntaxError as error:
        raise NotRendered(_at_line(error.lineno, error.message or "")) from error
    except (RecursionError, MemoryError) as error:
        raise NotRendered(_("This is nested too deeply.")) from error
    except (SyntaxError, ValueError, OverflowError) as error:
        raise NotRendered(_("The template cannot be read: %(reason)s") % {"reason": error}) from error


def _at_line(line: int, problem: str) -> str:
    return _("Line %(line)d: %(problem)s") % {"line": line, "problem": problem}


def _checked_json(result: str) -> bytes:
    try:
        json.loads(result, parse_constant=_refuse)
        body = result.encode()
    except json.JSONDecodeError as error:
        raise NotRendered(_why_no_json(result, error)) from error
    except (ValueError, RecursionError) as error:
        raise NotRendered(_("The result is not JSON: %(reason)s") % {"reason": error}) from error
    if len(body) > limits.OUTPUT_MAX:
        raise NotRendered(_("The result is longer than %(most)d KB.") % {"most": limits.OUTPUT_MAX // 1024})
    return body


def _refuse(name: str) -> NoReturn:
    raise ValueError(name)


def _why_no_json(result: str, error: json.JSONDecodeError) -> str:
    if not result.strip():
        return _("The result is empty.")
    near = result[max(error.pos - NEAR, 0) : error.pos + NEAR]
    words = _("The result is not JSON. In its line %(line)d, near “%(near)s”: %(reason)s.")
    return words % {"line": error.lineno, "near": near.strip(), "reason": error.msg}


def check(template: str, events: Sequence[str]) -> None:
    """Raises NotRendered when it cannot be read, or does not give JSON for an example of each of the events.

    Each is tried twice: with everything there is, and with what a document may lack, such as the platforms.
    """
    if not template.strip():
        raise NotRendered(_("Write a template first."))
    _compiled(template)
    for name in events:
        example = schemas.example(name)
        _try(template, example, _("For the event “%(event)s”: %(problem)s"), name)
        _try(template, _bare(example), _("For the event “%(event)s”, when its lists are empty: %(problem)s"), name)


def _try(template: str, document: Document, words: str, event: str) -> None:
    try:
        render(template, document)
    except NotRendered as error:
        raise NotRendered(words % {"event": event, "problem": error}) from error


def _bare(example: dict[str, Any]) -> dict[str, Any]:
    """As of an artifact without platforms, in a repository that is gone."""
    bare = deepcopy(example)
    for value in bare.values():
        if isinstance(value, dict):
            value |= {key: [] for key, each in value.items() if isinstance(each, list)}
    if "repository" in bare:
        bare["repository"] |= {"created_at": None, "description": "", "full_description": ""}
    return bare
