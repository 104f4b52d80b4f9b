"""Who may see an invitation, and who may answer it.

Owners see those of their organization. The invited see their own: by name, or by an address that they confirmed. And
whoever holds the link of the last mail sees what it is for.
"""

import uuid
from dataclasses import dataclass

from allauth.account.models import EmailAddress
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from orgs.access import OrgPermission, fetch_organization
from orgs.invitations import links
from orgs.models import Invitation, InvitationState, MemberRole, Membership, Organization
from portal.accounts.actor import Actor
from portal.kit import secrets
from portal.kit.errors import Forbidden, NotFound, Text, Unauthorized

MISSING = _("There is no such invitation, or it is not yours.")
DEAD_LINK = _(
    "This link belongs to no invitation. A newer mail may have replaced it, or the organization is gone. "
    "Ask whoever invited you to send the mail again."
)
_WITH = ("organization__namespace", "inviter", "invitee", "team")


def visible_invitations(organization: Organization) -> QuerySet[Invitation]:
    """All that were ever made, with whom, by whom and which team. One query when it is evaluated.

    For an organization that `fetch_organization` gave for SEE_INVITATIONS. Raises NotFound for a row that came another
    way.
    """
    if organization.member_role < MemberRole.OWNER:
        raise NotFound(MISSING)
    return Invitation.objects.filter(organization=organization).select_related(*_WITH)


def fetch_invitation(actor: Actor, public_id: str | uuid.UUID) -> Invitation:
    """One that the actor may resend and revoke. Two queries. Raises NotFound, Forbidden, Unauthorized."""
    row = _by_id(public_id)
    try:
        organization = fetch_organization(actor, row.organization.name, OrgPermission.MANAGE_MEMBERS)
    except NotFound as error:
        raise NotFound(MISSING) from error
    row.organization = organization
    return row


def _by_id(public_id: str | uuid.UUID) -> Invitation:
    try:
        key = public_id if isinstance(public_id, uuid.UUID) else uuid.UUID(public_id)
    except ValueError as error:
        raise NotFound(MISSING) from error
    row = Invitation.objects.select_related(*_WITH).filter(public_id=key).first()
    if row is None:
        raise NotFound(MISSING)
    return row


def person(actor: Actor) -> int:
    """The key of somebody who answers for themselves. An access token must not make its owner belong to more places.

    Raises Unauthorized for nobody, Forbidden for tokens.
    """
    if actor.credential.is_token:
        raise Forbidden(_("An access token cannot see or answer invitations. Sign in with your password."))
    if actor.user_id is None:
        raise Unauthorized(_("Sign in to answer an invitation."))
    return actor.user_id


def own_invitations(actor: Actor) -> QuerySet[Invitation]:
    """The pending ones of the actor, the newest first, however old. Two queries. Raises Unauthorized, Forbidden.

    The addresses are read first: with a subquery in it, no database finds either side of the OR by its index.
    """
    key = person(actor)
    addresses = list(EmailAddress.objects.filter(user=key, verified=True).values_list("email", flat=True))
    mine = Q(invitee=key) | Q(invitee=None, email__in=addresses)
    rows = Invitation.objects.filter(mine, state=InvitationState.PENDING)
    return rows.select_related(*_WITH).order_by("-id")


def fetch_own_invitation(actor: Actor, public_id: str | uuid.UUID) -> Invitation:
    """One that was sent to the actor, answered or not. Two queries. Raises NotFound, Unauthorized, Forbidden."""
    person(actor)
    row = _by_id(public_id)
    if not fit(actor, row).is_invited:
        raise NotFound(MISSING)
    return row


def is_member(actor: Actor, organization: Organization) -> bool:
    """One query. False for nobody."""
    return Membership.objects.filter(organization=organization, user=actor.user_id).exists()


def fetch_by_secret(secret: str) -> Invitation:
    """The invitation of a link, whatever became of it: holding the link is the right to know. One query.

    Raises NotFound.
    """
    hashed = secrets.hash_token(secret)
    row = Invitation.objects.select_related(*_WITH).filter(hash=hashed).first() if secret else None
    if row is None:
        raise NotFound(DEAD_LINK)
    return row


@dataclass(frozen=True, slots=True)
class Fit:
    """How somebody who is signed in and an invitation belong together."""

    is_invited: bool
    """It is theirs: by name, by a confirmed address, or by one that the link proves."""
    refusal: Text = ""
    """Why they cannot accept it; empty when they can."""
    proves_address: bool = False
    """Accepting it confirms the address that the mail went to."""
    is_other: bool = False
    """It was sent to an address that is not theirs, and they may choose to accept it all the same."""


def fit(actor: Actor, invitation: Invitation, *, secret: str = "") -> Fit:
    """One query. `secret`: of the link, when they came by it. Raises Unauthorized, Forbidden."""
    key = person(actor)
    by_link = links.proves(invitation, secret)
    addresses = list(EmailAddress.objects.filter(email=invitation.email))
    holders = {address.user_id for address in addresses if address.verified}
    provable = by_link and not holders and any(address.user_id == key for address in addresses)
    if invitation.invitee_id is not None:
        return _fit_by_name(actor, invitation, key, provable=provable)
    if key in holders:
        return Fit(is_invited=True)
    if provable:
        return Fit(is_invited=True, proves_address=True)
    if not by_link:
        return Fit(is_invited=False, refusal=MISSING)
    return Fit(is_invited=False, refusal="" if actor.confirmed else _confirm_first(), is_other=True)


def _fit_by_name(actor: Actor, invitation: Invitation, key: int, *, provable: bool) -> Fit:
    """A name means that account and no other, whoever reads the mail."""
    if invitation.invitee_id != key:
        return Fit(is_invited=False, refusal=_("This invitation is for another account."))
    if actor.confirmed or provable:
        return Fit(is_invited=True, proves_address=provable)
    return Fit(is_invited=True, refusal=_confirm_first())


def _confirm_first() -> Text:
    return _("Confirm your e-mail address first: open the link in the mail that we sent when you signed up.")
