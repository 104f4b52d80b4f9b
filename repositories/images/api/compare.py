"""What differs between two tags or digests."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from repositories.access import Permission
from repositories.api.base import RepositoryView
from repositories.images.api.compare_shapes import CompareAnswer, CompareQuery, shape_of
from repositories.images.compare_reads import compare_references


class Compare(RepositoryView):
    needs = {"GET": Permission.VIEW}

    @extend_schema(
        summary="Compare two images", tags=["tag history"], parameters=[CompareQuery], responses=CompareAnswer
    )
    def get(self, request: Request, namespace: str, repository: str) -> Response:
        """Layers, settings, environment, labels, annotations; and what a machine with the one fetches for the other."""
        row, query = self.fetch(namespace, repository), self.read_query(CompareQuery)
        found = compare_references(row, query["from"], query["to"], query["platform"])
        return Response(CompareAnswer(shape_of(found)).data)
