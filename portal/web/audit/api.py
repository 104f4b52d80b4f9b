"""Docker Hub's audit logs, of one's own account too, and of single repositories."""

from collections.abc import Mapping
from typing import Any

from django.http.response import HttpResponseBase
from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from portal.accounts.api.base import ApiView, Need
from portal.events.models import Event
from portal.events.reads import Search
from portal.events.words import GROUPS
from portal.kit.errors import Invalid
from portal.web.audit import access
from portal.web.audit.access import Log
from portal.web.audit.export import export
from portal.web.audit.serializers import (
    ActionsAnswer,
    ExportQuery,
    LogsAnswer,
    LogsQuery,
    filters_of,
)
from portal.web.audit.shapes import shape_of, texts_of
from repositories.access import Permission

TAGS = ["audit log"]
NUMBERED_MAX = 10_000
"""Events that numbered pages reach; `next` leads to all of them."""
WINDOWS_MAX = 50
"""Times that one request goes on where a page is cut: a million events."""
EXPORTS = {
    (200, "text/csv"): OpenApiTypes.STR,
    (200, "application/x-ndjson"): OpenApiTypes.STR,
}


class LogView(ApiView):
    """A view of one log: `self.log(…)` says whose, and raises what `access` raises."""

    def answer(self, log: Log) -> Response:
        """A page of it."""
        query = self.read_query(LogsQuery)
        events, onward = _find(Search(log.scope, filters_of(query)), query)
        return Response({"logs": [_row(event) for event in events], "next": self._next(onward)})

    def _next(self, cursor: str) -> str | None:
        if not cursor:
            return None
        asked = self.request.query_params.copy()
        asked.pop("page", None)
        asked["cursor"] = cursor
        return f"{self.request.build_absolute_uri(self.request.path)}?{asked.urlencode()}"

    def file(self, log: Log) -> HttpResponseBase:
        """All of it."""
        query = self.read_query(ExportQuery)
        return export(actor=self.actor, log=log, filters=filters_of(query), kind=query["format"])


def _row(event: Event) -> dict[str, Any]:
    return shape_of(event) | {"data": texts_of(event)}


def _find(search: Search, query: Mapping[str, Any]) -> tuple[list[Event], str]:
    """A page by its cursor or, counted from the beginning, by its number; and the cursor of the next one."""
    size = query["page_size"]
    skip = 0 if query["cursor"] else (query["page"] - 1) * size
    if skip + size > NUMBERED_MAX:
        message = _("Numbered pages end at %(max)d events. Follow “next”, or name a shorter time.")
        raise Invalid.field("page", message % {"max": NUMBERED_MAX})
    events: list[Event] = []
    cursor = query["cursor"]
    for _step in range(WINDOWS_MAX):
        page = search.page(cursor=cursor, size=skip + size - len(events))
        events += page.rows
        cursor = page.next
        if not page.is_cut:
            break
    return events[skip:], cursor


class Actions(ApiView):
    needs = {"GET": Need.SIGNED_IN}

    @extend_schema(summary="List the actions of an audit log", tags=TAGS, responses=ActionsAnswer)
    def get(self, request: Request, account: str) -> Response:
        """Their names, as the filter `action` takes them, and what people call them. A group's name stands for all."""
        access.account_log(self.actor, account)
        groups = {
            group.name: {
                "label": str(group.label),
                "actions": [
                    {"name": word.name, "label": str(word.label), "description": str(word.description)}
                    for word in group.words
                ],
            }
            for group in GROUPS
        }
        return Response({"actions": groups})


class AccountLog(LogView):
    needs = {"GET": Need.SIGNED_IN}

    @extend_schema(summary="Read the audit log of an account", tags=TAGS, parameters=[LogsQuery], responses=LogsAnswer)
    def get(self, request: Request, account: str) -> Response:
        """Newest first: of an organization that you own, or your own, with what you did elsewhere."""
        return self.answer(access.account_log(self.actor, account))


class AccountExport(LogView):
    needs = {"GET": Need.SIGNED_IN}

    @extend_schema(summary="Export the audit log of an account", tags=TAGS, parameters=[ExportQuery], responses=EXPORTS)
    def get(self, request: Request, account: str) -> HttpResponseBase:
        """All of it, newest first, however long. The export is noted in the log itself."""
        return self.file(access.account_log(self.actor, account))


class RepositoryLog(LogView):
    needs = {"GET": Permission.MANAGE_ACCESS}

    @extend_schema(
        summary="Read the audit log of a repository", tags=TAGS, parameters=[LogsQuery], responses=LogsAnswer
    )
    def get(self, request: Request, namespace: str, repository: str) -> Response:
        """Newest first, for its admins."""
        return self.answer(access.repository_log(self.actor, namespace, repository)[1])


class RepositoryExport(LogView):
    needs = {"GET": Permission.MANAGE_ACCESS}

    @extend_schema(
        summary="Export the audit log of a repository", tags=TAGS, parameters=[ExportQuery], responses=EXPORTS
    )
    def get(self, request: Request, namespace: str, repository: str) -> HttpResponseBase:
        """All of it, newest first, however long. The export is noted in the log itself."""
        return self.file(access.repository_log(self.actor, namespace, repository)[1])
