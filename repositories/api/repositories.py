"""Repositories: list, create, read, change, delete. At Docker Hub's paths, the new ones and the old."""

from typing import Any

from django.db import transaction
from django.db.models import F, QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from portal.accounts.api.base import Need
from repositories import actions
from repositories.access import Permission, fetch_namespace, namespaces_to_create_in, visible
from repositories.api.base import RepositoryListView, RepositoryView
from repositories.api.protection import protect
from repositories.api.serializers import (
    NamespacesAnswer,
    PrivacyRequest,
    RepositoryFull,
    RepositoryPatch,
    RepositoryQuery,
    RepositoryRequest,
    RepositoryShort,
)
from repositories.models import Repository, Visibility

TAGS = ["repositories"]
_COLUMNS = {"name": "name", "last_updated": "last_pushed_at", "pull_count": "pull_count"}


def ordered(rows: QuerySet[Repository], ordering: str | None) -> QuerySet[Repository]:
    """By one of Docker Hub's words; what was never pushed comes last. Without a word the last updated comes first."""
    if not ordering:
        return rows.order_by("-updated_at", "-id")
    column = F(_COLUMNS[ordering.removeprefix("-")])
    if ordering.startswith("-"):
        return rows.order_by(column.desc(nulls_last=True), "-id")
    return rows.order_by(column.asc(nulls_last=True), "id")


def visibility_of(*, is_private: bool) -> Visibility:
    return Visibility.PRIVATE if is_private else Visibility.PUBLIC


class CreateView(RepositoryView):
    def create(self, namespace: str | None) -> Response:
        """`namespace` is the path's; without one it stands in the body, or is the caller's own."""
        given = self.read(RepositoryRequest)
        repository = actions.create_repository(
            actor=self.actor,
            namespace=namespace or given.get("namespace", self.actor.name),
            name=given["name"],
            visibility=visibility_of(is_private=given["is_private"]),
            description=given["description"],
            full_description=given["full_description"],
        )
        return self.full(repository, status=status.HTTP_201_CREATED)


class Repositories(RepositoryListView, CreateView):
    """/v2/namespaces/{namespace}/repositories"""

    needs = {"GET": Need.NOTHING, "POST": Need.SIGNED_IN}

    @extend_schema(
        summary="List a namespace's repositories",
        tags=TAGS,
        parameters=[RepositoryQuery],
        responses=RepositoryShort(many=True),
    )
    def get(self, request: Request, namespace: str) -> Response:
        """Those that you may see."""
        wanted = self.read_query(RepositoryQuery)
        rows = visible(self.actor).filter(namespace=fetch_namespace(self.actor, namespace))
        if wanted.get("name"):
            rows = rows.filter(name__icontains=wanted["name"])
        if wanted.get("status"):
            rows = rows.filter(archived_at__isnull=wanted["status"] == "active")
        return self.page_of_repositories(ordered(rows, wanted.get("ordering")))

    @extend_schema(summary="Create a repository", tags=TAGS, request=RepositoryRequest, responses={201: RepositoryFull})
    def post(self, request: Request, namespace: str) -> Response:
        """Private unless you say otherwise. The path's namespace counts, not the body's."""
        return self.create(namespace)


class OldRepositories(Repositories):
    """/v2/repositories/{namespace}: the list alone."""

    needs = {"GET": Need.NOTHING}
    http_method_names = ["get", "head"]


class OldCreate(CreateView):
    """/v2/repositories"""

    needs = {"POST": Need.SIGNED_IN}

    @extend_schema(
        summary="Create a repository, the old way",
        tags=TAGS,
        request=RepositoryRequest,
        responses={201: RepositoryFull},
        deprecated=True,
    )
    def post(self, request: Request) -> Response:
        """As below `/v2/namespaces`, with the namespace in the body."""
        return self.create(None)


class OneRepository(RepositoryView):
    """Under both paths."""

    needs = {"GET": Permission.VIEW, "PATCH": Permission.EDIT, "DELETE": Permission.DELETE}

    @extend_schema(summary="Read a repository", tags=TAGS, responses=RepositoryFull)
    def get(self, request: Request, namespace: str, repository: str) -> Response:
        """With what you may do with it, in `permissions`."""
        return self.full(self.fetch(namespace, repository))

    @extend_schema(summary="Change a repository", tags=TAGS, request=RepositoryPatch, responses=RepositoryFull)
    def patch(self, request: Request, namespace: str, repository: str) -> Response:
        """Description, overview (Markdown), visibility and immutable tags; what you leave out stays."""
        given = self.read(RepositoryPatch)
        row = self.fetch(namespace, repository)
        with transaction.atomic():  # all of it or nothing
            row = self._change(row, given)
        return self.full(row)

    def _change(self, row: Repository, given: dict[str, Any]) -> Repository:
        """Clients send the whole object back: a visibility that stays is no change of visibility."""
        texts = {name: given[name] for name in ("description", "full_description") if name in given}
        if texts:
            row = actions.update_description(actor=self.actor, repository=row, **texts)
        if given.get("is_private", row.is_private) != row.is_private:
            visibility = visibility_of(is_private=given["is_private"])
            row = actions.change_visibility(actor=self.actor, repository=row, visibility=visibility)
        return protect(self.actor, row, given)

    @extend_schema(summary="Delete a repository", tags=TAGS, responses={202: None})
    def delete(self, request: Request, namespace: str, repository: str) -> Response:
        """With its tags, stars, comments and webhooks, at once and for good."""
        row = self.fetch(namespace, repository)
        actions.delete_repository(actor=self.actor, repository=row, typed_name=row.full_name)
        return Response(status=status.HTTP_202_ACCEPTED)


class Privacy(RepositoryView):
    needs = {"POST": Permission.CHANGE_VISIBILITY}

    @extend_schema(summary="Make public or private", tags=TAGS, request=PrivacyRequest, responses=RepositoryFull)
    def post(self, request: Request, namespace: str, repository: str) -> Response:
        """Takes effect for the next token that docker asks for."""
        row = self.fetch(namespace, repository)
        visibility = visibility_of(is_private=self.read(PrivacyRequest)["is_private"])
        return self.full(actions.change_visibility(actor=self.actor, repository=row, visibility=visibility))


class Namespaces(RepositoryView):
    needs = {"GET": Need.SIGNED_IN}

    @extend_schema(summary="List where you may create repositories", tags=TAGS, responses=NamespacesAnswer)
    def get(self, request: Request) -> Response:
        """Names, in order."""
        names = namespaces_to_create_in(self.actor).order_by("name").values_list("name", flat=True)
        return Response({"namespaces": list(names)})
