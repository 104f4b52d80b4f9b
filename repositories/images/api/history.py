"""What happened to tags, and where one pointed at a moment."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from portal.kit.errors import NotFound
from portal.kit.paging import keyset
from repositories.access import LEAST_ROLE, Permission, decide
from repositories.api.base import RepositoryView
from repositories.images.api.history_shapes import (
    EntryAnswer,
    HistoryAnswer,
    HistoryQuery,
    TagHistoryAnswer,
    TagHistoryQuery,
    filters_of,
)
from repositories.images.history import Filters, current_digest, digest_at, entries_of, history_of, is_known
from repositories.models import Repository

TAGS = ["tag history"]


class HistoryView(RepositoryView):
    def answer(self, repository: Repository, filters: Filters, query: dict[str, Any]) -> dict[str, Any]:
        """A page of it. Three queries."""
        rows = history_of(repository, filters)
        page = keyset(rows, by="-id", cursor=query["cursor"], size=query["page_size"])
        may_push = decide(self.actor, Permission.PUSH, repository).allowed
        entries = entries_of(repository, page.rows, may_push=may_push)
        context = {"sees_origin": repository.role >= LEAST_ROLE[Permission.PUSH]}
        return {
            "next": self._address(page.next),
            "previous": self._address(page.previous),
            "results": self.render(entries, EntryAnswer, context),
        }

    def _address(self, cursor: str) -> str | None:
        if not cursor:
            return None
        asked = self.request.query_params.copy()
        asked["cursor"] = cursor
        return f"{self.request.build_absolute_uri(self.request.path)}?{asked.urlencode()}"


class History(HistoryView):
    needs = {"GET": Permission.VIEW}

    @extend_schema(
        summary="Read the history of a repository's tags",
        tags=TAGS,
        parameters=[HistoryQuery],
        responses=HistoryAnswer,
    )
    def get(self, request: Request, namespace: str, repository: str) -> Response:
        """Every push, move, roll back, copy, deletion and restoration, with who did it."""
        row, query = self.fetch(namespace, repository), self.read_query(HistoryQuery)
        return Response(self.answer(row, filters_of(query), query))


class OneTagsHistory(HistoryView):
    needs = {"GET": Permission.VIEW}

    @extend_schema(
        summary="Read the history of a tag",
        tags=TAGS,
        parameters=[TagHistoryQuery],
        responses=TagHistoryAnswer,
    )
    def get(self, request: Request, namespace: str, repository: str, tag: str) -> Response:
        """Of one that is gone, too. With `at`: where it pointed at that moment."""
        row, query = self.fetch(namespace, repository), self.read_query(TagHistoryQuery)
        if not is_known(row, tag):
            raise NotFound(_("There was no such tag in this repository."))
        moment = query["at"]
        digest = digest_at(row, tag, moment) if moment else current_digest(row, tag)
        return Response(self.answer(row, filters_of(query, tag), query) | {"digest": digest})
