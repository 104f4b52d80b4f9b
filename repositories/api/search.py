"""Search."""

from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from portal.accounts.api.base import ApiView, HubPages, Need
from repositories.access import visible
from repositories.api.serializers import Found, SearchQuery
from repositories.models import Repository
from repositories.search import matching


class OneScan(Paginator):  # type: ignore[type-arg]  # only the stubs know a parameter
    """Reads the keys of whatever matches, once: to count it and to find a page would each read every description."""

    def __init__(self, object_list: QuerySet[Repository], per_page: int, **options: Any) -> None:
        self._rows = object_list
        super().__init__(list(object_list.values_list("pk", flat=True)), per_page, **options)

    def page(self, number: int | str) -> "Page[Any]":
        found = super().page(number)
        keys = list(found.object_list)
        # Sorted here: asked to sort a few keys, SQLite walks the index of that order from its beginning.
        rows = self._rows.in_bulk(keys)
        found.object_list = [rows[key] for key in keys if key in rows]
        return found


class SearchPages(HubPages):
    django_paginator_class = OneScan


class Search(ApiView):
    needs = {"GET": Need.NOTHING}
    pagination_class = SearchPages

    @extend_schema(
        summary="Search repositories", tags=["repositories"], parameters=[SearchQuery], responses=Found(many=True)
    )
    def get(self, request: Request) -> Response:
        """Among those that you may see; the most starred first."""
        rows = visible(self.actor).order_by("-star_count", "-id")
        pages = SearchPages()
        found = pages.paginate_queryset(matching(rows, self.read_query(SearchQuery)["query"]), request, view=self)
        return pages.answer(self.render(found or [], Found), {})
