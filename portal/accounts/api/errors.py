"""The API's error format, which is Docker Hub's.

A sentence stands in both `detail` and `message`: of Docker's own clients some read the one, some the other. What is
wrong with single fields stands in `fields`, and `text` repeats the sentence.
"""

import time
from collections.abc import Mapping
from typing import Any

from django.http import Http404
from rest_framework import exceptions, status
from rest_framework.response import Response
from rest_framework.views import APIView, exception_handler

from portal.kit.errors import MoorageError, NotFound, RateLimited, Unauthorized, Unavailable

LIMIT_DETAIL = "Rate limit exceeded"
"""Word for word what Docker Hub's clients look for; not translated."""
FORM_FIELD = "__all__"


def handle(error: Exception, context: Mapping[str, Any]) -> Response | None:
    """Named in the settings; called by the framework. None for what is no answer but a fault of ours."""
    if isinstance(error, MoorageError):
        return _answer_ours(error, context)
    if isinstance(error, Http404):
        return _answer(404, str(NotFound.default))
    if isinstance(error, exceptions.ValidationError):
        return _answer_fields(_flat(error.detail))
    if isinstance(error, exceptions.Throttled):
        wait = int(getattr(error, "wait", None) or RateLimited().retry_after)
        return _answer_limited(str(RateLimited.default), wait)
    response = exception_handler(error, dict(context))
    if response is None or not isinstance(error, exceptions.APIException):
        return response
    return _answer(response.status_code, str(error.detail), headers=dict(response.items()))


def _answer(code: int, message: str, *, headers: Mapping[str, str] | None = None) -> Response:
    return Response({"detail": message, "message": message}, status=code, headers=headers)


def _answer_ours(error: MoorageError, context: Mapping[str, Any]) -> Response:
    message = str(error.message)
    if isinstance(error, RateLimited):
        return _answer_limited(message, error.retry_after)
    headers = {"Retry-After": str(error.retry_after)} if isinstance(error, Unavailable) else {}
    view = context.get("view")
    if isinstance(error, Unauthorized) and isinstance(view, APIView):
        headers["WWW-Authenticate"] = view.get_authenticate_header(context["request"]) or 'Bearer realm="moorage-api"'
    if not error.fields:
        return _answer(error.status, message, headers=headers)
    fields = {name: [str(text) for text in texts] for name, texts in error.fields.items()}
    return _answer_fields(fields, message=message, code=error.status, headers=headers)


def _answer_fields(
    fields: dict[str, list[str]],
    *,
    message: str = "",
    code: int = status.HTTP_400_BAD_REQUEST,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """`message` is, when left out, the first field's first sentence, with the field's name in front."""
    if not message:
        name, texts = next(iter(fields.items()))
        message = texts[0] if name == FORM_FIELD else f"{name}: {texts[0]}"
    data = {"detail": message, "message": message, "fields": fields, "text": message}
    return Response(data, status=code, headers=headers)


def _answer_limited(message: str, retry_after: int) -> Response:
    data = {"detail": LIMIT_DETAIL, "message": message, "error": False}
    headers = {"Retry-After": str(retry_after), "X-Retry-After": str(int(time.time()) + retry_after)}
    return Response(data, status=status.HTTP_429_TOO_MANY_REQUESTS, headers=headers)


def _flat(detail: Any, path: str = "") -> dict[str, list[str]]:
    """Field -> sentences, with nested fields as `scopes.0`."""
    if isinstance(detail, Mapping):
        found: dict[str, list[str]] = {}
        for name, below in detail.items():
            step = FORM_FIELD if name == "non_field_errors" else str(name)
            found.update(_flat(below, f"{path}.{step}" if path else step))
        return found
    texts = detail if isinstance(detail, list) else [detail]
    return {path or FORM_FIELD: [str(text) for text in texts]}
