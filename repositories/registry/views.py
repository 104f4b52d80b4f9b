"""The token endpoint."""

import json
import logging
from datetime import UTC, datetime
from typing import Any

from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse

from portal.kit.errors import MoorageError, Unauthorized
from repositories.registry import tokens
from repositories.registry.errors import answer, not_allowed, respond

HEADERS = {"Content-Type": "application/json", "Cache-Control": "no-store"}
_to_json = json.JSONEncoder().encode
log = logging.getLogger(__name__)


def token(request: HttpRequest) -> HttpResponse:
    """GET or POST /token (Distribution's docs/spec/auth/token.md and oauth.md). Errors are the registry's own."""
    if request.method not in ("GET", "POST"):
        return not_allowed("GET", "POST")
    try:
        issued = tokens.issue(tokens.parse(request))
    except Unauthorized as error:
        # Docker prints the body's `details` behind "unauthorized: ".
        return respond(401, "UNAUTHORIZED", error.message, headers={"WWW-Authenticate": tokens.BASIC_CHALLENGE})
    except MoorageError as error:
        return answer(error)
    except DatabaseError:
        log.exception("The database failed a request for a registry token.")
        return respond(503, "UNAVAILABLE", "the token service is out of order for a moment; try again")
    body = _body(issued, posted=request.method == "POST")
    return HttpResponse(_to_json(body), headers=HEADERS)


def _body(issued: tokens.Issued, *, posted: bool) -> dict[str, Any]:
    signed = issued.signed
    body = {
        "token": signed.token,
        "access_token": signed.token,
        "expires_in": signed.expires_in,
        "issued_at": datetime.fromtimestamp(signed.issued_at, UTC).isoformat(),
    }
    if posted:
        body["scope"] = " ".join(entry.scope() for entry in issued.granted)
    if issued.refresh_token:
        body["refresh_token"] = issued.refresh_token
    return body
