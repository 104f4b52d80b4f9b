"""A repository compared with the registry, for its admins: when last, what differed, do it now."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from portal.accounts.http import PortalRequest
from portal.kit.paging import keyset
from repositories.access import Permission, fetch_repository
from repositories.pages import answer, frame, seen, sign_in_first
from repositories.sync import actions, reads
from repositories.sync.shown import shown_differences, shown_run

PAGE_SIZE = 25


@require_http_methods(["GET", "HEAD", "POST"])
@sign_in_first
def registry(request: PortalRequest, namespace: str, name: str) -> HttpResponse:
    """Six queries. While a look is under way htmx asks every 3 s. POST asks for one."""
    row = fetch_repository(request.actor, namespace, name, Permission.RECONCILE)
    if request.method == "POST":
        actions.request_reconcile(actor=request.actor, repository=row)
        messages.success(request, _("The registry is asked now."))
        return redirect("repository_registry", namespace, name)
    run, sync = reads.open_run_of(row), reads.sync_of(row)
    page = keyset(reads.difference_rows(repository=row), by="-id", cursor=request.GET.get("cursor", ""), size=PAGE_SIZE)
    context = frame(request, row, "repository_settings")
    context |= {
        "part": "registry",
        "run": shown_run(run) if run else None,
        "sync": sync,
        "page": page,
        "differences": shown_differences(page.rows),
        "seen": seen(
            [run.pk if run else 0, row.tag_count],
            [(sync.looked_at, sync.compared_at, sync.due_at) if sync else ()],
            [(difference.pk, difference.state, difference.times_seen) for difference in page.rows],
        ),
    }
    return answer(request, "sync/repository.html", "sync/repository_results.html", context)
