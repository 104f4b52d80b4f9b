"""Personal access tokens. Managed with a password or in the browser, never with an access token."""

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer

from portal.accounts import actions, limits
from portal.accounts.api.base import ApiView, HubPages, Need
from portal.accounts.api.serializers import (
    AccessTokenAnswer,
    AccessTokenPatch,
    AccessTokenRequest,
    OldAccessTokenRequest,
    highest_level,
)

TAGS = ["access tokens"]


class ActiveCountPages(HubPages):
    """The envelope of this list has one number more."""

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        envelope = super().get_paginated_response_schema(schema)
        envelope["properties"]["active_count"] = {"type": "integer", "description": "Switched on and not expired."}
        return envelope


class AccessTokens(ApiView):
    needs = {"GET": Need.SIGNED_IN, "POST": Need.SIGNED_IN}
    pagination_class = ActiveCountPages
    request_serializer: ClassVar[type[Serializer[Any]]] = AccessTokenRequest

    @extend_schema(summary="List your access tokens", tags=TAGS, responses=AccessTokenAnswer(many=True))
    def get(self, request: Request) -> Response:
        """Newest first, without their secrets."""
        rows = actions.visible_access_tokens(self.actor)
        active = rows.usable().count()
        return self.page(rows, AccessTokenAnswer, extra={"active_count": active})

    @extend_schema(
        summary="Create an access token", tags=TAGS, request=AccessTokenRequest, responses={201: AccessTokenAnswer}
    )
    def post(self, request: Request) -> Response:
        """The answer holds the secret, in `token`; nobody can read it again.

        `resources` limit it to places and actions; Docker Hub has them for organizations only.
        """
        given = self.read(self.request_serializer)
        token, secret = actions.create_access_token(
            actor=self.actor,
            label=given["token_label"],
            level=highest_level(given["scopes"]) if "scopes" in given else None,
            limits=None if given["resources"] is None else limits.parse(given["resources"]),
            expires_at=given["expires_at"],
        )
        answer = AccessTokenAnswer(token, context={"secret": secret})
        return Response(answer.data, status=status.HTTP_201_CREATED)


class AccessToken(ApiView):
    needs = {"GET": Need.SIGNED_IN, "PATCH": Need.SIGNED_IN, "DELETE": Need.SIGNED_IN}
    deleted_status: ClassVar[int] = status.HTTP_204_NO_CONTENT

    @extend_schema(summary="Read an access token", tags=TAGS, responses=AccessTokenAnswer)
    def get(self, request: Request, uuid: str) -> Response:
        """Without its secret."""
        return Response(AccessTokenAnswer(actions.fetch_access_token(self.actor, uuid)).data)

    @extend_schema(summary="Change an access token", tags=TAGS, request=AccessTokenPatch, responses=AccessTokenAnswer)
    def patch(self, request: Request, uuid: str) -> Response:
        """Rename it, or switch it on or off."""
        given = self.read(AccessTokenPatch)
        token = actions.update_access_token(
            actor=self.actor, public_id=uuid, label=given.get("token_label"), is_active=given.get("is_active")
        )
        return Response(AccessTokenAnswer(token).data)

    @extend_schema(summary="Delete an access token", tags=TAGS, responses={204: None})
    def delete(self, request: Request, uuid: str) -> Response:
        """It stops working at once, and so do the bearer tokens made with it."""
        actions.delete_access_token(actor=self.actor, public_id=uuid)
        return Response(status=self.deleted_status)


@extend_schema_view(
    get=extend_schema(deprecated=True), post=extend_schema(deprecated=True, request=OldAccessTokenRequest)
)
class OldAccessTokens(AccessTokens):
    """hub-tool knows the collection by its old name."""

    request_serializer = OldAccessTokenRequest


@extend_schema_view(
    get=extend_schema(deprecated=True),
    patch=extend_schema(deprecated=True),
    delete=extend_schema(deprecated=True, responses={202: None}),
)
class OldAccessToken(AccessToken):
    deleted_status = status.HTTP_202_ACCEPTED
