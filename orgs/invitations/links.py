"""The secret in the mail, and what it proves."""

from datetime import timedelta

from django.utils import timezone

from orgs.models import Invitation, InvitationState
from portal.kit import secrets

PREFIX = "moor_inv_"
LIFE = timedelta(days=14)


def is_live(invitation: Invitation) -> bool:
    """Whether its link still lets somebody in, and so proves that they read the mail."""
    return invitation.state == InvitationState.PENDING and not invitation.link_is_dead(timezone.now())


def proves(invitation: Invitation, secret: str) -> bool:
    """Whether the secret is the one of the invitation's last mail, and still counts."""
    return bool(secret) and secrets.same(secrets.hash_token(secret), invitation.hash) and is_live(invitation)


def invited_address(hashed: str) -> str:
    """The address that a live link is for, by the hash of its secret; empty when there is none. One query.

    Named in the settings: sign-up asks it of a visitor who came by such a link. Who was invited by name has an account.
    """
    row = (
        Invitation.objects.filter(hash=hashed, invitee=None, state=InvitationState.PENDING).first() if hashed else None
    )
    return row.email if row and is_live(row) else ""
