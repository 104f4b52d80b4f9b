"""Delete many tags: choose them, look at what goes, confirm, and watch the job."""

from typing import Any

from django.contrib import messages
from django.db.models import Count
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from portal.accounts.http import PortalRequest
from portal.kit.errors import Conflict, Invalid
from repositories.access import Permission, fetch_repository
from repositories.deletion import bulk_actions, bulk_filter, bulk_preview
from repositories.deletion.bulk_filter import Selection
from repositories.deletion.bulk_forms import BulkFilterForm, BulkForm
from repositories.deletion.models import BulkDeletion, BulkItem
from repositories.images import immutability
from repositories.models import Repository
from repositories.pages import answer, frame, seen, sign_in_first

PAGE_SIZE = 50
JOBS = 20
SKIPPED = 200
MANY = 10
"""With more tags than that, the repository's name is typed."""


@require_http_methods(["GET", "HEAD", "POST"])
@sign_in_first
def deletions(request: PortalRequest, namespace: str, name: str) -> HttpResponse:
    """Choose. Seven queries for any number of tags; a pattern reads every name."""
    row = fetch_repository(request.actor, namespace, name, Permission.DELETE_IMAGES)
    if request.method == "POST":
        return _confirm(request, row)
    return _choose(request, row)


def _choose(request: PortalRequest, repository: Repository, *, error: str = "", status: int = 200) -> HttpResponse:
    form = BulkFilterForm(request.GET)
    selection = form.selection if form.is_valid() else Selection()
    context = frame(request, repository, "repository_tags") | {"form": form, "selection": selection, "error": error}
    if not form.errors:
        found = bulk_filter.count(repository, selection)
        page = bulk_filter.tags(repository, selection, cursor=request.GET.get("cursor", ""), size=PAGE_SIZE)
        locked = immutability.covered(repository, [tag.name for tag in page.rows])
        context |= {"found": found, "page": page, "locked": locked, "as_of": selection.as_of.isoformat()}
        context["fields"] = _fields(selection)
    context["jobs"] = list(bulk_actions.jobs_of(repository)[:JOBS])
    # A filter that is wrong is answered with 200: else htmx would not show the sentence while somebody types.
    return answer(request, "deletion/bulk_choose.html", "deletion/bulk_results.html", context, status=status)


def _fields(selection: Selection) -> list[tuple[str, object]]:
    """The filter, as hidden fields of the form that goes on with it."""
    return [(name, value) for name, value in selection.stored().items() if name != "names"]


def _confirm(request: PortalRequest, repository: Repository) -> HttpResponse:
    """What goes and what stays; with `confirmed` and the name, the job is started."""
    form = BulkForm(request.POST)
    if not form.is_valid():
        return _choose(request, repository, error=_("Choose the tags again."), status=422)
    selection = form.selection
    if not selection.names and form.cleaned_data["scope"] == "picked":
        return _choose(request, repository, error=_("Choose at least one tag."), status=422)
    sentences: list[str] = []
    status = 200
    if form.cleaned_data["confirmed"]:
        expected = form.cleaned_data["expected"] or 0
        if expected > MANY and form.cleaned_data["confirm"].strip() != repository.full_name:
            sentences, status = [_("This is not the repository's name.")], 422
        else:
            try:
                job = bulk_actions.start_deletion(
                    actor=request.actor, repository=repository, selection=selection, expected=expected
                )
                return redirect("repository_deletion", repository.namespace_name, repository.name, job.pk)
            except (Invalid, Conflict) as error:
                sentences, status = [str(error.message)], error.status
    return _confirmation(request, repository, selection, sentences, status)


def _confirmation(
    request: PortalRequest, repository: Repository, selection: Selection, sentences: list[str], status: int
) -> HttpResponse:
    try:
        bulk_filter.check(selection)
    except Invalid as error:
        return _choose(request, repository, error=str(error.message), status=422)
    found = bulk_filter.count(repository, selection)
    context = frame(request, repository, "repository_tags") | {
        "selection": selection,
        "preview": bulk_preview.of_selection(repository, selection),
        "found": found,
        "fields": _fields(selection),
        "as_of": selection.as_of.isoformat(),
        "typed": found.total > MANY,
        "errors": sentences,
    }
    return render(request, "deletion/bulk_confirm.html", context, status=status)


@require_safe
@sign_in_first
def deletion(request: PortalRequest, namespace: str, name: str, job_id: int) -> HttpResponse:
    """How far a job is, and what it skipped. Six queries."""
    row = fetch_repository(request.actor, namespace, name, Permission.DELETE_IMAGES)
    job = bulk_actions.get_job(row, job_id)
    context = frame(request, row, "repository_tags") | _shown(job)
    context["seen"] = seen([job.state, job.done, job.skipped, job.total, job.is_selected])
    return answer(request, "deletion/bulk_job.html", "deletion/bulk_progress.html", context)


def _shown(job: BulkDeletion) -> dict[str, Any]:
    skipped = job.items.filter(state=BulkItem.State.SKIPPED)
    whys = skipped.values_list("why").annotate(count=Count("id")).order_by("-count", "why")
    return {
        "job": job,
        "waiting": max(job.total - job.done - job.skipped, 0),
        "selection": Selection.of(job.selection, job.selected_at),
        "whys": [{"label": BulkItem.Why(why).label, "count": count} for why, count in whys],
        "skipped": list(skipped.order_by("id")[:SKIPPED]),
        "more_skipped": max(job.skipped - SKIPPED, 0),
        "restorations": list(job.restorations.order_by("id")),
    }


@require_POST
@sign_in_first
def cancel(request: PortalRequest, namespace: str, name: str, job_id: int) -> HttpResponse:
    row = fetch_repository(request.actor, namespace, name, Permission.DELETE_IMAGES)
    job = bulk_actions.cancel(actor=request.actor, repository=row, job_id=job_id)
    if job.state == BulkDeletion.State.CANCELLED:
        messages.success(request, _("Cancelled. What was done until then stays done."))
    return redirect("repository_deletion", namespace, name, job_id)


@require_POST
@sign_in_first
def restore(request: PortalRequest, namespace: str, name: str, job_id: int) -> HttpResponse:
    """On to the new job, which brings the tags back."""
    row = fetch_repository(request.actor, namespace, name, Permission.DELETE_IMAGES)
    try:
        job = bulk_actions.start_restoration(actor=request.actor, repository=row, job_id=job_id)
    except Conflict as error:
        messages.error(request, str(error.message))
        return redirect("repository_deletion", namespace, name, job_id)
    return redirect("repository_deletion", namespace, name, job.pk)
