"""Invitations through the API: Docker Hub's paths for owners, and ours for the invited."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from orgs.access import OrgPermission, fetch_organization
from orgs.actions import invitations as actions
from orgs.actions.members import role_named
from orgs.invitations.access import fetch_invitation, fetch_own_invitation, own_invitations, visible_invitations
from orgs.invitations.lists import MOST_ENTRIES, from_names
from orgs.invitations.review import Line
from orgs.models import Invitation, InvitationState, MemberRole
from portal.accounts.api.base import ApiView, Need

TAGS = ["invites"]
INVITEES = "invitees"


class InviteAnswer(serializers.Serializer[Invitation]):
    id = serializers.UUIDField(source="public_id")
    inviter_username = serializers.SerializerMethodField(help_text="Empty when an access token invited.")
    invitee = serializers.CharField(source="label", help_text="Username or e-mail address, as it was invited.")
    org = serializers.CharField(source="organization.name")
    team = serializers.SerializerMethodField(help_text="Empty for none.")
    role = serializers.SerializerMethodField()
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField(help_text="When the link in the mail ends.")

    def get_inviter_username(self, row: Invitation) -> str:
        return row.inviter.username if row.inviter else ""

    def get_team(self, row: Invitation) -> str:
        return row.team.name if row.team else ""

    def get_role(self, row: Invitation) -> str:
        return MemberRole(row.role).name.capitalize()


class BulkRequest(serializers.Serializer[Any]):
    org = serializers.CharField()
    invitees = serializers.ListField(
        child=serializers.CharField(max_length=1_000, allow_blank=True),
        help_text=f"Usernames or e-mail addresses, {MOST_ENTRIES} at most.",
    )
    team = serializers.CharField(required=False, allow_blank=True, default="", help_text="Name of a team.")
    role = serializers.CharField(required=False, default="member", help_text="member, editor or owner.")
    dry_run = serializers.BooleanField(required=False, default=False, help_text="Say what would be, and do nothing.")


class BulkLine(serializers.Serializer[Line]):
    invitee = serializers.CharField(source="entry.text")
    status = serializers.CharField(
        source="finding.value",
        help_text="`invited`, `existing_org_member`, `existing_org_invite`, `duplicate`, `yourself` or "
        "`invalid_email_or_docker_id`.",
    )
    detail = serializers.CharField(source="reason", help_text="Why not, in words; empty for who is invited.")
    invite = InviteAnswer(source="invitation", required=False, allow_null=True)

    def to_representation(self, instance: Line) -> dict[str, Any]:
        """Clients take `invite` for made when it is there."""
        data = dict(super().to_representation(instance))
        if instance.invitation is None:
            del data["invite"]
        return data


class OrganizationInvites(ApiView):
    needs = {"GET": OrgPermission.SEE_INVITATIONS}

    @extend_schema(
        summary="List an organization's invitations",
        tags=TAGS,
        responses=inline_serializer("InviteList", {"data": InviteAnswer(many=True)}),
    )
    def get(self, request: Request, org: str) -> Response:
        """The pending ones, the oldest first. For owners. Not in pages, as on Docker Hub."""
        organization = fetch_organization(self.actor, org, OrgPermission(self.need))
        rows = visible_invitations(organization).filter(state=InvitationState.PENDING).order_by("id")
        return Response({"data": self.render(list(rows), InviteAnswer)})


class BulkInvites(ApiView):
    needs = {"POST": OrgPermission.MANAGE_MEMBERS}

    @extend_schema(
        summary="Invite people",
        tags=TAGS,
        request=BulkRequest,
        responses={202: inline_serializer("BulkInviteAnswer", {INVITEES: BulkLine(many=True)})},
    )
    def post(self, request: Request) -> Response:
        """Each line is judged by itself: who cannot be invited does not keep the others from it.

        The answer has the form that clients read, with one `invitees`, not two inside each other.
        """
        given = self.read(BulkRequest)
        organization = fetch_organization(self.actor, given["org"], OrgPermission(self.need))
        lines = actions.invite(
            actor=self.actor,
            organization=organization,
            entries=from_names(given[INVITEES], field=INVITEES),
            role=role_named(given["role"]),
            team=given["team"],
            dry_run=given["dry_run"],
        )
        return Response({INVITEES: self.render(lines, BulkLine)}, status=status.HTTP_202_ACCEPTED)


class OneInvite(ApiView):
    needs = {"DELETE": OrgPermission.MANAGE_MEMBERS}

    @extend_schema(summary="Revoke an invitation", tags=TAGS, responses={204: None})
    def delete(self, request: Request, invite_id: UUID) -> Response:
        """Its link says so from then on."""
        actions.revoke_invitation(actor=self.actor, invitation=fetch_invitation(self.actor, invite_id))
        return Response(status=status.HTTP_204_NO_CONTENT)


class ResendInvite(ApiView):
    needs = {"PATCH": OrgPermission.MANAGE_MEMBERS}

    @extend_schema(summary="Send an invitation's mail again", tags=TAGS, request=None, responses={204: None})
    def patch(self, request: Request, invite_id: UUID) -> Response:
        """With a new link, at most once a minute."""
        actions.resend_invitation(actor=self.actor, invitation=fetch_invitation(self.actor, invite_id))
        return Response(status=status.HTTP_204_NO_CONTENT)


class OwnInvites(ApiView):
    needs = {"GET": Need.SIGNED_IN}

    @extend_schema(
        summary="List your own invitations",
        tags=TAGS,
        responses=inline_serializer("OwnInviteList", {"data": InviteAnswer(many=True)}),
    )
    def get(self, request: Request) -> Response:
        """Those that wait for your answer: by your name, or by an address that you confirmed."""
        return Response({"data": self.render(list(own_invitations(self.actor)), InviteAnswer)})


class AcceptInvite(ApiView):
    needs = {"POST": Need.SIGNED_IN}

    @extend_schema(summary="Accept an invitation", tags=TAGS, request=None, responses=InviteAnswer)
    def post(self, request: Request, invite_id: UUID) -> Response:
        """Also after the link in the mail has ended. With a password or a session, not with an access token."""
        row = fetch_own_invitation(self.actor, invite_id)
        actions.accept_invitation(actor=self.actor, invitation=row)
        return Response(InviteAnswer(row).data)


class DeclineInvite(ApiView):
    needs = {"POST": Need.SIGNED_IN}

    @extend_schema(summary="Decline an invitation", tags=TAGS, request=None, responses={204: None})
    def post(self, request: Request, invite_id: UUID) -> Response:
        """Another one may be sent."""
        actions.decline_invitation(actor=self.actor, invitation=fetch_own_invitation(self.actor, invite_id))
        return Response(status=status.HTTP_204_NO_CONTENT)
