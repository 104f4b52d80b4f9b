"""Teams, which Docker Hub's API calls groups."""

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from orgs import actions
from orgs.access import OrgPermission, fetch_member, find_members, visible_teams
from orgs.api.base import OrganizationView
from orgs.api.serializers import (
    GroupAnswer,
    GroupMemberQuery,
    GroupMemberRequest,
    GroupPatch,
    GroupQuery,
    GroupRequest,
    MemberAnswer,
)
from orgs.shown import shown_members
from portal.accounts.api.base import HubPages

TAGS = ["teams"]


class Groups(OrganizationView):
    needs = {"GET": OrgPermission.VIEW, "POST": OrgPermission.MANAGE_TEAMS}
    pagination_class = HubPages

    @extend_schema(summary="List teams", tags=TAGS, parameters=[GroupQuery], responses=GroupAnswer(many=True))
    def get(self, request: Request, org: str) -> Response:
        """By name."""
        wanted = self.read_query(GroupQuery)
        rows = visible_teams(self.fetch(org)).order_by("name")
        if wanted.get("search"):
            rows = rows.filter(name__icontains=wanted["search"])
        if wanted.get("username"):
            username = wanted["username"].lower()
            rows = rows.filter(pk__in=rows.filter(team_members__membership__user__username=username).values("pk"))
        return self.page(rows, GroupAnswer)

    @extend_schema(summary="Create a team", tags=TAGS, request=GroupRequest, responses={201: GroupAnswer})
    def post(self, request: Request, org: str) -> Response:
        """Nobody is in it at first."""
        given = self.read(GroupRequest)
        team = actions.create_team(actor=self.actor, organization=self.fetch(org), **given)
        return Response(GroupAnswer(self.fetch_team(org, team.name)).data, status=status.HTTP_201_CREATED)


class OneGroup(OrganizationView):
    needs = {
        "GET": OrgPermission.VIEW,
        "PUT": OrgPermission.MANAGE_TEAMS,
        "PATCH": OrgPermission.MANAGE_TEAMS,
        "DELETE": OrgPermission.MANAGE_TEAMS,
    }

    @extend_schema(summary="Read a team", tags=TAGS, responses=GroupAnswer)
    def get(self, request: Request, org: str, group: str) -> Response:
        """For everybody in the organization."""
        return Response(GroupAnswer(self.fetch_team(org, group)).data)

    @extend_schema(summary="Replace a team", tags=TAGS, request=GroupRequest, responses=GroupAnswer)
    def put(self, request: Request, org: str, group: str) -> Response:
        """Members and grants stay."""
        return self._change(org, group, **self.read(GroupRequest))

    @extend_schema(summary="Change a team", tags=TAGS, request=GroupPatch, responses=GroupAnswer)
    def patch(self, request: Request, org: str, group: str) -> Response:
        """What you leave out stays."""
        return self._change(org, group, **self.read(GroupPatch))

    def _change(self, org: str, group: str, **given: str) -> Response:
        changed = actions.update_team(actor=self.actor, team=self.fetch_team(org, group), **given)
        return Response(GroupAnswer(self.fetch_team(org, changed.name)).data)

    @extend_schema(summary="Delete a team", tags=TAGS, responses={204: None})
    def delete(self, request: Request, org: str, group: str) -> Response:
        """With its grants and its access tokens. Its members stay in the organization."""
        actions.delete_team(actor=self.actor, team=self.fetch_team(org, group))
        return Response(status=status.HTTP_204_NO_CONTENT)


class GroupMembers(OrganizationView):
    needs = {"GET": OrgPermission.VIEW, "POST": OrgPermission.MANAGE_TEAMS}
    pagination_class = HubPages

    @extend_schema(
        summary="List a team's members", tags=TAGS, parameters=[GroupMemberQuery], responses=MemberAnswer(many=True)
    )
    def get(self, request: Request, org: str, group: str) -> Response:
        """By name."""
        query = self.read_query(GroupMemberQuery).get("search", "")
        team = self.fetch_team(org, group)
        with_email = self.sees_addresses(team.organization)
        rows = find_members(team.organization, query, by_email=with_email).filter(team_members__team=team)
        pages = HubPages()
        found = pages.paginate_queryset(rows.order_by("user__username"), request, view=self) or []
        return pages.answer(self.render(shown_members(found, with_email=with_email), MemberAnswer), {})

    @extend_schema(
        summary="Add somebody to a team", tags=TAGS, request=GroupMemberRequest, responses={200: MemberAnswer}
    )
    def post(self, request: Request, org: str, group: str) -> Response:
        """Somebody who belongs to the organization. Twice is once."""
        who = self.read(GroupMemberRequest)["member"]
        team = self.fetch_team(org, group)
        place = actions.add_team_member(actor=self.actor, team=team, username=who)
        member = fetch_member(team.organization, place.membership.user.username)
        rows = shown_members([member], with_email=self.sees_addresses(team.organization))
        return Response(MemberAnswer(rows[0]).data)


class OneGroupMember(OrganizationView):
    needs = {"DELETE": OrgPermission.MANAGE_TEAMS}

    @extend_schema(summary="Take somebody out of a team", tags=TAGS, responses={204: None})
    def delete(self, request: Request, org: str, group: str, username: str) -> Response:
        """They stay in the organization."""
        actions.remove_team_member(actor=self.actor, team=self.fetch_team(org, group), username=username)
        return Response(status=status.HTTP_204_NO_CONTENT)
