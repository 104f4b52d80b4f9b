"""Pages of sharing and of effective access. `-` is no part of a name, so that it parts the name from the page."""

from django.urls import path

from repositories.grants import matrix_pages, sharing_pages, sharing_teams

REPOSITORY = "<namespace:namespace>/<repository:name>/-/access"
TEAM = "<namespace:namespace>/-/teams/<slug:team>/repositories"

urlpatterns = [
    path("<namespace:namespace>/-/access", matrix_pages.matrix, name="organization_access"),
    path(TEAM, sharing_teams.team_grants, name="organization_team_grants"),
    path(f"{TEAM}/<int:grant_id>", sharing_teams.change_team_grant, name="organization_team_grant"),
    path(f"{TEAM}/<int:grant_id>/remove", sharing_teams.revoke_team_grant, name="organization_team_grant_remove"),
    path(REPOSITORY, sharing_pages.access, name="repository_access"),
    path(f"{REPOSITORY}/collaborators", sharing_pages.add_collaborator, name="repository_collaborator_add"),
    path(f"{REPOSITORY}/teams", sharing_pages.add_team, name="repository_team_add"),
    path(f"{REPOSITORY}/grants/<int:grant_id>", sharing_pages.change_grant, name="repository_grant"),
    path(f"{REPOSITORY}/grants/<int:grant_id>/remove", sharing_pages.revoke_grant, name="repository_grant_remove"),
]
