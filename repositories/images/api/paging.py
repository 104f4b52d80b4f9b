"""Docker Hub's numbered pages of long lists, at the same cost whichever it is."""

from collections.abc import Mapping
from typing import Any, TypeVar

from django.db.models import Model, QuerySet
from django.utils.translation import gettext_lazy as _
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import remove_query_param, replace_query_param

from portal.accounts.api.base import HubPages
from portal.kit.errors import NotFound
from portal.kit.paging import Page, keyset, numbered

Row = TypeVar("Row", bound=Model)

LONGEST = 18
"""Digits of a page's number."""


class TagPages(HubPages):
    """`next` and `previous` lead on by a cursor, beside the number of the page that it belongs to.

    Who follows them is served from an index, however deep. Who makes up a number gets its page too; the cursor is then
    none of that page's and ignored.
    """

    def read(self, request: Request, rows: QuerySet[Row], *, by: str, count: int) -> Page[Row]:
        """Two or three queries. Raises NotFound for a page that does not exist, Invalid for a broken cursor."""
        self.asked, self.count = request, count
        self.size = self.get_page_size(request) or self.page_size
        self.number = self._number(request)
        of, _dot, cursor = request.query_params.get("cursor", "").partition(".")
        if cursor and of == str(self.number):
            self.found = keyset(rows, by=by, cursor=cursor, size=self.size)
        else:
            self.found = numbered(rows, by=by, number=self.number, size=self.size)
        if not self.found.rows and self.number > 1:
            raise NotFound(_("There is no such page."))
        return self.found

    def answer(self, results: Any, extra: Mapping[str, Any]) -> Response:
        links = {
            "next": self._link(self.number + 1, self.found.next),
            "previous": self._link(self.number - 1, self.found.previous),
        }
        return Response({"count": self.count, **links, **extra, "results": results})

    def _number(self, request: Request) -> int:
        told = request.query_params.get(self.page_query_param, "") or "1"
        if told in self.last_page_strings:
            return max(-(-self.count // self.size), 1)
        if len(told) > LONGEST or not (told.isascii() and told.isdigit() and int(told)):
            raise NotFound(_("There is no such page."))
        return int(told)

    def _link(self, number: int, cursor: str) -> str | None:
        if not cursor or number < 1:
            return None
        address = self.asked.build_absolute_uri()
        if number == 1:
            return remove_query_param(remove_query_param(address, "cursor"), self.page_query_param)
        return replace_query_param(
            replace_query_param(address, self.page_query_param, number), "cursor", f"{number}.{cursor}"
        )
