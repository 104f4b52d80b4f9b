"""What the pages of an organization share, whatever room they are in."""

from typing import Any

from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext_lazy as _

from orgs.access import OrgCan
from orgs.models import MemberRole, Organization
from portal.accounts.http import PortalRequest
from portal.accounts.pages import Tab
from portal.kit.errors import Text


def frame(request: PortalRequest, organization: Organization, tab: str) -> dict[str, Any]:
    """The context of templates/orgs/frame.html. `tab` is the URL name of its tab. No query."""
    can = OrgCan(request.actor, organization)
    return {
        "organization": organization,
        "can": can,
        "tabs": _tabs(organization, can, tab),
        "own_role": MemberRole(organization.member_role).label,
    }


def _tabs(organization: Organization, can: OrgCan, active: str) -> list[Tab]:
    """A page that is not there (yet) has no tab."""
    names: list[tuple[str, Text, str, bool]] = [
        ("namespace", _("Repositories"), "container", True),
        ("organization_members", _("Members"), "user", True),
        ("organization_teams", _("Teams"), "users", True),
        ("organization_access", _("Access"), "shield-check", can.grant),
        ("organization_invitations", _("Invitations"), "mail", can.manage_members),
        ("organization_tokens", _("Access tokens"), "key-round", can.tokens),
        ("namespace_webhooks", _("Webhooks"), "webhook", can.webhooks),
        ("organization_audit", _("Audit log"), "scroll-text", can.audit),
        ("organization_settings", _("Settings"), "settings", can.edit_defaults),
    ]
    found = [(name, label, icon, address(name, organization.name)) for name, label, icon, shown in names if shown]
    return [Tab(label, icon, url, name == active) for name, label, icon, url in found if url]


def address(name: str, *args: str) -> str:
    """The page of this URL name, empty when no room has it."""
    try:
        return reverse(name, args=args)
    except NoReverseMatch:
        return ""
