"""What the pages of a repository share, whatever room they are in: header, tabs, star; and the ways of htmx."""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Concatenate, ParamSpec

from django.contrib.auth.views import redirect_to_login
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from portal.accounts.http import PortalRequest
from portal.kit.errors import Text, Unauthorized
from repositories.access import Can, Permission, decide
from repositories.models import Repository

QUERY_MAX = 200
SEEN_LENGTH = 16
Args = ParamSpec("Args")
View = Callable[Concatenate[PortalRequest, Args], HttpResponse]


@dataclass(frozen=True)
class Tab:
    """For components/tabs.html."""

    label: str | Promise
    icon: str
    url: str
    active: bool
    count: int | None = None


def frame(request: PortalRequest, repository: Repository, tab: str) -> dict[str, Any]:
    """The context of templates/repositories/frame.html. One query for somebody signed in, else none."""
    actor = request.actor
    starred = actor.user_id is not None and repository.stars.filter(user_id=actor.user_id).exists()
    star = decide(actor, Permission.STAR, role=repository.role)
    return {
        "repository": repository,
        "can": Can(actor, repository),
        "tabs": _tabs(repository, Can(actor, repository), tab),
        "starred": starred,
        "star_refusal": star.reason,
        "host": request.get_host(),
    }


def _tabs(repository: Repository, can: Can, active: str) -> list[Tab]:
    names: list[tuple[str, Text, str, int | None]] = [
        ("repository", _("Overview"), "book-open", None),
        ("repository_tags", _("Tags"), "tag", repository.tag_count),
        ("repository_history", _("History"), "history", None),
        ("repository_comments", _("Comments"), "message-square", repository.comment_count),
    ]
    if can.webhooks:
        names.append(("repository_webhooks", _("Webhooks"), "webhook", None))
    if can.edit:
        names.append(("repository_settings", _("Settings"), "settings", None))
    args = [repository.namespace_name, repository.name]
    return [Tab(label, icon, reverse(name, args=args), name == active, count) for name, label, icon, count in names]


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

    def wrapped(request: PortalRequest, /, *args: Args.args, **kwargs: Args.kwargs) -> HttpResponse:
        try:
            return view(request, *args, **kwargs)
        except Unauthorized:
            if request.method not in {"GET", "HEAD"}:
                raise
            return redirect_to_login(request.get_full_path())

    wrapped.__name__ = view.__name__
    wrapped.__doc__ = view.__doc__
    return wrapped
