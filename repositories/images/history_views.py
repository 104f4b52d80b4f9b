"""The history of a repository's tags, and what is left of a tag that is gone."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from portal.accounts.http import PortalRequest
from portal.kit.paging import keyset
from repositories.access import LEAST_ROLE, Permission, decide, fetch_repository
from repositories.images.history import Filters, entries_of, history_of
from repositories.images.history_forms import HistoryFilterForm
from repositories.images.plans import went
from repositories.models import Repository
from repositories.pages import answer, frame

PAGE_SIZE = 25
GONE_SHOWN = 10


@require_safe
def history(request: PortalRequest, namespace: str, name: str) -> HttpResponse:
    """What happened to all tags, or to those that the filters name. Five queries."""
    row = fetch_repository(request.actor, namespace, name)
    form = HistoryFilterForm(request.GET)
    context = frame(request, row, "repository_history") | _rights(request, row) | {"form": form}
    if form.is_valid():
        filters = form.filters()
        page = keyset(history_of(row, filters), by="-id", cursor=request.GET.get("cursor", ""), size=PAGE_SIZE)
        context |= {
            "page": page,
            "entries": entries_of(row, page.rows, may_push=context["can"].push),
            "is_filtered": bool(filters),
            "only": filters.tag,
        }
    return answer(request, "images/repository_history.html", "images/history_results.html", context)


def _rights(request: PortalRequest, repository: Repository) -> dict[str, Any]:
    """Credential and client of a push are for who may push, also while the repository is archived."""
    return {"sees_origin": repository.role >= LEAST_ROLE[Permission.PUSH]}


def gone_tag(request: PortalRequest, repository: Repository, tag: str) -> HttpResponse | None:
    """The page of a tag that was deleted or lost, with its history; None when there never was one. Six queries."""
    gone = went(repository, tag)
    if gone is None:
        return None
    may_push = decide(request.actor, Permission.PUSH, repository).allowed
    rows = list(history_of(repository, Filters(tag=tag)).order_by("-id")[: GONE_SHOWN + 1])
    entries = entries_of(repository, rows[:GONE_SHOWN], may_push=may_push)
    context = frame(request, repository, "repository_tags") | _rights(request, repository)
    context |= {
        "tag_name": tag,
        "gone": gone,
        "entries": entries,
        "has_more": len(rows) > GONE_SHOWN,
        "restore_url": next((entry.restore_url for entry in entries if entry.row.pk == gone.pk), ""),
    }
    return render(request, "images/history_gone_tag.html", context)
