"""Organization access tokens, at Docker Hub's paths. Managed with a password or in the browser."""

from datetime import timedelta
from typing import Any

from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from orgs.access import OrgPermission
from orgs.actions import access_tokens as actions
from orgs.api.base import OrganizationView
from portal.accounts import hub_resources
from portal.accounts.api.base import HubPages
from portal.accounts.models import OrganizationAccessToken, TokenAction
from portal.kit.patterns import PATTERN_MAX

TAGS = ["organization access tokens"]


class OrganizationTokenResource(serializers.Serializer[Any]):
    """A place. With `type` and `scopes` as on Docker Hub, or with `actions`."""

    type = serializers.ChoiceField(choices=[hub_resources.REPOSITORY, hub_resources.ORGANIZATION], required=False)
    path = serializers.CharField(
        max_length=PATTERN_MAX,
        help_text="`acme/api`, `acme/payments/*`, `acme/*`, or `acme` for the organization itself.",
    )
    scopes = serializers.ListField(
        child=serializers.CharField(max_length=64), required=False, help_text=f"Of {', '.join(hub_resources.KNOWN)}."
    )
    actions = serializers.ListField(
        child=serializers.CharField(max_length=64), required=False, help_text=f"Of {', '.join(TokenAction.values)}."
    )


class OrganizationTokenRequest(serializers.Serializer[Any]):
    label = serializers.CharField(help_text="Unique in the organization.")  # type: ignore[assignment]  # Hub's word
    description = serializers.CharField(required=False, allow_blank=True, default="")
    resources = OrganizationTokenResource(many=True, help_text="Where it may do what, and nowhere else.")
    team = serializers.CharField(
        required=False, allow_blank=True, default="", help_text="The team it acts for; without, the organization."
    )
    expires_at = serializers.DateTimeField(required=False, allow_null=True, default=None)


class OrganizationTokenPatch(serializers.Serializer[Any]):
    label = serializers.CharField(required=False)  # type: ignore[assignment]  # Hub's word
    description = serializers.CharField(required=False, allow_blank=True)
    resources = OrganizationTokenResource(many=True, required=False)
    is_active = serializers.BooleanField(required=False)


class OrganizationTokenRotation(serializers.Serializer[Any]):
    overlap = serializers.IntegerField(
        required=False,
        default=0,
        min_value=0,
        max_value=int(actions.OVERLAP_MAX.total_seconds()),
        help_text="Seconds for which the secret before stays valid.",
    )
    expires_at = serializers.DateTimeField(
        required=False, allow_null=True, help_text="A new end; null for never. Left out, the end stays."
    )


class OrganizationTokenLimit(serializers.Serializer[Any]):
    path = serializers.CharField()
    actions = serializers.ListField(child=serializers.CharField())


class HubResource(serializers.Serializer[Any]):
    type = serializers.CharField()
    path = serializers.CharField()
    scopes = serializers.ListField(child=serializers.CharField())


class OrganizationTokenAnswer(serializers.Serializer[OrganizationAccessToken]):
    """Docker Hub's fields, and what it lacks: team, login name, limits, last address and client."""

    id = serializers.UUIDField(source="public_id")
    label = serializers.CharField()  # type: ignore[assignment]  # Hub's word
    description = serializers.CharField()
    created_by = serializers.SerializerMethodField()
    is_active = serializers.BooleanField()
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField(allow_null=True)
    last_used_at = serializers.DateTimeField(allow_null=True)
    last_used_ip = serializers.CharField(source="last_used_address")
    last_used_ua = serializers.CharField(source="last_used_client")
    resources = serializers.SerializerMethodField()
    limits = OrganizationTokenLimit(many=True)
    team = serializers.SerializerMethodField()
    username = serializers.CharField(source="namespace.name", help_text="The name to log in with.")
    old_secret_expires_at = serializers.SerializerMethodField()

    def get_created_by(self, token: OrganizationAccessToken) -> str:
        return token.created_by.username if token.created_by else ""

    @extend_schema_field(HubResource(many=True))
    def get_resources(self, token: OrganizationAccessToken) -> Any:
        """Word for word what was asked for, if it was; else the limits in Docker Hub's words."""
        return hub_resources.shown(token.limits) if token.resources is None else token.resources

    def get_team(self, token: OrganizationAccessToken) -> str:
        return actions.team_name_of(token)

    @extend_schema_field(serializers.DateTimeField(allow_null=True))
    def get_old_secret_expires_at(self, token: OrganizationAccessToken) -> Any:
        """As the framework writes times."""
        return serializers.DateTimeField().to_representation(token.old_hash_until) if token.old_hash_until else None


class NewOrganizationTokenAnswer(OrganizationTokenAnswer):
    """`token` holds the secret, once."""

    token = serializers.SerializerMethodField()

    def get_token(self, token: OrganizationAccessToken) -> str:
        return str(self.context["secret"])


