"""Organizations and their settings."""

from django.db import transaction
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from orgs import actions
from orgs.access import OrgPermission, own_organizations
from orgs.api.base import OrganizationView, called, in_the_way
from orgs.api.serializers import (
    OrganizationAnswer,
    OrganizationPatch,
    OrganizationRequest,
    SettingsAnswer,
    SettingsRequest,
)
from orgs.models import BasePermission, Organization
from portal.accounts.api.base import ApiView, HubPages, Need
from portal.kit.errors import Invalid

TAGS = ["organizations"]
NAMES = {"name": "orgname", "link": "profile_url"}


class OwnOrganizations(ApiView):
    needs = {"GET": Need.SIGNED_IN}
    pagination_class = HubPages

    @extend_schema(summary="List your organizations", tags=TAGS, responses=OrganizationAnswer(many=True))
    def get(self, request: Request) -> Response:
        """Those you belong to, by name; with an organization's access token, that one."""
        return self.page(own_organizations(self.actor).order_by("namespace__name"), OrganizationAnswer)


class Organizations(ApiView):
    needs = {"POST": Need.SIGNED_IN}

    @extend_schema(
        summary="Create an organization", tags=TAGS, request=OrganizationRequest, responses={201: OrganizationAnswer}
    )
    def post(self, request: Request) -> Response:
        """You become its owner."""
        given = self.read(OrganizationRequest)
        given["name"], given["link"] = given.pop("orgname"), given.pop("profile_url")
        with called(NAMES):
            organization = actions.create_organization(actor=self.actor, **given)
        return Response(OrganizationAnswer(organization).data, status=status.HTTP_201_CREATED)


class OneOrganization(OrganizationView):
    needs = {"GET": OrgPermission.VIEW, "PATCH": OrgPermission.EDIT_PROFILE, "DELETE": OrgPermission.DELETE}

    @extend_schema(summary="Read an organization", tags=TAGS, responses=OrganizationAnswer)
    def get(self, request: Request, org: str) -> Response:
        """For who belongs to it."""
        return Response(OrganizationAnswer(self.fetch(org)).data)

    @extend_schema(
        summary="Change an organization's profile", tags=TAGS, request=OrganizationPatch, responses=OrganizationAnswer
    )
    def patch(self, request: Request, org: str) -> Response:
        """What you leave out stays."""
        given = self.read(OrganizationPatch)
        row = self.fetch(org)
        texts = {("link" if name == "profile_url" else name): text for name, text in given.items()}
        with called(NAMES):
            row = actions.update_profile(actor=self.actor, organization=row, **texts)
        return Response(OrganizationAnswer(row).data)

    @extend_schema(
        summary="Delete an organization",
        tags=TAGS,
        responses={204: None, 409: in_the_way("There are repositories in it.")},
    )
    def delete(self, request: Request, org: str) -> Response:
        """Refused while there are repositories in it. Its name stays taken. An access token cannot do it."""
        row = self.fetch(org)
        actions.delete_organization(actor=self.actor, organization=row, typed_name=row.name)
        return Response(status=status.HTTP_204_NO_CONTENT)


class Settings(OrganizationView):
    needs = {"GET": OrgPermission.VIEW, "PUT": OrgPermission.EDIT_DEFAULTS}

    @extend_schema(summary="Read an organization's settings", tags=TAGS, responses=SettingsAnswer)
    def get(self, request: Request, org: str) -> Response:
        """Its rules and defaults."""
        return Response(SettingsAnswer(self.fetch(org)).data)

    @extend_schema(
        summary="Change an organization's settings", tags=TAGS, request=SettingsRequest, responses=SettingsAnswer
    )
    def put(self, request: Request, org: str) -> Response:
        """What you leave out stays. The rules are for owners, the defaults for editors too."""
        given = self.read(SettingsRequest)
        row = self.fetch(org)
        if given.pop("restricted_images", {}).get("enabled"):
            raise Invalid.field("restricted_images.enabled", _("Moorage does not restrict which images may be pulled."))
        defaults = {name: given.pop(name) for name in ("default_visibility", "create_on_push") if name in given}
        with transaction.atomic():  # all of it or nothing
            row = self._change_rules(row, given) if given else row
            if defaults:
                row = actions.update_defaults(actor=self.actor, organization=row, **defaults)
        return Response(SettingsAnswer(row).data)

    def _change_rules(self, row: Organization, given: dict[str, str]) -> Organization:
        base = given.get("base_permission")
        return actions.update_rules(
            actor=self.actor,
            organization=row,
            base_permission=BasePermission[base.upper()] if base else None,
            who_creates=given.get("who_creates"),
            who_publishes=given.get("who_publishes"),
        )
