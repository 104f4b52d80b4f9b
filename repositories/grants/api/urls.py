"""Under /v2/. Declared without the trailing slash: `kit.middleware.HubSlashes` serves both forms."""

from django.urls import path

from repositories.api.urls import NEW, ONE as OLD_ONE
from repositories.grants.api import effective, repositories, teams

NEW_ONE = f"{NEW}/<repository:repository>"
ORG = "orgs/<namespace:org>"

urlpatterns = [
    path("user/repositories/shared", repositories.Shared.as_view(), name="api_shared"),
    path("orgs/<namespace:org>/groups/<slug:group>/grants", teams.TeamGrants.as_view(), name="api_team_grants"),
    path(f"{OLD_ONE}/groups", repositories.Groups.as_view(), name="api_old_repository_groups"),
    path(f"{OLD_ONE}/groups/<int:group_id>", repositories.OneGroup.as_view(), name="api_old_repository_group"),
    path(f"{OLD_ONE}/collaborators", repositories.Collaborators.as_view(), name="api_old_collaborators"),
    path(
        f"{OLD_ONE}/collaborators/<namespace:username>",
        repositories.OneCollaborator.as_view(),
        name="api_old_collaborator",
    ),
    path(f"{NEW_ONE}/groups", repositories.Groups.as_view(), name="api_repository_groups"),
    path(f"{NEW_ONE}/groups/<int:group_id>", repositories.OneGroup.as_view(), name="api_repository_group"),
    path(f"{NEW_ONE}/collaborators", repositories.Collaborators.as_view(), name="api_collaborators"),
    path(
        f"{NEW_ONE}/collaborators/<namespace:username>",
        repositories.OneCollaborator.as_view(),
        name="api_collaborator",
    ),
    path(f"{NEW_ONE}/-/access", effective.People.as_view(), name="api_people"),
    path(f"{NEW_ONE}/-/access/check", effective.Check.as_view(), name="api_check"),
    path(f"{ORG}/access/check", effective.CheckInOrganization.as_view(), name="api_organization_check"),
    path(f"{ORG}/access/preview", effective.PreviewInOrganization.as_view(), name="api_preview"),
    path(f"{ORG}/members/<namespace:username>/access", effective.MemberReach.as_view(), name="api_member_reach"),
    path(f"{ORG}/groups/<slug:group>/access", effective.TeamReach.as_view(), name="api_group_reach"),
    path(f"{ORG}/access-tokens/<str:token_id>/access", effective.RobotReach.as_view(), name="api_robot_reach"),
]
