"""Search."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from portal.accounts.api.base import ApiView, HubPages, Need
from repositories.access import visible
from repositories.api.serializers import Found, SearchQuery
from repositories.search import matching


class Search(ApiView):
    needs = {"GET": Need.NOTHING}
    pagination_class = HubPages

    @extend_schema(
        summary="Search repositories", tags=["repositories"], parameters=[SearchQuery], responses=Found(many=True)
    )
    def get(self, request: Request) -> Response:
        """Among those that you may see; the most starred first."""
        rows = visible(self.actor).order_by("-star_count", "-id")
        return self.page(matching(rows, self.read_query(SearchQuery)["query"]), Found)
