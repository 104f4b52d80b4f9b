"""Roll a tag back, restore it, copy it. No image byte is moved."""

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from portal.kit.errors import Conflict, NotFound
from repositories.access import Permission
from repositories.api.base import RepositoryView
from repositories.images import tag_actions
from repositories.images.api.history_shapes import CopyRequest, RestoreRequest, RollBackRequest
from repositories.images.api.serializers import TagAnswer
from repositories.images.copy_targets import fetch_target
from repositories.images.history import current_digest, previous_digest
from repositories.images.hub_rows import tag_rows, tags_of
from repositories.models import Repository

TAGS = ["tag history"]


class TagWrite(RepositoryView):
    def told(self, repository: Repository, tag: str, *, code: int = status.HTTP_200_OK) -> Response:
        """The tag as it is now. Three queries."""
        found = tags_of(repository).filter(name=tag).first()
        if found is None:
            raise NotFound(_("The tag is gone again."))
        return Response(TagAnswer(tag_rows([found])[0]).data, status=code)


class RollBack(TagWrite):
    needs = {"POST": Permission.PUSH}

    @extend_schema(summary="Roll a tag back", tags=TAGS, request=RollBackRequest, responses=TagAnswer)
    def post(self, request: Request, namespace: str, repository: str, tag: str) -> Response:
        """To a digest that the repository has. Webhooks fire as for a push."""
        row, digest = self.fetch(namespace, repository), self.read(RollBackRequest)["digest"]
        if not digest and current_digest(row, tag) is not None:
            digest = previous_digest(row, tag)
            if not digest:
                raise Conflict(_("This tag never pointed to another image."))
        tag_actions.roll_back(actor=self.actor, repository=row, tag=tag, digest=digest)
        return self.told(row, tag)


class Restore(TagWrite):
    needs = {"POST": Permission.PUSH}

    @extend_schema(summary="Restore a tag", tags=TAGS, request=RestoreRequest, responses=TagAnswer)
    def post(self, request: Request, namespace: str, repository: str, tag: str) -> Response:
        """One that was deleted, while its image is in the registry. Webhooks fire as for a push."""
        row, digest = self.fetch(namespace, repository), self.read(RestoreRequest)["digest"]
        tag_actions.restore_tag(actor=self.actor, repository=row, tag=tag, digest=digest)
        return self.told(row, tag)


class Copy(TagWrite):
    needs = {"POST": Permission.PULL}

    @extend_schema(summary="Copy a tag", tags=TAGS, request=CopyRequest, responses={201: TagAnswer})
    def post(self, request: Request, namespace: str, repository: str, tag: str) -> Response:
        """To another name, or to another repository: layers are mounted, and the digest stays the same."""
        source, given = self.fetch(namespace, repository), self.read(CopyRequest)
        target = fetch_target(self.actor, given["repository"] or source.full_name)
        tag_actions.copy_tag(actor=self.actor, source=source, reference=tag, repository=target, tag=given["tag"])
        return self.told(target, given["tag"], code=status.HTTP_201_CREATED)
