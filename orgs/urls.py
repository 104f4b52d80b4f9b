"""Pages of organizations. `-` is no part of a name, so that it parts the organization from the page."""

from django.urls import path

from orgs import invitation_views as invitations, token_views as tokens
from orgs.views import members, organizations, teams

ONE = "<namespace:namespace>/-"
MEMBER = f"{ONE}/members/<namespace:username>"
TEAM = f"{ONE}/teams/<slug:team>"
INVITATION = f"{ONE}/invitations/<uuid:public_id>"
TOKEN = f"{ONE}/tokens/<uuid:public_id>"
OWN_INVITATION = "organizations/invitations/<uuid:public_id>"

urlpatterns = [
    path("organizations", organizations.organizations, name="organizations"),
    path("organizations/new", organizations.create_organization, name="organization_create"),
    path("organizations/invitations/<slug:secret>", invitations.invitation, name="invitation"),
    path(f"{OWN_INVITATION}/accept", invitations.accept_invitation, name="invitation_accept"),
    path(f"{OWN_INVITATION}/decline", invitations.decline_invitation, name="invitation_decline"),
    path(f"{ONE}/invitations", invitations.invitations, name="organization_invitations"),
    path(f"{ONE}/invitations/new", invitations.invite, name="organization_invite"),
    path(f"{ONE}/invitations/send", invitations.send_invitations, name="organization_invite_send"),
    path(f"{ONE}/invitations/resend", invitations.resend_invitations, name="organization_invitations_resend"),
    path(f"{INVITATION}/resend", invitations.resend_invitation, name="organization_invitation_resend"),
    path(f"{INVITATION}/revoke", invitations.revoke_invitation, name="organization_invitation_revoke"),
    path(f"{ONE}/members", members.members, name="organization_members"),
    path(f"{ONE}/members.csv", members.export_members, name="organization_members_export"),
    path(MEMBER, members.member, name="organization_member"),
    path(f"{MEMBER}/role", members.change_role, name="organization_member_role"),
    path(f"{MEMBER}/remove", members.remove_member, name="organization_member_remove"),
    path(f"{MEMBER}/teams", members.add_to_team, name="organization_member_team_add"),
    path(f"{ONE}/teams", teams.teams, name="organization_teams"),
    path(TEAM, teams.team, name="organization_team"),
    path(f"{TEAM}/edit", teams.edit_team, name="organization_team_edit"),
    path(f"{TEAM}/delete", teams.delete_team, name="organization_team_delete"),
    path(f"{TEAM}/members", teams.add_member, name="organization_team_member_add"),
    path(f"{TEAM}/members/<namespace:username>/remove", teams.remove_member, name="organization_team_member_remove"),
    path(f"{ONE}/tokens", tokens.access_tokens, name="organization_tokens"),
    path(f"{ONE}/tokens/new", tokens.create_access_token, name="organization_token_create"),
    path(TOKEN, tokens.access_token, name="organization_token"),
    path(f"{TOKEN}/rotate", tokens.rotate_access_token, name="organization_token_rotate"),
    path(f"{TOKEN}/switch", tokens.switch_access_token, name="organization_token_switch"),
    path(f"{TOKEN}/delete", tokens.delete_access_token, name="organization_token_delete"),
    path(f"{ONE}/settings", organizations.settings, name="organization_settings"),
    path(f"{ONE}/settings/delete", organizations.delete_organization, name="organization_delete"),
]
