"""Organizations, members and teams, made through the product's actions."""

from typing import Any

from django.db import transaction

from orgs import actions
from orgs.models import MemberRole, Membership, Organization, Team
from portal.accounts.actor import SYSTEM
from portal.accounts.models import User
from tests import factories


def make_organization(owner: User, name: str = "acme", **rules: Any) -> Organization:
    """`rules`: columns of the organization, such as `base_permission=BasePermission.NONE`; profile fields too."""
    organization = actions.create_organization(actor=factories.actor(owner), name=name)
    if rules:
        for rule, value in rules.items():
            setattr(organization, rule, value)
        organization.save(update_fields=list(rules))
    return organization


def add_member(organization: Organization, user: User, role: MemberRole = MemberRole.MEMBER) -> Membership:
    with transaction.atomic():
        return actions.enrol(actor=SYSTEM, organization=organization, user=user, role=role)


def make_team(organization: Organization, name: str, *members: User, description: str = "") -> Team:
    """`members` belong to the organization already."""
    team = actions.create_team(actor=SYSTEM, organization=organization, name=name, description=description)
    for user in members:
        actions.add_team_member(actor=SYSTEM, team=team, username=user.username)
    return team
