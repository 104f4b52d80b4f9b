"""Whom a repository is shared with, at Docker Hub's paths; and what is shared with oneself."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from orgs.access import visible_teams
from orgs.models import Team
from portal.accounts.api.base import HubPages, Need
from portal.kit.errors import Conflict, Invalid, NotFound
from repositories.access import Permission, shared_with
from repositories.api.base import RepositoryListView, RepositoryView
from repositories.api.serializers import RepositoryShort
from repositories.grants import actions
from repositories.grants.access import (
    collaborators,
    fetch_collaborator,
    fetch_group_grant,
    organization_of,
    team_grants,
)
from repositories.grants.actions import KEEP, role_named
from repositories.grants.api.serializers import (
    CollaboratorAnswer,
    CollaboratorPatch,
    CollaboratorRequest,
    GroupGrantAnswer,
    GroupGrantRequest,
    PermissionRequest,
)
from repositories.models import Repository

TAGS = ["sharing"]
_NAMES = {"username": "user", "role": "permission"}


@contextmanager
def called() -> Iterator[None]:
    """Call the fields of an action's error what the API calls them."""
    try:
        yield
    except (Invalid, Conflict) as error:
        fields = {_NAMES.get(name, name): texts for name, texts in error.fields.items()}
        raise type(error)(error.message, fields=fields) from error


class Groups(RepositoryView):
    needs = {"GET": Permission.MANAGE_ACCESS, "POST": Permission.MANAGE_ACCESS}
    pagination_class = HubPages

    @extend_schema(summary="List a repository's teams", tags=TAGS, responses=GroupGrantAnswer(many=True))
    def get(self, request: Request, namespace: str, repository: str) -> Response:
        """Those that it is granted to by its name. What patterns give stands with the teams."""
        rows = team_grants(self.fetch(namespace, repository)).order_by("team__name")
        return self.page(rows, GroupGrantAnswer)

    @extend_schema(
        summary="Grant a repository to a team", tags=TAGS, request=GroupGrantRequest, responses=GroupGrantAnswer
    )
    def post(self, request: Request, namespace: str, repository: str) -> Response:
        """A team that has it already gets this permission."""
        row = self.fetch(namespace, repository)
        given = self.read(GroupGrantRequest)
        team = self._team(row, given["group_id"])
        with called():
            grant = actions.grant_to_team(
                actor=self.actor,
                organization=team.organization,
                team=team,
                pattern=row.name,
                role=role_named(given["permission"]),
            )
        return Response(GroupGrantAnswer(grant).data)

    def _team(self, repository: Repository, group_id: int) -> Team:
        """Two queries. Raises NotFound: a person's namespace has no teams, and a guest knows of none."""
        organization = organization_of(self.actor, repository)
        team = visible_teams(organization).filter(pk=group_id).first() if organization else None
        if organization is None or team is None:
            raise NotFound(_("There is no such team."))
        team.organization = organization
        return team


class OneGroup(RepositoryView):
    needs = dict.fromkeys(("GET", "PUT", "PATCH", "DELETE"), Permission.MANAGE_ACCESS)

    @extend_schema(summary="Read what a team has on a repository", tags=TAGS, responses=GroupGrantAnswer)
    def get(self, request: Request, namespace: str, repository: str, group_id: int) -> Response:
        """By the repository's name, patterns aside."""
        return Response(GroupGrantAnswer(fetch_group_grant(self.fetch(namespace, repository), group_id)).data)

    @extend_schema(
        summary="Set what a team has on a repository", tags=TAGS, request=PermissionRequest, responses=GroupGrantAnswer
    )
    def put(self, request: Request, namespace: str, repository: str, group_id: int) -> Response:
        """Of a team that has it already."""
        return self._change(namespace, repository, group_id)

    @extend_schema(
        summary="Change what a team has on a repository",
        tags=TAGS,
        request=PermissionRequest,
        responses=GroupGrantAnswer,
    )
    def patch(self, request: Request, namespace: str, repository: str, group_id: int) -> Response:
        """As PUT."""
        return self._change(namespace, repository, group_id)

    def _change(self, namespace: str, repository: str, group_id: int) -> Response:
        grant = fetch_group_grant(self.fetch(namespace, repository), group_id)
        role = role_named(self.read(PermissionRequest)["permission"])
        return Response(GroupGrantAnswer(actions.change_grant(actor=self.actor, grant=grant, role=role)).data)

    @extend_schema(summary="Take a repository from a team", tags=TAGS, responses={204: None})
    def delete(self, request: Request, namespace: str, repository: str, group_id: int) -> Response:
        """What it has by pattern stays."""
        grant = fetch_group_grant(self.fetch(namespace, repository), group_id)
        actions.revoke_grant(actor=self.actor, grant=grant)
        return Response(status=status.HTTP_204_NO_CONTENT)


