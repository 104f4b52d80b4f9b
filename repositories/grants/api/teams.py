"""What a team is granted, by name and by pattern. Docker Hub knows no patterns, so these paths are ours."""

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from orgs.access import OrgPermission
from orgs.api.base import OrganizationView
from orgs.models import Team
from portal.accounts.api.base import HubPages
from repositories.grants import actions
from repositories.grants.access import fetch_team_grant, grants_of_team, require_to_see_team
from repositories.grants.actions import role_named
from repositories.grants.api.repositories import TAGS, called
from repositories.grants.api.serializers import TeamGrantAnswer, TeamGrantName, TeamGrantQuery, TeamGrantRequest


class TeamGrants(OrganizationView):
    needs = {
        "GET": OrgPermission.VIEW,
        "POST": OrgPermission.GRANT,
        "PATCH": OrgPermission.GRANT,
        "DELETE": OrgPermission.GRANT,
    }
    pagination_class = HubPages

    @extend_schema(
        summary="List what a team is granted",
        tags=TAGS,
        parameters=[TeamGrantQuery],
        responses=TeamGrantAnswer(many=True),
    )
    def get(self, request: Request, org: str, group: str) -> Response:
        """By name. For owners, editors and the team's own members."""
        team = self.fetch_team(org, group)
        require_to_see_team(self.actor, team)
        wanted = self.read_query(TeamGrantQuery).get("pattern")
        rows = grants_of_team(team)
        return self.page(rows.filter(pattern=wanted) if wanted else rows, TeamGrantAnswer)

    @extend_schema(summary="Grant to a team", tags=TAGS, request=TeamGrantRequest, responses={201: TeamGrantAnswer})
    def post(self, request: Request, org: str, group: str) -> Response:
        """On what the pattern matches, now and later. Granted already: the permission is changed."""
        team = self.fetch_team(org, group)
        given = self.read(TeamGrantRequest)
        return self._grant(team, given["pattern"], given["permission"], code=status.HTTP_201_CREATED)

    @extend_schema(
        summary="Change what a team is granted", tags=TAGS, request=TeamGrantRequest, responses=TeamGrantAnswer
    )
    def patch(self, request: Request, org: str, group: str) -> Response:
        """The grant with this pattern."""
        team = self.fetch_team(org, group)
        given = self.read(TeamGrantRequest)
        grant = fetch_team_grant(team, given["pattern"])
        grant = actions.change_grant(actor=self.actor, grant=grant, role=role_named(given["permission"]))
        return Response(TeamGrantAnswer(grant).data)

    def _grant(self, team: Team, pattern: str, permission: str, *, code: int) -> Response:
        with called():
            grant = actions.grant_to_team(
                actor=self.actor,
                organization=team.organization,
                team=team,
                pattern=pattern,
                role=role_named(permission),
            )
        return Response(TeamGrantAnswer(grant).data, status=code)

    @extend_schema(summary="Take a grant from a team", tags=TAGS, parameters=[TeamGrantName], responses={204: None})
    def delete(self, request: Request, org: str, group: str) -> Response:
        """The one with the `pattern` of the query string."""
        team = self.fetch_team(org, group)
        grant = fetch_team_grant(team, self.read_query(TeamGrantName)["pattern"])
        actions.revoke_grant(actor=self.actor, grant=grant)
        return Response(status=status.HTTP_204_NO_CONTENT)
