"""Everything that writes organizations, members and teams."""

from orgs.actions.members import change_member_role, enrol, leave_organization, remove_member
from orgs.actions.organizations import (
    create_organization,
    delete_organization,
    update_defaults,
    update_profile,
    update_rules,
)
from orgs.actions.teams import add_team_member, create_team, delete_team, remove_team_member, update_team

__all__ = [
    "add_team_member",
    "change_member_role",
    "create_organization",
    "create_team",
    "delete_organization",
    "delete_team",
    "enrol",
    "leave_organization",
    "remove_member",
    "remove_team_member",
    "update_defaults",
    "update_profile",
    "update_rules",
    "update_team",
]
