"""Tags, at Docker Hub's paths, the new ones and the old."""

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from portal.kit.errors import NotFound
from repositories.access import Permission
from repositories.api.base import RepositoryView
from repositories.images import tag_actions
from repositories.images.api.paging import TagPages
from repositories.images.api.serializers import ImageWithLayers, StatusAnswer, TagAnswer, TagQuery
from repositories.images.hub_rows import images_with_layers, tag_rows, tags_of
from repositories.images.models import Tag
from repositories.images.statuses import statuses_of

TAGS = ["tags"]
# The other way round than the words say: this is what Docker Hub does, and what its clients count on.
ORDERS = {
    "last_updated": "-pushed_at",
    "-last_updated": "pushed_at",
    "name": "-name",
    "-name": "name",
    "size": "-size",
    "-size": "size",
    "version": "-version_key",
    "-version": "version_key",
}


class Tags(RepositoryView):
    needs = {"GET": Permission.VIEW}
    pagination_class = TagPages

    @extend_schema(summary="List tags", tags=TAGS, parameters=[TagQuery], responses=TagAnswer(many=True))
    def get(self, request: Request, namespace: str, repository: str) -> Response:
        """Each with its platforms. Follow `next`: any page costs the same, and none is told twice or left out because
        somebody pushes meanwhile."""
        row = self.fetch(namespace, repository)
        wanted = self.read_query(TagQuery)
        rows, count = tags_of(row), row.tag_count
        if wanted.get("name"):
            rows = rows.filter(name__icontains=wanted["name"])
            count = rows.count()
        pages = TagPages()
        found = pages.read(request, rows, by=ORDERS[wanted.get("ordering", "last_updated")], count=count)
        return pages.answer(self.render(tag_rows(found.rows), TagAnswer), {})


class OneTag(RepositoryView):
    needs = {"GET": Permission.VIEW, "DELETE": Permission.DELETE_IMAGES}

    @extend_schema(summary="Read a tag", tags=TAGS, responses=TagAnswer)
    def get(self, request: Request, namespace: str, repository: str, tag: str) -> Response:
        """Where it points to now, and who pushed it when."""
        row = self.fetch(namespace, repository)
        return Response(TagAnswer(tag_rows([_one(tags_of(row), tag)])[0]).data)

    @extend_schema(summary="Delete a tag", tags=TAGS, responses={204: None})
    def delete(self, request: Request, namespace: str, repository: str, tag: str) -> Response:
        """This tag, and no other tag of its image, which can be restored for a while."""
        row = self.fetch(namespace, repository)
        tag_actions.delete_tag(actor=self.actor, repository=row, tag=tag)
        return Response(status=status.HTTP_204_NO_CONTENT)


class TagImages(RepositoryView):
    needs = {"GET": Permission.VIEW}

    @extend_schema(summary="List a tag's images", tags=TAGS, responses=ImageWithLayers(many=True))
    def get(self, request: Request, namespace: str, repository: str, tag: str) -> Response:
        """Every platform, with the layers and the instructions that made them. A bare list."""
        row = self.fetch(namespace, repository)
        found = images_with_layers(_one(tags_of(row, with_layers=True), tag))
        return Response(self.render(found, ImageWithLayers))


class TagStatuses(RepositoryView):
    needs = {"GET": Permission.VIEW}

    @extend_schema(summary="List a tag's build statuses", tags=TAGS, responses=StatusAnswer(many=True))
    def get(self, request: Request, namespace: str, repository: str, tag: str) -> Response:
        """What receivers of webhooks reported of the image that the tag points to now, through the payload's
        `callback_url`; by context. A bare list of twenty at most."""
        row = self.fetch(namespace, repository)
        found = _one(tags_of(row), tag)
        statuses = statuses_of(row, {found.name: found.manifest.digest})
        return Response(self.render(statuses.get(found.name, []), StatusAnswer))


def _one(rows: QuerySet[Tag], name: str) -> Tag:
    tag = rows.filter(name=name).first()
    if tag is None:
        raise NotFound(_("There is no such tag."))
    return tag
