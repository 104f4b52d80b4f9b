"""Under /v2/. Declared without the trailing slash: `kit.middleware.HubSlashes` serves both forms."""

from django.urls import path

from orgs.api import groups, members, organizations

ORG = "orgs/<namespace:org>"
GROUP = f"{ORG}/groups/<slug:group>"

urlpatterns = [
    path("user/orgs", organizations.OwnOrganizations.as_view(), name="api_own_organizations"),
    path("orgs", organizations.Organizations.as_view(), name="api_organizations"),
    path(ORG, organizations.OneOrganization.as_view(), name="api_organization"),
    path(f"{ORG}/settings", organizations.Settings.as_view(), name="api_organization_settings"),
    path(f"{ORG}/members", members.Members.as_view(), name="api_members"),
    path(f"{ORG}/members/export", members.Export.as_view(), name="api_members_export"),
    path(f"{ORG}/members/<namespace:username>", members.OneMember.as_view(), name="api_member"),
    path(f"{ORG}/groups", groups.Groups.as_view(), name="api_groups"),
    path(GROUP, groups.OneGroup.as_view(), name="api_group"),
    path(f"{GROUP}/members", groups.GroupMembers.as_view(), name="api_group_members"),
    path(f"{GROUP}/members/<namespace:username>", groups.OneGroupMember.as_view(), name="api_group_member"),
]
