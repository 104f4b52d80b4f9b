"""Invitations made through the product's actions, and the links in their mails."""

import re
from datetime import timedelta
from typing import Any

from django.core import mail
from django.utils import timezone

from orgs.actions.invitations import invite
from orgs.invitations import sending
from orgs.invitations.lists import from_names
from orgs.models import Invitation, MemberRole, Organization, Team
from portal.accounts.models import User
from tests import factories


def make_invitation(
    organization: Organization,
    by: User,
    whom: str,
    *,
    role: MemberRole = MemberRole.MEMBER,
    team: Team | None = None,
) -> Invitation:
    """Of a username or an address; its mail is not sent."""
    lines = invite(
        actor=factories.actor(by),
        organization=organization,
        entries=from_names([whom]),
        role=role,
        team=team.name if team else "",
    )
    assert lines[0].invitation is not None, lines[0]
    return lines[0].invitation


def send(invitation: Invitation) -> str:
    """Send its mail now; the path of the link in it."""
    assert sending.send(invitation.pk)
    return link_in(mail.outbox[-1])


def link_in(message: Any) -> str:
    found = re.search(r"http://localhost:8000(/organizations/invitations/\S+)", str(message.body))
    assert found, message.body
    return found[1]


def expire(invitation: Invitation) -> None:
    Invitation.objects.filter(pk=invitation.pk).update(expires_at=timezone.now() - timedelta(seconds=1))


def make_old(*, minutes: int = 2) -> None:
    """As though every mail had been sent a while ago."""
    Invitation.objects.exclude(sent_at=None).update(sent_at=timezone.now() - timedelta(minutes=minutes))
