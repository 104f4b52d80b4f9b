"""Stars and comments."""

from django.db.models import F
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from portal.accounts.access import fetch_user
from portal.accounts.api.base import HubPages, Need
from portal.kit.errors import Invalid
from repositories import actions
from repositories.access import Permission, visible
from repositories.api.base import RepositoryListView, RepositoryView
from repositories.api.serializers import CommentAnswer, CommentRequest, RepositoryShort


class StarCount(RepositoryView):
    needs = {"GET": Permission.VIEW}

    @extend_schema(summary="Count a repository's stars", tags=["stars"], responses=OpenApiTypes.INT)
    def get(self, request: Request, namespace: str, repository: str) -> Response:
        """A bare number: badges read it."""
        return Response(self.fetch(namespace, repository).star_count)


class Stars(RepositoryView):
    needs = {"POST": Permission.STAR, "DELETE": Permission.STAR}

    @extend_schema(summary="Star a repository", tags=["stars"], request=None, responses={204: None})
    def post(self, request: Request, namespace: str, repository: str) -> Response:
        """Starring twice is starring once."""
        actions.star_repository(actor=self.actor, repository=self.fetch(namespace, repository))
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(summary="Take your star away", tags=["stars"], responses={204: None})
    def delete(self, request: Request, namespace: str, repository: str) -> Response:
        """Without one, nothing happens."""
        actions.unstar_repository(actor=self.actor, repository=self.fetch(namespace, repository))
        return Response(status=status.HTTP_204_NO_CONTENT)


class Starred(RepositoryListView):
    needs = {"GET": Need.NOTHING}

    @extend_schema(summary="List what a user starred", tags=["stars"], responses=RepositoryShort(many=True))
    def get(self, request: Request, username: str) -> Response:
        """The newest star first; what you may not see is left out."""
        user = fetch_user(username)
        rows = visible(self.actor).filter(stars__user=user).annotate(starred=F("stars__id")).order_by("-starred")
        return self.page_of_repositories(rows)


class Comments(RepositoryView):
    needs = {"GET": Permission.VIEW, "POST": Permission.COMMENT}
    pagination_class = HubPages

    @extend_schema(summary="List comments", tags=["comments"], responses=CommentAnswer(many=True))
    def get(self, request: Request, namespace: str, repository: str) -> Response:
        """The newest first."""
        rows = self.fetch(namespace, repository).comments.select_related("author").order_by("-id")
        return self.page(rows, CommentAnswer)

    @extend_schema(summary="Comment", tags=["comments"], request=CommentRequest, responses={201: CommentAnswer})
    def post(self, request: Request, namespace: str, repository: str) -> Response:
        """Plain text. Five a minute at most."""
        row = self.fetch(namespace, repository)
        try:
            comment = actions.add_comment(actor=self.actor, repository=row, text=self.read(CommentRequest)["comment"])
        except Invalid as error:
            raise Invalid.field("comment", error.message) from error
        return Response(CommentAnswer(comment).data, status=status.HTTP_201_CREATED)


class OneComment(RepositoryView):
    needs = {"DELETE": Permission.VIEW}

    @extend_schema(summary="Delete a comment", tags=["comments"], responses={204: None})
    def delete(self, request: Request, namespace: str, repository: str, comment_id: int) -> Response:
        """Its author may, and the repository's admins."""
        row = self.fetch(namespace, repository)
        actions.delete_comment(actor=self.actor, repository=row, comment_id=comment_id)
        return Response(status=status.HTTP_204_NO_CONTENT)
