"""Members of an organization, and with them those who are invited."""

from collections.abc import Sequence
from typing import Any

from django.db.models import Q, QuerySet
from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from orgs import actions
from orgs.access import OrgPermission, fetch_member, fetch_organization, find_members
from orgs.actions.members import role_named
from orgs.api.base import OrganizationView, in_the_way
from orgs.api.serializers import MemberAnswer, MemberQuery, RoleRequest
from orgs.export import members_response, pending_invitations
from orgs.models import Invitation, Membership, Organization
from orgs.shown import ShownMember, shown_members
from portal.accounts.api.base import HubPages

TAGS = ["members"]


class People(Sequence[ShownMember | Invitation]):
    """Members and then invitations, as one list to be paged. A count of each, and the rows of one page."""

    def __init__(self, members: QuerySet[Membership], invitations: QuerySet[Invitation], *, with_email: bool) -> None:
        self._members, self._invitations, self._with_email = members, invitations, with_email
        self._member_count = members.count()

    def __len__(self) -> int:
        return self._member_count + self._invitations.count()

    def __getitem__(self, index: Any) -> Any:
        """Slices only: what a paginator asks for."""
        start, stop, _step = index.indices(len(self))
        first = self._member_count
        found = list(self._members[min(start, first) : min(stop, first)])
        rows = shown_members(found, with_email=self._with_email)
        return [*rows, *self._invitations[max(start - first, 0) : max(stop - first, 0)]]


class Members(OrganizationView):
    needs = {"GET": OrgPermission.VIEW}
    pagination_class = HubPages

    @extend_schema(summary="List members", tags=TAGS, parameters=[MemberQuery], responses=MemberAnswer(many=True))
    def get(self, request: Request, org: str) -> Response:
        """By name. With `invites`, or `type=invitee`, owners get those who have not answered yet, behind them."""
        wanted = self.read_query(MemberQuery)
        organization = self.fetch(org)
        kind = wanted.get("type", "all")
        with_invitations = kind == "invitee" or (kind == "all" and wanted["invites"])
        if with_invitations:
            organization = fetch_organization(self.actor, org, OrgPermission.SEE_INVITATIONS)
        pages = HubPages()
        people = self._people(organization, wanted, members=kind != "invitee", invitations=with_invitations)
        found: Any = pages.paginate_queryset(people, request, view=self)
        return pages.answer(self.render(found or [], MemberAnswer), {})

    def _people(
        self, organization: Organization, wanted: dict[str, Any], *, members: bool, invitations: bool
    ) -> People:
        query, named = wanted.get("search", ""), wanted.get("role")
        role = role_named(named) if named else None
        by_email = self.sees_addresses(organization)
        rows = find_members(organization, query, role=role, by_email=by_email).order_by("user__username")
        invited = pending_invitations(organization).order_by("id")
        if query:
            invited = invited.filter(Q(email__icontains=query) | Q(invitee__username__icontains=query))
        if role is not None:
            invited = invited.filter(role=role)
        return People(rows if members else rows.none(), invited if invitations else invited.none(), with_email=by_email)


class Export(OrganizationView):
    needs = {"GET": OrgPermission.MANAGE_MEMBERS}

    @extend_schema(summary="Export members", tags=TAGS, responses={(200, "text/csv"): OpenApiTypes.STR})
    def get(self, request: Request, org: str) -> StreamingHttpResponse:
        """A CSV file with Docker Hub's columns; for owners."""
        return members_response(self.fetch(org))


class OneMember(OrganizationView):
    needs = {"PUT": OrgPermission.MANAGE_MEMBERS, "DELETE": OrgPermission.VIEW}

    @extend_schema(summary="Change a member's role", tags=TAGS, request=RoleRequest, responses=MemberAnswer)
    def put(self, request: Request, org: str, username: str) -> Response:
        """The last owner stays one."""
        role = role_named(self.read(RoleRequest)["role"])
        organization = self.fetch(org)
        actions.change_member_role(actor=self.actor, organization=organization, username=username, role=role)
        member = fetch_member(organization, username)
        rows = shown_members([member], with_email=self.sees_addresses(organization))
        return Response(MemberAnswer(rows[0]).data)

    @extend_schema(
        summary="Remove a member", tags=TAGS, responses={204: None, 409: in_the_way("It is the last owner.")}
    )
    def delete(self, request: Request, org: str, username: str) -> Response:
        """With their places in teams and their grants. Owners remove others; everybody but the last owner may leave."""
        actions.remove_member(actor=self.actor, organization=self.fetch(org), username=username)
        return Response(status=status.HTTP_204_NO_CONTENT)
