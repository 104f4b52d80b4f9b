"""What the pages of every room share: tabs, the ways of htmx, and the way to the sign-in page."""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Concatenate, ParamSpec

from django.contrib.auth.views import redirect_to_login
from django.forms import Form
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils.cache import patch_vary_headers
from django.utils.functional import Promise

from portal.accounts.http import PortalRequest
from portal.kit.errors import Unauthorized

QUERY_MAX = 200
SEEN_LENGTH = 16
Args = ParamSpec("Args")
View = Callable[Concatenate[PortalRequest, Args], HttpResponseBase]


@dataclass(frozen=True)
class Tab:
    """For components/tabs.html."""

    label: str | Promise
    icon: str
    url: str
    active: bool
    count: int | None = None


def form_status(form: Form) -> int:
    """422 when the form came back with errors: htmx and tests tell it from a fresh one."""
    return 422 if form.is_bound and form.errors else 200


def is_partial(request: PortalRequest) -> bool:
    """Whether htmx asks for the part that changes, not for the page ("back" asks so for what its cache has lost)."""
    return bool(request.htmx) and not request.htmx.boosted and not request.htmx.history_restore_request


def answer(
    request: PortalRequest, page: str, partial: str, context: dict[str, Any], *, status: int = 200
) -> HttpResponse:
    """The page, or for htmx the part of it that changes; 204 for a poll that brings the `seen` of the context."""
    seen = context.get("seen")
    part = is_partial(request)
    if part and seen and request.GET.get("seen") == seen:
        return HttpResponse(status=204)
    response = render(request, partial if part else page, {**context, "is_partial": part}, status=status)
    patch_vary_headers(response, ["HX-Request"])  # else "back" may show the part alone
    return response


def seen(*values: Iterable[object]) -> str:
    """A short mark of what a page shows: a poll that brings the same one gets nothing."""
    text = repr([list(some) for some in values])
    return hashlib.sha256(text.encode()).hexdigest()[:SEEN_LENGTH]


def words(request: PortalRequest, name: str = "q") -> str:
    """What was typed into a filter."""
    return request.GET.get(name, "")[:QUERY_MAX].replace("\0", "").strip()


def sign_in_first(view: View[Args]) -> View[Args]:
    """Lead whoever is not signed in to the sign-in page and back here, where an action or access refuses nobody."""

    def wrapped(request: PortalRequest, /, *args: Args.args, **kwargs: Args.kwargs) -> HttpResponseBase:
        try:
            return view(request, *args, **kwargs)
        except Unauthorized:
            if request.method not in {"GET", "HEAD"}:
                raise
            return redirect_to_login(request.get_full_path())

    wrapped.__name__ = view.__name__
    wrapped.__doc__ = view.__doc__
    return wrapped
