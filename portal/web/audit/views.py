"""The log as pages: of an organization, a repository, oneself, and, for operators, of everything."""

from typing import Any

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_safe

from orgs import pages as organizations
from portal.accounts.http import PortalRequest
from portal.accounts.pages import answer, sign_in_first
from portal.events.reads import Search
from portal.kit.errors import Invalid
from portal.web.audit import access
from portal.web.audit.access import Log
from portal.web.audit.export import CSV, KINDS, export
from portal.web.audit.forms import FilterForm
from portal.web.audit.shown import shown_events
from repositories import pages as repositories

PAGE_SIZE = 50


def _page(request: PortalRequest, template: str, log: Log, address: str, context: dict[str, Any]) -> HttpResponse:
    """At most four queries for the log, and two for its links."""
    form = FilterForm(request.GET)
    shown: dict[str, Any] = {"form": form, "action": address, "export_url": f"{address.rstrip('/')}/export"}
    if form.is_valid():
        filters = form.filters()
        page = Search(log.scope, filters).page(cursor=request.GET.get("cursor", ""), size=PAGE_SIZE)
        shown |= {"page": page, "events": shown_events(request.actor, page.rows), "is_filtered": bool(filters)}
    return answer(request, template, "web/audit_results.html", context | shown)


def _export(request: PortalRequest, log: Log) -> HttpResponseBase:
    form = FilterForm(request.GET)
    kind = request.GET.get("format", CSV)
    if not form.is_valid() or kind not in KINDS:
        raise Invalid
    return export(actor=request.actor, log=log, filters=form.filters(), kind=kind)


@require_safe
@never_cache
@sign_in_first
def organization_audit(request: PortalRequest, namespace: str) -> HttpResponse:
    organization, log = access.organization_log(request.actor, namespace)
    context = organizations.frame(request, organization, "organization_audit")
    address = reverse("organization_audit", args=[organization.name])
    return _page(request, "web/audit_organization.html", log, address, context)


@require_safe
@never_cache
@sign_in_first
def repository_audit(request: PortalRequest, namespace: str, name: str) -> HttpResponse:
    repository, log = access.repository_log(request.actor, namespace, name)
    context = repositories.frame(request, repository, "repository_audit")
    address = reverse("repository_audit", args=[namespace, name])
    return _page(request, "web/audit_repository.html", log, address, context)


@require_safe
@never_cache
@sign_in_first
def own_audit(request: PortalRequest) -> HttpResponse:
    log = access.own_log(request.actor)
    return _page(request, "web/audit_own.html", log, reverse("own_audit"), {"section": "audit"})


@require_safe
@never_cache
@sign_in_first
def whole_audit(request: PortalRequest) -> HttpResponse:
    log = access.whole_log(request.actor)
    return _page(request, "web/audit_whole.html", log, reverse("whole_audit"), {"section": "whole_audit"})


@require_GET
def export_organization_audit(request: PortalRequest, namespace: str) -> HttpResponseBase:
    return _export(request, access.organization_log(request.actor, namespace)[1])


@require_GET
def export_repository_audit(request: PortalRequest, namespace: str, name: str) -> HttpResponseBase:
    return _export(request, access.repository_log(request.actor, namespace, name)[1])


@require_GET
def export_own_audit(request: PortalRequest) -> HttpResponseBase:
    return _export(request, access.own_log(request.actor))


@require_GET
def export_whole_audit(request: PortalRequest) -> HttpResponseBase:
    return _export(request, access.whole_log(request.actor))
