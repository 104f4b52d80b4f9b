"""Look at what a deletion takes along, delete an image, keep a deleted one. A tag is deleted at Docker Hub's path."""

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from portal.kit.errors import Invalid, NotFound
from repositories.access import Permission
from repositories.api.base import RepositoryView
from repositories.deletion import preview
from repositories.deletion.api.serializers import DeletionPreviewAnswer, ImageStateAnswer, PreviewQuery
from repositories.images import image_actions

TAGS = ["deletion"]


class DeletionPreview(RepositoryView):
    needs = {"GET": Permission.DELETE_IMAGES}

    @extend_schema(summary="Preview a deletion", tags=TAGS, parameters=[PreviewQuery], responses=DeletionPreviewAnswer)
    def get(self, request: Request, namespace: str, repository: str) -> Response:
        """What goes, what stays because something else needs it, and what is freed. Changes nothing."""
        row = self.fetch(namespace, repository)
        wanted = self.read_query(PreviewQuery)
        if ("tag" in wanted) == ("digest" in wanted):
            raise Invalid(_("Give a tag or a digest."))
        if "digest" in wanted:
            return Response(DeletionPreviewAnswer(preview.of_image(row, wanted["digest"])).data)
        found = preview.of_tags(row, [wanted["tag"]])
        if not found.tags:
            raise NotFound(_("There is no such tag."))
        return Response(DeletionPreviewAnswer(found).data)


class RestoreImage(RepositoryView):
    needs = {"POST": Permission.PUSH}

    @extend_schema(summary="Keep a deleted image", tags=TAGS, request=None, responses=ImageStateAnswer)
    def post(self, request: Request, namespace: str, repository: str, digest: str) -> Response:
        """Without a tag. To bring a deleted tag back, with its image, restore the tag."""
        row = self.fetch(namespace, repository)
        kept = image_actions.restore_image(actor=self.actor, repository=row, digest=digest)
        return Response(ImageStateAnswer(kept).data)
