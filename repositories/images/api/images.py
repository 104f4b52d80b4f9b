"""Images by digest: what a repository holds, all of one image, its manifest, and what is attached to it."""

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from portal.kit.paging import keyset
from repositories.access import Permission
from repositories.api.base import RepositoryView
from repositories.images import image_actions
from repositories.images.api.image_shapes import (
    ImageByDigest,
    ImagesAnswer,
    ImageShort,
    ImagesQuery,
    ReferrersAnswer,
    ReferrersQuery,
    image_of,
    referrers_of,
)
from repositories.images.image_page import fetch_image, images_of, newest_tags, read_image
from repositories.images.raw import raw_response
from repositories.images.referrers import attached_to
from repositories.registry import client

TAGS = ["images"]


class Images(RepositoryView):
    needs = {"GET": Permission.VIEW}

    @extend_schema(
        operation_id="namespaces_repositories_images_list",
        summary="List images",
        tags=TAGS,
        parameters=[ImagesQuery],
        responses=ImagesAnswer,
    )
    def get(self, request: Request, namespace: str, repository: str) -> Response:
        """Every manifest, the newest first: images, the platforms of multi-platform images, artifacts, attestations."""
        row, query = self.fetch(namespace, repository), self.read_query(ImagesQuery)
        rows, order = images_of(row), "-id"
        if query["tagged"] is not None:
            rows = rows.filter(untagged_at__isnull=query["tagged"])
            order = "-id" if query["tagged"] else "-untagged_at"
        page = keyset(rows, by=order, cursor=query["cursor"], size=query["page_size"])
        return Response(
            {
                "next": self._address(page.next),
                "previous": self._address(page.previous),
                "results": self.render(page.rows, ImageShort, {"tags": newest_tags(page.rows)}),
            }
        )

    def _address(self, cursor: str) -> str | None:
        if not cursor:
            return None
        asked = self.request.query_params.copy()
        asked["cursor"] = cursor
        return f"{self.request.build_absolute_uri(self.request.path)}?{asked.urlencode()}"


class OneImage(RepositoryView):
    needs = {"GET": Permission.VIEW, "DELETE": Permission.DELETE_IMAGES}

    @extend_schema(summary="Read an image", tags=TAGS, responses=ImageByDigest)
    def get(self, request: Request, namespace: str, repository: str, digest: str) -> Response:
        """All that is known of it: layers with the instructions that made them, config, annotations, signatures.
        The layers of a multi-platform image are those of its platforms."""
        row = self.fetch(namespace, repository)
        return Response(image_of(read_image(row, fetch_image(row, digest))))

    @extend_schema(summary="Delete an image", tags=TAGS, responses={204: None})
    def delete(self, request: Request, namespace: str, repository: str, digest: str) -> Response:
        """With all its tags. It can be restored for a while."""
        row = self.fetch(namespace, repository)
        image_actions.delete_image(actor=self.actor, repository=row, digest=digest)
        return Response(status=status.HTTP_204_NO_CONTENT)


class ImageManifest(RepositoryView):
    needs = {"GET": Permission.PULL}

    @extend_schema(
        summary="Read an image's manifest",
        tags=TAGS,
        responses={(200, media_type): OpenApiResponse(OpenApiTypes.OBJECT) for media_type in client.MANIFEST_TYPES},
    )
    def get(self, request: Request, namespace: str, repository: str, digest: str) -> HttpResponse:
        """Its very bytes, from the registry, with the media type that they have there."""
        row = self.fetch(namespace, repository)
        return raw_response(client.get_manifest(row.full_name, fetch_image(row, digest).digest), row.name)


class ImageReferrers(RepositoryView):
    needs = {"GET": Permission.VIEW}

    @extend_schema(
        summary="List what is attached to an image", tags=TAGS, parameters=[ReferrersQuery], responses=ReferrersAnswer
    )
    def get(self, request: Request, namespace: str, repository: str, digest: str) -> Response:
        """By its subject, or by a tag such as `sha256-….sig`; a hundred at most. Also of an image that is not here."""
        row, query = self.fetch(namespace, repository), self.read_query(ReferrersQuery)
        return Response(referrers_of(attached_to(row.pk, [digest])[digest], query["artifactType"]))
