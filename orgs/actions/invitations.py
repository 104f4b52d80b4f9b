"""Invitations: send, send again, revoke, accept, decline."""

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from allauth.account.models import EmailAddress
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from orgs.access import OrgPermission, require, visible_teams
from orgs.actions.members import enrol
from orgs.invitations import limits, links, sending
from orgs.invitations.access import MISSING, fit, person
from orgs.invitations.lists import Entry
from orgs.invitations.review import Finding, Line, review
from orgs.models import Invitation, InvitationState, MemberRole, Membership, Organization, Team
from portal.accounts.actor import Actor
from portal.accounts.invited import confirm_address
from portal.accounts.models import User
from portal.events.record import record
from portal.kit.errors import Conflict, Forbidden, Invalid, MoorageError, NotFound, RateLimited, Text

RESEND_AFTER = timedelta(minutes=1)


# -- by owners --------------------------------------------------------------------------------------------------------


def invite(
    *,
    actor: Actor,
    organization: Organization,
    entries: Sequence[Entry],
    role: MemberRole = MemberRole.MEMBER,
    team: str = "",
    dry_run: bool = False,
) -> list[Line]:
    """Invite those of the entries who can be, and say of each what it is. Their mails go out after commit.

    `team`: a team's name, which who accepts is put into. `dry_run` changes nothing and counts no mail. Raises Invalid
    (field `team`), RateLimited when it were too many mails, NotFound, Forbidden.
    """
    with transaction.atomic():
        row = require(actor, OrgPermission.MANAGE_MEMBERS, organization)
        place = _team(row, team)
        lines = review(actor, row, entries)
        new = [line for line in lines if line.finding is Finding.NEW]
        if new and not dry_run:
            limits.take(row, len(new))
            _make(actor, row, new, role, place)
    return lines


def _team(organization: Organization, name: str) -> Team | None:
    if not name:
        return None
    team = None if "\0" in name else visible_teams(organization).filter(name=name.lower()).first()
    if team is None:
        raise Invalid.field("team", _("There is no team “%(name)s”.") % {"name": name})
    return team


def _make(actor: Actor, organization: Organization, lines: Sequence[Line], role: MemberRole, team: Team | None) -> None:
    """The rows, and an event for each. The organization is locked, so nobody else makes the same one."""
    addresses = _addresses([line.user for line in lines if line.user])
    expires_at = timezone.now() + links.LIFE
    for line in lines:
        line.invitation = Invitation(
            organization=organization,
            inviter_id=actor.user_id,
            invitee=line.user,
            email=addresses[line.user.pk] if line.user else line.email,
            role=role,
            team=team,
            expires_at=expires_at,
        )
    made = Invitation.objects.bulk_create([line.invitation for line in lines if line.invitation], batch_size=500)
    for invitation in made:
        _record("send", actor, invitation, new=_terms(invitation))
    sending.wake([invitation.pk for invitation in made])


def _addresses(users: Collection[User]) -> dict[int, str]:
    """Where each reads mail: the confirmed address, the primary one first; else what they signed up with. One query."""
    found = {user.pk: user.email.lower() for user in users}
    rows = EmailAddress.objects.filter(user__in=list(found), verified=True).order_by("primary")
    return found | dict(rows.values_list("user_id", "email"))


def resend_invitation(*, actor: Actor, invitation: Invitation) -> Invitation:
    """Send the mail again, with a new link that lives for another 14 days; the link before is dead at once.

    Raises Conflict when it was answered or revoked, or its mail waits already; RateLimited within a minute of the last
    mail, or when the organization sent too many; NotFound, Forbidden.
    """
    with transaction.atomic():
        row = _locked(actor, invitation)
        _require_pending(row)
        now = timezone.now()
        if row.sent_at is None and row.mail_attempts < sending.MOST_ATTEMPTS:
            raise Conflict(_("The mail is waiting to be sent. It goes out within a minute."))
        if not _resendable(now).filter(pk=row.pk).exists():
            raise RateLimited(_("A mail was sent a moment ago. It can be sent again after a minute."))
        limits.take(row.organization, 1)
        _send_again(actor, [row], now)
    return row


