"""Under /v2/. Declared without the trailing slash: `kit.middleware.HubSlashes` serves both forms."""

from django.urls import path

from repositories.api.urls import NEW, ONE as OLD_ONE
from repositories.grants.api import repositories, teams

NEW_ONE = f"{NEW}/<repository:repository>"

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
]
