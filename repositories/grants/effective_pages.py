"""Pages of effective access of one repository and of an organization: people, check, refused attempts."""

from collections.abc import Sequence
from typing import Any

from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _, ngettext
from django.views.decorators.http import require_safe

from orgs.access import OrgPermission, fetch_organization
from orgs.pages import frame as organization_frame
from portal.accounts.http import PortalRequest
from portal.accounts.models import Namespace
from portal.accounts.pages import is_partial, sign_in_first
from portal.kit import csv_rows
from portal.kit.errors import Invalid
from repositories.access import Permission, fetch_repository
from repositories.access.check import Checked
from repositories.grants.check import ACTIONS, Question, answer, is_inside, names_offered, names_with_access
from repositories.grants.effective import HEADER, export_rows, people_of
from repositories.grants.effective_refused import (
    DAYS,
    PAGE_SIZE,
    Attempt,
    explain,
    failed_logins,
    refused_in,
    refused_on,
)
from repositories.models import Repository
from repositories.pages import frame


def _fetch(request: PortalRequest, namespace: str, name: str) -> Repository:
    return fetch_repository(request.actor, namespace, name, Permission.MANAGE_ACCESS)


@require_safe
@sign_in_first
def people(request: PortalRequest, namespace: str, name: str) -> HttpResponse:
    """The part of “Who has access” that htmx asks for. Four queries. Without script: the page that it is part of."""
    repository = _fetch(request, namespace, name)
    if not is_partial(request):
        query = request.META.get("QUERY_STRING", "")
        return redirect(f"{reverse('repository_access', args=[namespace, name])}{'?' if query else ''}{query}")
    return render(request, "grants/effective_results.html", people_of(request, repository))


@require_safe
@sign_in_first
def export_people(request: PortalRequest, namespace: str, name: str) -> StreamingHttpResponse:
    """Everybody, whatever the filter. Four queries."""
    repository = _fetch(request, namespace, name)
    file_name = f"{repository.full_name.replace('/', '-')}-access-{timezone.now():%Y%m%dT%H%M%SZ}.csv"
    return csv_rows.response(file_name, HEADER, export_rows(repository))


@require_safe
@sign_in_first
def check_repository(request: PortalRequest, namespace: str, name: str) -> HttpResponse:
    """Fourteen queries at most. What is asked stands in the address, so that it can be passed on."""
    repository = _fetch(request, namespace, name)
    question = Question.of(request.GET, repository=repository.name)
    context = frame(request, repository, "repository_access")
    inside = is_inside(request.actor, repository)
    names = names_offered(repository.namespace) if inside else names_with_access(repository)
    context |= _asked(repository.namespace, question, names, asker_is_inside=inside)
    context |= {"frame_template": "repositories/frame.html", "of_repository": True}
    return render(request, "grants/check.html", context)


@require_safe
@sign_in_first
def check_organization(request: PortalRequest, namespace: str) -> HttpResponse:
    """As `check_repository`, for any name in the organization, also one that doesn't exist."""
    organization = fetch_organization(request.actor, namespace, OrgPermission.GRANT)
    question = Question.of(request.GET)
    context = organization_frame(request, organization, "organization_access")
    context |= _asked(organization.namespace, question, names_offered(organization.namespace))
    context |= {"frame_template": "orgs/frame.html", "of_repository": False}
    return render(request, "grants/check.html", context)


def _asked(
    namespace: Namespace, question: Question, names: Sequence[str], *, asker_is_inside: bool = True
) -> dict[str, Any]:
    checked: Checked | None = None
    errors: dict[str, Any] = {}
    if not question.is_empty:
        try:
            checked = answer(namespace, question, asker_is_inside=asker_is_inside)
        except Invalid as error:
            errors = {name: texts[0] for name, texts in error.fields.items()}
    return {
        "question": question,
        "checked": checked,
        "errors": errors,
        "actions": ACTIONS,
        "names": names,
    }


@require_safe
@sign_in_first
def refused_repository(request: PortalRequest, namespace: str, name: str) -> HttpResponse:
    """Thirteen queries at most."""
    repository = _fetch(request, namespace, name)
    context = frame(request, repository, "repository_access")
    context |= _refused(request, refused_on(repository))
    context |= {"frame_template": "repositories/frame.html", "of_repository": True}
    return render(request, "grants/refused.html", context)


@require_safe
@sign_in_first
def refused_organization(request: PortalRequest, namespace: str) -> HttpResponse:
    """For owners, as it is a part of the audit log. Fifteen queries at most."""
    organization = fetch_organization(request.actor, namespace, OrgPermission.AUDIT)
    context = organization_frame(request, organization, "organization_access")
    context |= _refused(request, refused_in(organization.name, organization.created_at))
    context["failed_logins"] = failed_logins(organization.name, organization.created_at)
    context |= {"frame_template": "orgs/frame.html", "of_repository": False}
    return render(request, "grants/refused.html", context)


def _refused(request: PortalRequest, attempts: Sequence[Attempt]) -> dict[str, Any]:
    text = request.GET.get("page", "")
    last = max(1, -(-len(attempts) // PAGE_SIZE))
    number = min(max(int(text), 1), last) if text.isascii() and text.isdigit() and len(text) < 9 else 1
    start = (number - 1) * PAGE_SIZE
    total = sum(attempt.count for attempt in attempts)
    return {
        "refused": explain(attempts[start : start + PAGE_SIZE]),
        "found": ngettext("%(count)d refusal in %(days)d days", "%(count)d refusals in %(days)d days", total)
        % {"count": total, "days": DAYS},
        "days": DAYS,
        "previous_page": number - 1,
        "next_page": number + 1 if number < last else 0,
        "empty_text": _("Docker, podman and the like got all they asked for, or nobody asked."),
    }
