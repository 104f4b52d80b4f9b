"""Home, explore, search, the theme switch."""

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.db.models import F, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST, require_safe

from portal.accounts.actor import Actor
from portal.accounts.http import PortalRequest
from portal.kit.paging import keyset
from portal.web.templatetags.ui import THEME_COOKIE, THEMES
from repositories.access import namespaces_of, shared_with, visible
from repositories.models import Repository, Visibility
from repositories.pages import answer
from repositories.search import QUERY_MAX, matching

OWN_SHOWN = 10
STARRED_SHOWN = 6
SHARED_SHOWN = 10
PUBLIC_SHOWN = 5
PAGE_SIZE = 20
ORDERS = {"updated": "-updated_at", "stars": "-star_count", "name": "full_name"}
YEAR = 365 * 24 * 60 * 60


@require_safe
def home(request: PortalRequest) -> HttpResponse:
    """The dashboard of whoever is signed in; for everybody else, what this is. Three queries, or one."""
    actor = request.actor
    if actor.is_anonymous:
        return render(request, "web/landing.html", {"repositories": _public(actor)[:PUBLIC_SHOWN]})
    own = list(_own(actor))
    context = {"repositories": own[:OWN_SHOWN], "has_more": len(own) > OWN_SHOWN, "starred": _starred(actor)}
    shared = shared_with(actor)
    context["shared"] = keyset(
        shared, by="-updated_at", cursor=request.GET.get("shared", ""), size=SHARED_SHOWN, keys_first=True
    )
    return render(request, "web/dashboard.html", context)


def _public(actor: Actor) -> QuerySet[Repository]:
    return visible(actor).filter(visibility=Visibility.PUBLIC).order_by("-updated_at", "-id")


def _own(actor: Actor) -> QuerySet[Repository]:
    """The last pushed, and one more. Found before their roles are asked for: of 10,000 that takes seconds."""
    rows = visible(actor).filter(namespace__in=namespaces_of(actor)).order_by("-updated_at", "-id")
    return visible(actor).filter(pk__in=rows.values("pk")[: OWN_SHOWN + 1]).order_by("-updated_at", "-id")


def _starred(actor: Actor) -> Sequence[Repository]:
    """Newest star first. A star on what the actor may no longer see stays hidden."""
    rows = visible(actor).filter(stars__user=actor.user_id).annotate(starred=F("stars__id"))
    return list(rows.order_by("-starred")[:STARRED_SHOWN])


@require_safe
def explore(request: PortalRequest) -> HttpResponse:
    """All public repositories, newest push first. One query."""
    rows = visible(request.actor).filter(visibility=Visibility.PUBLIC)
    return _list(request, rows, "web/explore.html", {})


@require_safe
def search(request: PortalRequest) -> HttpResponse:
    """Repositories that the visitor may see, by part of name or description. One query."""
    query = request.GET.get("q", "")[:QUERY_MAX].replace("\0", "")
    rows = matching(visible(request.actor), query)
    return _list(request, rows, "web/search.html", {"search_query": " ".join(query.split())})


def _list(request: PortalRequest, rows: QuerySet[Repository], template: str, context: dict[str, Any]) -> HttpResponse:
    order = request.GET.get("order", "")
    order = order if order in ORDERS else "updated"
    page = keyset(rows, by=ORDERS[order], cursor=request.GET.get("cursor", ""), size=PAGE_SIZE, keys_first=True)
    return answer(request, template, "web/repository_results.html", {**context, "page": page, "order": order})


@require_POST
def theme(request: HttpRequest) -> HttpResponse:
    """The theme switch without a script."""
    wanted = request.POST.get("next", "")
    safe = url_has_allowed_host_and_scheme(
        wanted, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    response = redirect(wanted if safe else "/")
    chosen = request.POST.get("theme")
    if chosen in THEMES:
        response.set_cookie(THEME_COOKIE, chosen, max_age=YEAR, samesite="Lax", secure=settings.TLS)
    return response
