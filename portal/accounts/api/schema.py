"""What the OpenAPI description says beyond what the views tell by themselves."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema

from portal.accounts.api.base import ApiView

LIMITED = ("/auth/token", "/users/login", "/comments", "/invites/bulk")
"""Ends of the paths whose POST may be sent only so often."""
ASKING_THE_REGISTRY = {
    "get": ("/images/{digest}/manifest",),
    "post": ("/roll-back", "/restore", "/copy"),
    "delete": ("/tags/{tag}", "/images/{digest}"),
}
"""By method, ends of the paths that wait for the registry, and to write for another write of the same tag."""
CONFLICTING = ("/ping", "/resume", "/redeliver")
"""Ends of the paths whose POST needs a webhook that is switched on, or one that is paused."""
OPERATORS = "/v2/registry/"
"""Whoever is none gets 404 there."""
METHODS = ("get", "post", "put", "patch", "delete")
_ERROR = {
    "type": "object",
    "description": "A sentence, twice: of Docker Hub's clients some read the one, some the other.",
    "required": ["detail", "message"],
    "properties": {"detail": {"type": "string"}, "message": {"type": "string"}},
}
_VALIDATION = {
    "type": "object",
    "description": "What is wrong with which field.",
    "required": ["detail", "message"],
    "properties": {
        "detail": {"type": "string"},
        "message": {"type": "string"},
        "text": {"type": "string"},
        "fields": {"type": "object", "additionalProperties": {"type": "array", "items": {"type": "string"}}},
    },
}
_LIMITED = {
    "type": "object",
    "required": ["detail", "message", "error"],
    "properties": {"detail": {"type": "string"}, "message": {"type": "string"}, "error": {"type": "boolean"}},
}


class BearerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # registers itself
    target_class = "portal.accounts.api.authentication.BearerAuthentication"
    name = "bearer"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        return {
            "type": "http",
            "scheme": "bearer",
            "description": "A token of `/v2/auth/token` or `/v2/users/login`, or a personal access token itself.",
        }


class BrowserScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # likewise
    target_class = "portal.accounts.api.authentication.BrowserAuthentication"
    name = "browser"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        description = "The session of a signed-in browser; what writes needs the header `X-CSRFToken`."
        return {"type": "apiKey", "in": "cookie", "name": "sessionid", "description": description}


class HubSchema(AutoSchema):
    """Named in the settings. Knows from a view's declared needs which methods answer to nobody."""

    def get_auth(self) -> list[dict[str, Any]]:
        known: list[dict[str, Any]] = super().get_auth()
        view = self.view
        is_open = isinstance(view, ApiView) and self.method == "GET" and view.needs["GET"] in view.open_needs
        return [*known, {}] if known and is_open else known


def only_api(endpoints: list[tuple[str, str, str, Any]]) -> list[tuple[str, str, str, Any]]:
    """Before: leave out whatever does not live under /v2/."""
    return [row for row in endpoints if row[0].startswith("/v2/")]


def add_errors(result: dict[str, Any], **_kwargs: Any) -> dict[str, Any]:
    """After: the answers that every operation shares, by what the operation takes."""
    schemas = result["components"]["schemas"]
    schemas["Error"], schemas["ValidationError"], schemas["RateLimited"] = _ERROR, _VALIDATION, _LIMITED
    for path, operations in result["paths"].items():
        for method in METHODS:
            if method in operations:
                _add_errors(
                    operations[method],
                    takes_path="{" in path or path.startswith(OPERATORS),
                    is_limited=path.endswith(LIMITED),
                    conflicts=method == "post" and path.endswith(CONFLICTING),
                )
                if path.endswith(ASKING_THE_REGISTRY.get(method, ())):
                    _add_registry_errors(operations[method]["responses"], writes=method != "get")
    return result


def _add_registry_errors(answers: dict[str, Any], *, writes: bool) -> None:
    if writes:
        answers.setdefault("409", _answer("It is not as the request takes it to be, or not any more.", "Error"))
    away = "The registry does not answer, or the tag is being written: try again."
    answers["503"] = _answer(away if writes else "The registry does not answer: try again.", "Error")


def _add_errors(operation: dict[str, Any], *, takes_path: bool, is_limited: bool, conflicts: bool) -> None:
    answers = operation["responses"]
    kind = "ValidationError" if "requestBody" in operation else "Error"
    takes_body = "requestBody" in operation
    queries = [row for row in operation.get("parameters", []) if row["in"] == "query"]
    if takes_body or queries:
        answers.setdefault("400", _answer("What was sent cannot be accepted.", "ValidationError"))
    answers.setdefault("401", _answer("No credential where one is needed, or one that is not valid.", "Error"))
    if {} not in operation.get("security", [{}]):
        answers.setdefault("403", _answer("Visible, but not allowed: the sentence says why.", kind))
    if takes_path or queries:
        answers.setdefault("404", _answer("Does not exist, or may not be known of.", "Error"))
    if takes_body:
        answers.setdefault("415", _answer("The body is not JSON, or does not say so.", "Error"))
    if conflicts:
        answers.setdefault("409", _answer("The webhook's state does not fit, or these are too many.", "Error"))
    if takes_body and "security" in operation:
        answers.setdefault("409", _answer("Taken, or there are too many.", "ValidationError"))
    if takes_body and is_limited:
        answers.setdefault("429", _answer("Too many tries.", "RateLimited"))
    for answer in answers.values():
        answer["description"] = answer["description"] or "Done."
    operation["responses"] = dict(sorted(answers.items()))


def _answer(description: str, schema: str) -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}}
    return {"description": description, "content": content}
