"""What every view of the API stands on."""

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any, ClassVar, TypeVar

from django.db.models import Model, QuerySet
from rest_framework import exceptions
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.pagination import PageNumberPagination
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer, Serializer
from rest_framework.views import APIView

from portal.accounts.actor import ANONYMOUS, Actor
from portal.accounts.api.caller import seen

Row = TypeVar("Row", bound=Model)


class Need(StrEnum):
    """What a method asks of its caller where no permission on a repository is concerned."""

    NOTHING = "nothing"
    """Anybody may; what comes back is what the caller may see."""
    SIGNED_IN = "signed in"


class AlwaysJson(DefaultContentNegotiation):
    """Answer in JSON whatever the client says it accepts: no client is helped by a 406."""

    def select_renderer(
        self,
        request: Request,
        renderers: Iterable[BaseRenderer],
        format_suffix: str | None = None,
    ) -> tuple[BaseRenderer, str]:
        renderer = next(iter(renderers))
        return renderer, str(renderer.media_type)


class ApiView(APIView):
    """A view whose every method declares what it needs; a method that declares nothing is refused.

    The view itself decides nothing: it hands its declared permission to the fetch functions of `access`, which do.
    """

    needs: ClassVar[Mapping[str, StrEnum]] = {}
    open_needs: ClassVar[frozenset[StrEnum]] = frozenset({Need.NOTHING})
    """Those that nobody can fulfil too, for reading: the schema says so."""
    http_method_names = ["get", "post", "put", "patch", "delete", "head"]
    content_negotiation_class = AlwaysJson
    pagination_class: type["HubPages"] | None = None

    @property
    def actor(self) -> Actor:
        """Who calls, with the credential used."""
        if isinstance(self.request.auth, Actor):
            return self.request.auth
        return seen(ANONYMOUS, self.request)

    @property
    def need(self) -> StrEnum:
        """What the method that was called declares. HEAD is as good as GET."""
        method = str(self.request.method)
        return self.needs["GET" if method == "HEAD" else method]

    @property
    def allowed_methods(self) -> list[str]:
        offered = [name.upper() for name in self.http_method_names if hasattr(self, name)]
        return [name for name in offered if ("GET" if name == "HEAD" else name) in self.needs]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        if str(request.method) not in self.allowed_methods:
            raise exceptions.MethodNotAllowed(str(request.method))
        super().initial(request, *args, **kwargs)
        if self.need is Need.SIGNED_IN and self.actor.is_anonymous:
            raise exceptions.NotAuthenticated

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Response:
        """Nothing is kept on the way: what is answered depends on who asks, and some of it is a secret."""
        answer = super().finalize_response(request, response, *args, **kwargs)
        answer["Cache-Control"] = "no-store"
        return answer

    def read(self, serializer: type[Serializer[Any]], *, partial: bool = False) -> dict[str, Any]:
        """The request's body, checked for its shape. Raises ValidationError."""
        given = serializer(data=self.request.data, partial=partial)
        given.is_valid(raise_exception=True)
        return dict(given.validated_data)

    def read_query(self, serializer: type[Serializer[Any]]) -> dict[str, Any]:
        """The query string, likewise."""
        given = serializer(data=self.request.query_params)
        given.is_valid(raise_exception=True)
        return dict(given.validated_data)

    def page(
        self,
        rows: QuerySet[Row],
        serializer: type[BaseSerializer[Any]],
        *,
        context: Mapping[str, Any] | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> Response:
        """A page of rows in Docker Hub's envelope. Two queries: a count, and the page's rows."""
        pages = HubPages()
        found = pages.paginate_queryset(rows, self.request, view=self) or []
        return pages.answer(self.render(found, serializer, context), extra or {})

    def render(
        self, rows: Sequence[Any], serializer: type[BaseSerializer[Any]], context: Mapping[str, Any] | None = None
    ) -> Any:
        """A list, as data."""
        return serializer(rows, many=True, context={"view": self, **(context or {})}).data


class HubPages(PageNumberPagination):
    """`count`, `next`, `previous`, `results`; the neighbours' addresses begin with what the client itself used.

    A `page_size` that is too large is lowered, one that makes no sense is ignored, as on Docker Hub: badges and scripts
    ask for 10,000. A page that does not exist is 404.
    """

    page_size = 10
    page_size_query_param = "page_size"
    max_page_size = 100
    page_query_description = "From 1."
    page_size_query_description = "10 unless you say otherwise, 100 at most."

    def answer(self, results: Any, extra: Mapping[str, Any]) -> Response:
        assert self.page is not None, "paginate_queryset comes first"  # noqa: S101  for the type checker
        envelope: dict[str, Any] = {
            "count": self.page.paginator.count,
            "next": self.get_next_link(),
            "previous": self.get_previous_link(),
            **extra,
            "results": results,
        }
        return Response(envelope)