def resend_invitations(
    *, actor: Actor, organization: Organization, public_ids: Collection[uuid.UUID] | None = None
) -> int:
    """Send those mails again, or all pending ones; how many. Who got one within the last minute is left out.

    Raises RateLimited, as a whole, when it were too many; NotFound, Forbidden.
    """
    with transaction.atomic():
        row = require(actor, OrgPermission.MANAGE_MEMBERS, organization)
        now = timezone.now()
        wanted = Q() if public_ids is None else Q(public_id__in=public_ids)
        due = _resendable(now).filter(wanted, organization=row).select_related("invitee", "team")
        invitations = list(due.order_by("id")[: limits.MAILS_PER_WINDOW + 1])
        for invitation in invitations:
            invitation.organization = row
        if invitations:
            limits.take(row, len(invitations))
            _send_again(actor, invitations, now)
    return len(invitations)


def _resendable(now: datetime) -> QuerySet[Invitation]:
    """Pending, and neither mailed a moment ago nor waiting to be."""
    failed = Q(sent_at=None, mail_attempts__gte=sending.MOST_ATTEMPTS)
    return Invitation.objects.filter(
        Q(sent_at__lte=now - RESEND_AFTER) | failed,
        state=InvitationState.PENDING,
    )


def _send_again(actor: Actor, invitations: Sequence[Invitation], now: datetime) -> None:
    """To the address that somebody invited by name has by now."""
    addresses = _addresses([row.invitee for row in invitations if row.invitee])
    for row in invitations:
        row.email = addresses[row.invitee_id] if row.invitee_id is not None else row.email
        row.sent_at, row.mail_due_at, row.mail_attempts, row.hash = None, None, 0, ""
        row.expires_at = now + links.LIFE
    fields = ["email", "sent_at", "mail_due_at", "mail_attempts", "hash", "expires_at"]
    Invitation.objects.bulk_update(invitations, fields, batch_size=200)
    for row in invitations:
        _record("resend", actor, row, new=_terms(row))
    sending.wake([row.pk for row in invitations])


def revoke_invitation(*, actor: Actor, invitation: Invitation) -> Invitation:
    """It can no longer be accepted, and the page of its link says so. Raises Conflict when it was answered, NotFound,
    Forbidden.
    """
    with transaction.atomic():
        row = _locked(actor, invitation)
        _require_pending(row)
        _close(row, InvitationState.REVOKED)
        _record("revoke", actor, row, old=_terms(row))
    return row


def _locked(actor: Actor, invitation: Invitation) -> Invitation:
    """As it is now, its organization locked, for an actor who may manage members."""
    organization = require(actor, OrgPermission.MANAGE_MEMBERS, invitation.organization)
    return _now(invitation, organization)


def _now(invitation: Invitation, organization: Organization) -> Invitation:
    row = Invitation.objects.select_related("inviter", "invitee", "team").filter(pk=invitation.pk).first()
    if row is None:
        raise NotFound(MISSING)
    row.organization = organization
    return row


# -- by the invited ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Accepted:
    membership: Membership
    is_new: bool
    """Or they belonged to it already, and nothing changed but that the invitation is answered."""


