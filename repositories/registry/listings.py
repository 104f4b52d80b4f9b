"""What docker lists: `docker search` (v1) shows what is public, the catalog what the caller may see."""

import json
from urllib.parse import quote

from django.http import HttpRequest, HttpResponse

from portal.accounts.actor import ANONYMOUS
from portal.kit.errors import Unauthorized
from repositories import access
from repositories.registry import tokens, verify
from repositories.registry.errors import VERSION, VERSION_HEADER, not_allowed, respond, unauthorized
from repositories.registry.signing import Access
from repositories.search import matching

SEARCH_DEFAULT, SEARCH_MAX = 25, 100
CATALOG_DEFAULT, CATALOG_MAX = 100, 1_000


def ping_v1(request: HttpRequest) -> HttpResponse:
    """`docker search` asks this first; the header makes it send what it knows of the user (moby, registry/session)."""
    return HttpResponse("true", content_type="application/json", headers={"X-Docker-Registry-Standalone": "true"})


def search_v1(request: HttpRequest) -> HttpResponse:
    """GET /v1/search?q=&n=: public repositories only, whoever asks, as Docker Hub does; the most starred first.

    A credential is not needed, but a wrong one is 401: an answer in spite of it would hide that it is wrong.
    """
    if request.method != "GET":
        return not_allowed("GET")
    try:
        _check_caller(request)
    except Unauthorized as error:
        return respond(401, "UNAUTHORIZED", error.message, headers={"WWW-Authenticate": tokens.BASIC_CHALLENGE})
    query = request.GET.get("q", "")
    count = _number(request.GET.get("n"), default=SEARCH_DEFAULT, most=SEARCH_MAX)
    rows = matching(access.visible(ANONYMOUS), query).order_by("-star_count", "id")[:count]
    results = [
        {
            "name": row.full_name,
            "description": row.description,
            "star_count": row.star_count,
            "is_official": False,
            "is_automated": False,
        }
        for row in rows
    ]
    return _json({"query": query, "num_results": len(results), "results": results})


def catalog(request: HttpRequest) -> HttpResponse:
    """GET /v2/_catalog?n=&last=, with a Link to the next page (OCI distribution's paging). One query.

    The registry's own would show every name. Anonymous clients are challenged, as the registry does.
    """
    if request.method not in ("GET", "HEAD"):
        return not_allowed("GET", "HEAD")
    try:
        verified = verify.bearer(request)
        actor = verify.actor_of(verified) if verified else None
    except verify.InvalidToken:
        return unauthorized(request, [Access("catalog", ("*",), type="registry")], error="invalid_token")
    if actor is None:
        return unauthorized(request, [Access("catalog", ("*",), type="registry")])
    count = _number(request.GET.get("n"), default=CATALOG_DEFAULT, most=CATALOG_MAX)
    rows = access.visible(actor).filter(full_name__gt=request.GET.get("last", "").replace("\0", ""))
    names = list(rows.order_by("full_name").values_list("full_name", flat=True)[: count + 1])
    response = _json({"repositories": names[:count]})
    if len(names) > count:
        response["Link"] = f'</v2/_catalog?last={quote(names[count - 1])}&n={count}>; rel="next"'
    response[VERSION_HEADER] = VERSION
    return response


def _check_caller(request: HttpRequest) -> None:
    """By Basic, by a registry token, or nobody. Raises Unauthorized. Wrong passwords count as at the token service."""
    verified = verify.bearer(request)
    if verified is not None:
        verify.actor_of(verified)
        return
    tokens.authenticate(tokens.parse_caller(request))


def _number(text: str | None, *, default: int, most: int) -> int:
    """Out of bounds is brought within: a client that asks for more gets what there is at most."""
    if text is None or not text.isascii() or not text.isdecimal():
        return default
    return max(1, min(int(text[:9]), most))


def _json(document: object) -> HttpResponse:
    return HttpResponse(json.dumps(document), content_type="application/json", headers={"Cache-Control": "no-store"})
