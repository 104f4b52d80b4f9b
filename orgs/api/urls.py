"""Under /v2/. Declared without the trailing slash: `kit.middleware.HubSlashes` serves both forms."""

from django.urls import path

from orgs.api import access_tokens, groups, invitations, members, organizations

ORG = "orgs/<namespace:org>"
INVITE = "invites/<uuid:invite_id>"
TOKEN = f"{ORG}/access-tokens/<str:token_id>"
GROUP = f"{ORG}/groups/<slug:group>"

urlpatterns = [
    path("user/invites", invitations.OwnInvites.as_view(), name="api_own_invites"),
    path("invites/bulk", invitations.BulkInvites.as_view(), name="api_bulk_invites"),
    path(INVITE, invitations.OneInvite.as_view(), name="api_invite"),
    path(f"{INVITE}/resend", invitations.ResendInvite.as_view(), name="api_invite_resend"),
    path(f"{INVITE}/accept", invitations.AcceptInvite.as_view(), name="api_invite_accept"),
    path(f"{INVITE}/decline", invitations.DeclineInvite.as_view(), name="api_invite_decline"),
    path(f"{ORG}/invites", invitations.OrganizationInvites.as_view(), name="api_organization_invites"),
    path("user/orgs", organizations.OwnOrganizations.as_view(), name="api_own_organizations"),
    path("orgs", organizations.Organizations.as_view(), name="api_organizations"),
    path(ORG, organizations.OneOrganization.as_view(), name="api_organization"),
    path(f"{ORG}/settings", organizations.Settings.as_view(), name="api_organization_settings"),
    path(f"{ORG}/access-tokens", access_tokens.OrganizationTokens.as_view(), name="api_organization_tokens"),
    path(TOKEN, access_tokens.OrganizationToken.as_view(), name="api_organization_token"),
    path(f"{TOKEN}/rotate", access_tokens.RotateOrganizationToken.as_view(), name="api_organization_token_rotate"),
    path(f"{ORG}/members", members.Members.as_view(), name="api_members"),
    path(f"{ORG}/members/export", members.Export.as_view(), name="api_members_export"),
    path(f"{ORG}/members/<namespace:username>", members.OneMember.as_view(), name="api_member"),
    path(f"{ORG}/groups", groups.Groups.as_view(), name="api_groups"),
    path(GROUP, groups.OneGroup.as_view(), name="api_group"),
    path(f"{GROUP}/members", groups.GroupMembers.as_view(), name="api_group_members"),
    path(f"{GROUP}/members/<namespace:username>", groups.OneGroupMember.as_view(), name="api_group_member"),
]