def accept_invitation(*, actor: Actor, invitation: Invitation, secret: str = "", as_other: bool = False) -> Accepted:
    """Join. `secret`: of the link, when they came by it; it lets the holder join whose address it proves.

    `as_other`: they were told that the mail went to an address which is not theirs, and chose to join all the same;
    takes the link. Somebody who belongs to the organization already stays what they are. Raises Conflict when the
    invitation was answered or revoked, Forbidden before an address is confirmed, NotFound, Unauthorized.
    """
    key = person(actor)
    with transaction.atomic():
        row = _locked_for_answer(invitation)
        member = Membership.objects.filter(organization=row.organization, user=key).first()
        if member is not None and row.state == InvitationState.ACCEPTED:
            return Accepted(member, is_new=False)
        _require_pending(row)
        _require_fit(actor, row, secret, as_other=as_other)
        _close(row, InvitationState.ACCEPTED)
        _record("accept", actor, row, new=_terms(row))
        if member is not None:
            return Accepted(member, is_new=False)
        user = User.objects.get(pk=key)
        made = enrol(actor=actor, organization=row.organization, user=user, role=MemberRole(row.role), team=row.team)
    return Accepted(made, is_new=True)


def _require_fit(actor: Actor, row: Invitation, secret: str, *, as_other: bool) -> None:
    """Raises unless they may accept it. Confirms the address that the link proves."""
    found = fit(actor, row, secret=secret)
    if not found.is_invited and not found.is_other:
        raise _not_theirs(row, secret, found.refusal)
    if found.refusal:
        raise Forbidden(found.refusal)
    if found.is_other and not as_other:
        raise Forbidden(_("This invitation was sent to another address. Say that you want to accept it all the same."))
    if found.proves_address:
        confirm_address(user_id=person(actor), email=row.email)


def _not_theirs(row: Invitation, secret: str, refusal: Text) -> MoorageError:
    if not secret:
        return NotFound(MISSING)
    if not links.is_live(row):
        return Conflict(_("This link has expired. Ask whoever invited you to send the mail again."))
    return Forbidden(refusal)


def decline_invitation(*, actor: Actor, invitation: Invitation, secret: str = "") -> Invitation:
    """Raises Conflict when it was answered or revoked, NotFound or Forbidden when it is not theirs, Unauthorized."""
    person(actor)
    with transaction.atomic():
        row = _locked_for_answer(invitation)
        _require_pending(row)
        found = fit(actor, row, secret=secret)
        if not found.is_invited:
            raise _not_theirs(row, secret, found.refusal or _("This invitation was sent to another address."))
        _close(row, InvitationState.DECLINED)
        _record("decline", actor, row, old=_terms(row))
    return row


def _locked_for_answer(invitation: Invitation) -> Invitation:
    """As it is now, its organization locked: of two answers at once the second sees what the first did."""
    organization = (
        Organization.objects.select_related("namespace")
        .select_for_update(of=("self",))
        .filter(pk=invitation.organization_id)
        .first()
    )
    if organization is None:
        raise NotFound(MISSING)
    return _now(invitation, organization)


# -- both -------------------------------------------------------------------------------------------------------------

_CLOSED: dict[str, Text] = {
    InvitationState.ACCEPTED: _("This invitation was accepted already."),
    InvitationState.DECLINED: _("This invitation was declined. Ask for a new one."),
    InvitationState.REVOKED: _("This invitation was revoked. Ask for a new one."),
}


def _require_pending(row: Invitation) -> None:
    if row.state in _CLOSED:
        raise Conflict(_CLOSED[row.state])


def _close(row: Invitation, state: InvitationState) -> None:
    """A conditional update, though the organization is locked: no row is answered twice, whatever comes this way."""
    now = timezone.now()
    rows = Invitation.objects.filter(pk=row.pk, state=InvitationState.PENDING)
    if not rows.update(state=state, answered_at=now):
        raise Conflict
    row.state, row.answered_at = state, now


def _terms(row: Invitation) -> dict[str, Any]:
    team = {"team": row.team.name} if row.team else {}
    return {"invitee": row.label, "role": MemberRole(row.role).name.lower(), **team}


def _record(
    verb: str,
    actor: Actor,
    row: Invitation,
    *,
    old: dict[str, Any] | None = None,
    new: dict[str, Any] | None = None,
) -> None:
    record(
        f"org.member.invite.{verb}",
        actor=actor,
        namespace=row.organization.name,
        target=row.label,
        old=old,
        new=new,
    )
