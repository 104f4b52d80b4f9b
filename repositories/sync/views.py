"""The registry as operators see it: is it well, what differs, what would go. 404 for all others."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _, ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from portal.accounts.http import PortalRequest
from portal.kit.errors import NotFound
from portal.kit.paging import keyset
from repositories.pages import answer, seen, sign_in_first
from repositories.sync import access, actions, health as registry_health, operators, reads
from repositories.sync.forms import CompareForm, DecisionForm
from repositories.sync.models import Difference
from repositories.sync.shown import shown_differences, shown_run, tallies

PAGE_SIZE = 50
RECENT = 5
PLAN_SHOWN = 20
FAILING_SHOWN = 5
NAMES_SHOWN = 100
STATES = {str(state): (state,) for state in Difference.State}
OPEN, SETTLED = "open", "settled"


@require_safe
@never_cache
@sign_in_first
def overview(request: PortalRequest) -> HttpResponse:
    """Eleven queries, whatever is held. htmx asks every 3 s."""
    access.require_operator(request.actor)
    return answer(request, "sync/overview.html", "sync/overview_results.html", _overview())


def _overview() -> dict[str, Any]:
    under_way, last = reads.open_round(), reads.last_round()
    recent = list(reads.run_rows().order_by("-id")[:RECENT])
    plan, counts = reads.held_plan(most=PLAN_SHOWN), reads.counts()
    failing = list(reads.failing()[: FAILING_SHOWN + 1])
    repositories, tags = reads.tags_known()
    heard = registry_health.heard()
    return {
        "part": "overview",
        "run": shown_run(under_way) if under_way else None,
        "last": shown_run(last) if last else None,
        "recent": [shown_run(run) for run in recent],
        "plan": plan,
        "more_held": plan.repositories - len(plan.rows),
        "tallies": tallies(counts),
        "failing": failing[:FAILING_SHOWN],
        "more_failing": len(failing) > FAILING_SHOWN,
        "known": {"repositories": repositories, "tags": tags},
        "heard": heard,
        "seen": seen(
            [(run.pk, run.state, run.repositories, run.tags, run.removed, run.errors) for run in recent],
            [(under_way.pk, under_way.repositories, under_way.tags) if under_way else ()],
            [(held.repository_id, held.missing) for held in plan.rows],
            counts.items(),
            [(row.pk, row.looked_at) for row in failing],
            [repositories, tags, heard],
        ),
    }


@require_safe
@never_cache
@sign_in_first
def health(request: PortalRequest) -> HttpResponse:
    """How fast the registry answers now. Waits for it, 9 s at most, so that the page itself need not."""
    access.require_operator(request.actor)
    context = {"health": registry_health.measure(), "part": "overview"}
    return answer(request, "sync/health_page.html", "sync/health.html", context)


@require_safe
@never_cache
@sign_in_first
def differences(request: PortalRequest) -> HttpResponse:
    """`state` is one, `open` or `settled`. Three queries for any number."""
    access.require_operator(request.actor)
    state = request.GET.get("state", "")
    states = _states(state)
    page = keyset(reads.difference_rows(states=states), by="-id", cursor=request.GET.get("cursor", ""), size=PAGE_SIZE)
    context = {
        "part": "differences",
        "state": state if state in STATES or state == SETTLED else OPEN,
        "tallies": tallies(reads.counts()),
        "page": page,
        "differences": shown_differences(page.rows),
    }
    return answer(request, "sync/differences.html", "sync/difference_results.html", context)


def _states(name: str) -> tuple[Difference.State, ...]:
    if name == SETTLED:
        return (Difference.State.REPAIRED, Difference.State.GONE)
    return STATES.get(name, Difference.OPEN)


@require_safe
@never_cache
@sign_in_first
def runs(request: PortalRequest) -> HttpResponse:
    """Newest first. One query."""
    access.require_operator(request.actor)
    page = keyset(reads.run_rows(), by="-id", cursor=request.GET.get("cursor", ""), size=PAGE_SIZE)
    context = {"part": "runs", "page": page, "runs": [shown_run(run) for run in page.rows]}
    return answer(request, "sync/runs.html", "sync/run_results.html", context)


@require_POST
def compare(request: PortalRequest) -> HttpResponse:
    """All repositories, or the one that is named."""
    access.require_operator(request.actor)
    form = CompareForm(request.POST)
    try:
        repository = operators.fetch_any(request.actor, form.cleaned_data["repository"]) if form.is_valid() else None
    except NotFound as error:
        messages.error(request, str(error.message))
        return redirect("registry")
    is_under_way = repository is None and reads.open_round() is not None
    actions.request_reconcile(actor=request.actor, repository=repository)
    if repository is not None:
        messages.success(request, _("%(name)s is compared next.") % {"name": repository.full_name})
    elif is_under_way:
        messages.info(request, _("A round is under way already."))
    else:
        messages.success(request, _("All repositories are compared now."))
    return redirect("registry")


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@sign_in_first
def approve(request: PortalRequest) -> HttpResponse:
    """Let what is held go: all of it, or that of one repository. GET shows what that is."""
    return _decide(request, "sync/approve.html", actions.approve_all, _approved)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@sign_in_first
def dismiss(request: PortalRequest) -> HttpResponse:
    """Leave what is held as it is, likewise."""
    return _decide(request, "sync/dismiss.html", actions.dismiss_all, _dismissed)


def _decide(
    request: PortalRequest, template: str, decide: Callable[..., int], tell: Callable[[int], str]
) -> HttpResponse:
    """Only what was shown is done: when the numbers are others by now, these are shown instead."""
    access.require_operator(request.actor)
    form = DecisionForm(request.POST if request.method == "POST" else request.GET)
    told = form.is_valid()
    repository = operators.fetch_any(request.actor, form.cleaned_data.get("repository", ""))
    held = operators.held_tags(repository)
    if request.method == "POST" and told and held == form.cleaned_data["tags"]:
        messages.success(request, tell(decide(actor=request.actor, repository=repository)))
        return redirect("registry")
    if not held:
        messages.info(request, _("Nothing is held any more."))
        return redirect("registry")
    context = {
        "part": "overview",
        "repository": repository,
        "held": held,
        "names": operators.held_names(repository, most=NAMES_SHOWN),
        "plan": reads.held_plan(most=PLAN_SHOWN),
        "changed": request.method == "POST",
    }
    return render(request, template, context, status=409 if context["changed"] else 200)


def _approved(count: int) -> str:
    told = ngettext(
        "%(count)d removal is approved. It happens at the next look, if the registry still has it not.",
        "%(count)d removals are approved. They happen at the next look, if the registry still has them not.",
        count,
    )
    return told % {"count": count}


def _dismissed(count: int) -> str:
    return ngettext("%(count)d tag stays as it is.", "%(count)d tags stay as they are.", count) % {"count": count}
