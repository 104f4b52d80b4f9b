"""Answers in the registry's own error format, and its challenges. Docker shows what stands in them.

For a JSON body docker first shows `details`, then `errors[]`; a framework's own `detail` is lost on it. With 403 and
409 clients would put "unknown:" before `details`, in place of the code's own word.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from portal.kit.errors import MoorageError, Text
from repositories.registry.signing import Access

# Code of our error -> the registry's (Distribution's api/errcode and api/v2). A code not listed is UNKNOWN.
CODES = {
    "unauthorized": "UNAUTHORIZED",
    "forbidden": "DENIED",
    "rate_limited": "TOOMANYREQUESTS",
    "unavailable": "UNAVAILABLE",
    "registry_unavailable": "UNAVAILABLE",
    "not_found": "NAME_UNKNOWN",
    "name_unknown": "NAME_UNKNOWN",
    "manifest_unknown": "MANIFEST_UNKNOWN",
    "blob_unknown": "BLOB_UNKNOWN",
    "invalid": "UNSUPPORTED",
    "conflict": "DENIED",
    "tag_immutable": "DENIED",
    "deletion_off": "UNSUPPORTED",
}
VERSION_HEADER = "Docker-Distribution-Api-Version"
VERSION = "registry/2.0"


def respond(
    status: int, code: str, message: Text, *, detail: Any = None, headers: Mapping[str, str] | None = None
) -> HttpResponse:
    """An error of the registry protocol. `code` is one of Distribution's."""
    text = str(message)
    entry: dict[str, Any] = {"code": code, "message": text}
    if detail is not None:
        entry["detail"] = detail
    body: dict[str, Any] = {"errors": [entry]}
    if status not in (403, 409):
        body["details"] = text
    response = HttpResponse(
        json.dumps(body), status=status, content_type="application/json", headers=dict(headers or {})
    )
    response[VERSION_HEADER] = VERSION
    response["Cache-Control"] = "no-store"
    return response


def answer(error: MoorageError) -> HttpResponse:
    """Our own error, as a registry would say it."""
    return respond(error.status, CODES.get(error.code, "UNKNOWN"), error.message)


def not_allowed(*methods: str) -> HttpResponse:
    return respond(405, "UNSUPPORTED", "The operation is unsupported.", headers={"Allow": ", ".join(methods)})


def challenge(request: HttpRequest, access: Iterable[Access] = (), *, error: str = "", description: Text = "") -> str:
    """A Www-Authenticate value that sends the client to our token service, under the address that it used itself."""
    realm = f"{request.scheme}://{request.get_host()}/token"
    parts = {"realm": realm.lower(), "service": settings.REGISTRY_SERVICE}
    scope = " ".join(entry.scope() for entry in access)
    parts |= {"scope": scope} if scope else {}
    parts |= {"error": error} if error else {}
    parts |= {"error_description": _ascii(str(description))} if description else {}
    return "Bearer " + ",".join(f'{name}="{value}"' for name, value in parts.items())


def unauthorized(
    request: HttpRequest,
    access: Iterable[Access] = (),
    *,
    error: str = "",
    description: Text = "",
    message: Text = "authentication required",
) -> HttpResponse:
    """401 as the registry gives it, with the challenge for `access`. `error` as in RFC 6750 3.1."""
    wanted = list(access)
    detail = [
        {"Type": entry.type, "Class": "", "Name": entry.name, "Action": action}
        for entry in wanted
        for action in entry.actions
    ]
    header = challenge(request, wanted, error=error, description=description)
    headers = {"WWW-Authenticate": header}
    return respond(401, "UNAUTHORIZED", message, detail=detail or None, headers=headers)


def _ascii(text: str) -> str:
    """RFC 6750 3 allows an error_description printable ASCII without `"` and backslash."""
    plain = text.translate(
        {ord("“"): "'", ord("”"): "'", ord("’"): "'", ord('"'): "'", ord("\\"): "/", ord("…"): "..."}
    )
    return "".join(letter if " " <= letter <= "~" else "?" for letter in plain)