class Collaborators(RepositoryView):
    needs = {"GET": Permission.MANAGE_ACCESS, "POST": Permission.MANAGE_ACCESS}
    pagination_class = HubPages

    @extend_schema(summary="List collaborators", tags=TAGS, responses=CollaboratorAnswer(many=True))
    def get(self, request: Request, namespace: str, repository: str) -> Response:
        """By name; ended ones too."""
        rows = collaborators(self.fetch(namespace, repository)).order_by("user__username")
        return self.page(rows, CollaboratorAnswer)

    @extend_schema(
        summary="Share with a person", tags=TAGS, request=CollaboratorRequest, responses={201: CollaboratorAnswer}
    )
    def post(self, request: Request, namespace: str, repository: str) -> Response:
        """Who is a collaborator already gets this permission and this end. Nobody is asked again: see `preview`."""
        row = self.fetch(namespace, repository)
        given = self.read(CollaboratorRequest)
        with called():
            grant = actions.grant_to_person(
                actor=self.actor,
                repository=row,
                username=given["user"],
                role=role_named(given["permission"]),
                expires_at=given["expires_at"],
            )
        return Response(CollaboratorAnswer(grant).data, status=status.HTTP_201_CREATED)


class OneCollaborator(RepositoryView):
    needs = dict.fromkeys(("GET", "PATCH", "DELETE"), Permission.MANAGE_ACCESS)

    @extend_schema(summary="Read a collaborator", tags=TAGS, responses=CollaboratorAnswer)
    def get(self, request: Request, namespace: str, repository: str, username: str) -> Response:
        """With the end, if there is one."""
        return Response(CollaboratorAnswer(fetch_collaborator(self.fetch(namespace, repository), username)).data)

    @extend_schema(summary="Change a collaborator", tags=TAGS, request=CollaboratorPatch, responses=CollaboratorAnswer)
    def patch(self, request: Request, namespace: str, repository: str, username: str) -> Response:
        """What you leave out stays."""
        grant = fetch_collaborator(self.fetch(namespace, repository), username)
        given = self.read(CollaboratorPatch)
        role = role_named(given["permission"]) if "permission" in given else None
        with called():
            grant = actions.change_grant(
                actor=self.actor, grant=grant, role=role, expires_at=given.get("expires_at", KEEP)
            )
        return Response(CollaboratorAnswer(grant).data)

    @extend_schema(summary="Remove a collaborator", tags=TAGS, responses={204: None})
    def delete(self, request: Request, namespace: str, repository: str, username: str) -> Response:
        """A registry token that they hold dies within five minutes."""
        grant = fetch_collaborator(self.fetch(namespace, repository), username)
        actions.revoke_grant(actor=self.actor, grant=grant)
        return Response(status=status.HTTP_204_NO_CONTENT)


class Shared(RepositoryListView):
    needs = {"GET": Need.SIGNED_IN}

    @extend_schema(summary="List what is shared with you", tags=TAGS, responses=RepositoryShort(many=True))
    def get(self, request: Request) -> Response:
        """Repositories where you are a collaborator and that are neither yours nor your organizations'."""
        return self.page_of_repositories(shared_with(self.actor).order_by("-updated_at", "-id"))
