"""Pages of sharing and of effective access. `-` is no part of a name, so that it parts the name from the page."""

from django.urls import path

from repositories.grants import (
    effective_changes,
    effective_pages,
    effective_reach,
    matrix_pages,
    rules_pages,
    sharing_pages,
    sharing_teams,
)

ORGANIZATION = "<namespace:namespace>/-"

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
    path(f"{REPOSITORY}/people", effective_pages.people, name="repository_people"),
    path(f"{REPOSITORY}/export", effective_pages.export_people, name="repository_people_export"),
    path(f"{REPOSITORY}/check", effective_pages.check_repository, name="repository_check"),
    path(f"{REPOSITORY}/refused", effective_pages.refused_repository, name="repository_refused"),
    path(
        "<namespace:namespace>/<repository:name>/-/settings/visibility",
        effective_changes.change_visibility,
        name="repository_visibility",
    ),
    path(f"{ORGANIZATION}/rules", rules_pages.rules, name="organization_rules"),
    path(f"{ORGANIZATION}/check", effective_pages.check_organization, name="organization_check"),
    path(f"{ORGANIZATION}/refused", effective_pages.refused_organization, name="organization_refused"),
    path(
        f"{ORGANIZATION}/members/<namespace:username>/access",
        effective_reach.of_member,
        name="organization_member_reach",
    ),
    path(f"{ORGANIZATION}/teams/<slug:team>/access", effective_reach.of_team, name="organization_team_reach"),
    path(
        f"{ORGANIZATION}/teams/<slug:team>/members/preview",
        effective_changes.preview_joining,
        name="organization_team_join_preview",
    ),
    path(
        f"{ORGANIZATION}/teams/<slug:team>/members/<namespace:username>/preview",
        effective_changes.preview_leaving,
        name="organization_team_leave_preview",
    ),
    path(f"{ORGANIZATION}/tokens/<uuid:token>/access", effective_reach.of_robot, name="organization_token_reach"),
    path("accounts/access/", effective_reach.of_oneself, name="own_reach"),
    path("accounts/tokens/<uuid:public_id>/access/", effective_reach.of_access_token, name="access_token_reach"),
]
