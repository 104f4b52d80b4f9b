"""Pages of organizations. `-` is no part of a name, so that it parts the organization from the page."""

from django.urls import path

from orgs.views import members, organizations, teams

ONE = "<namespace:namespace>/-"
MEMBER = f"{ONE}/members/<namespace:username>"
TEAM = f"{ONE}/teams/<slug:team>"

urlpatterns = [
    path("organizations", organizations.organizations, name="organizations"),
    path("organizations/new", organizations.create_organization, name="organization_create"),
    path(f"{ONE}/members", members.members, name="organization_members"),
    path(f"{ONE}/members.csv", members.export_members, name="organization_members_export"),
    path(MEMBER, members.member, name="organization_member"),
    path(f"{MEMBER}/role", members.change_role, name="organization_member_role"),
    path(f"{MEMBER}/remove", members.remove_member, name="organization_member_remove"),
    path(f"{ONE}/teams", teams.teams, name="organization_teams"),
    path(TEAM, teams.team, name="organization_team"),
    path(f"{TEAM}/edit", teams.edit_team, name="organization_team_edit"),
    path(f"{TEAM}/delete", teams.delete_team, name="organization_team_delete"),
    path(f"{TEAM}/members", teams.add_member, name="organization_team_member_add"),
    path(f"{TEAM}/members/<namespace:username>/remove", teams.remove_member, name="organization_team_member_remove"),
    path(f"{ONE}/settings", organizations.settings, name="organization_settings"),
    path(f"{ONE}/settings/delete", organizations.delete_organization, name="organization_delete"),
]