class TotalPages(HubPages):
    """This list says `total` where all others say `count`."""

    def answer(self, results: Any, extra: Any) -> Response:
        response = super().answer(results, extra)
        assert isinstance(response.data, dict)  # noqa: S101  for the type checker
        response.data = {"total": response.data.pop("count"), **response.data}
        return response

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        envelope = super().get_paginated_response_schema(schema)
        properties = envelope["properties"]
        envelope["properties"] = {"total": properties.pop("count"), **properties}
        envelope["required"] = ["total" if name == "count" else name for name in envelope.get("required", [])]
        return envelope


class OrganizationTokens(OrganizationView):
    needs = {"GET": OrgPermission.TOKENS, "POST": OrgPermission.TOKENS}
    pagination_class = TotalPages

    @extend_schema(summary="List organization access tokens", tags=TAGS, responses=OrganizationTokenAnswer(many=True))
    def get(self, request: Request, org: str) -> Response:
        """Newest first, without their secrets. For owners."""
        rows = actions.visible_access_tokens(self.actor, self.fetch(org))
        pages = TotalPages()
        found = pages.paginate_queryset(rows, request, view=self) or []
        return pages.answer(self.render(found, OrganizationTokenAnswer), {})

    @extend_schema(
        summary="Create an organization access token",
        tags=TAGS,
        request=OrganizationTokenRequest,
        responses={201: NewOrganizationTokenAnswer},
    )
    def post(self, request: Request, org: str) -> Response:
        """The answer holds the secret, in `token`; nobody can read it again. Log in with the organization's name."""
        given = self.read(OrganizationTokenRequest)
        token, secret = actions.create_access_token(
            actor=self.actor,
            organization=self.fetch(org),
            label=given["label"],
            description=given["description"],
            limits=hub_resources.parse(given["resources"]),
            resources=_as_written(given["resources"]),
            team=given["team"],
            expires_at=given["expires_at"],
        )
        return Response(
            NewOrganizationTokenAnswer(token, context={"secret": secret}).data, status=status.HTTP_201_CREATED
        )


class OrganizationToken(OrganizationView):
    needs = {"GET": OrgPermission.TOKENS, "PATCH": OrgPermission.TOKENS, "DELETE": OrgPermission.TOKENS}

    @extend_schema(summary="Read an organization access token", tags=TAGS, responses=OrganizationTokenAnswer)
    def get(self, request: Request, org: str, token_id: str) -> Response:
        """Without its secret."""
        return Response(OrganizationTokenAnswer(actions.fetch_access_token(self.actor, self.fetch(org), token_id)).data)

    @extend_schema(
        summary="Change an organization access token",
        tags=TAGS,
        request=OrganizationTokenPatch,
        responses=OrganizationTokenAnswer,
    )
    def patch(self, request: Request, org: str, token_id: str) -> Response:
        """What you leave out stays. It counts from the token's next use on."""
        given = self.read(OrganizationTokenPatch)
        if "resources" in given:
            given["limits"] = hub_resources.parse(given["resources"])
            given["resources"] = _as_written(given["resources"])
        token = actions.update_access_token(actor=self.actor, organization=self.fetch(org), public_id=token_id, **given)
        return Response(OrganizationTokenAnswer(token).data)

    @extend_schema(summary="Delete an organization access token", tags=TAGS, responses={204: None})
    def delete(self, request: Request, org: str, token_id: str) -> Response:
        """It stops working at once, and so do the bearer tokens made with it."""
        actions.delete_access_token(actor=self.actor, organization=self.fetch(org), public_id=token_id)
        return Response(status=status.HTTP_204_NO_CONTENT)


class RotateOrganizationToken(OrganizationView):
    needs = {"POST": OrgPermission.TOKENS}

    @extend_schema(
        summary="Give an organization access token a new secret",
        tags=TAGS,
        request=OrganizationTokenRotation,
        responses=NewOrganizationTokenAnswer,
    )
    def post(self, request: Request, org: str, token_id: str) -> Response:
        """The new one stands in `token`, once. For `overlap` seconds the one before is taken, too."""
        given = self.read(OrganizationTokenRotation)
        token, secret = actions.rotate_access_token(
            actor=self.actor,
            organization=self.fetch(org),
            public_id=token_id,
            overlap=timedelta(seconds=given["overlap"]),
            expiry=actions.Expiry(given["expires_at"]) if "expires_at" in given else None,
        )
        return Response(NewOrganizationTokenAnswer(token, context={"secret": secret}).data)


def _as_written(resources: list[dict[str, Any]]) -> list[dict[str, Any]] | None:
    """To be read back word for word, unless one of them is written in our way."""
    return None if any("actions" in resource for resource in resources) else resources
