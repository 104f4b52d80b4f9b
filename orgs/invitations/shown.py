"""Invitations, and lists of people to invite, as pages show them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from orgs.invitations.access import own_invitations
from orgs.invitations.review import Finding, Line
from orgs.invitations.sending import MOST_ATTEMPTS
from orgs.models import Invitation, InvitationState
from portal.accounts.actor import Actor
from portal.kit.errors import Text

EXPIRED = "expired"
STATES: list[tuple[str, Text]] = [
    (InvitationState.PENDING, _("Pending")),
    (EXPIRED, _("Pending, link expired")),
    (InvitationState.ACCEPTED, _("Accepted")),
    (InvitationState.DECLINED, _("Declined")),
    (InvitationState.REVOKED, _("Revoked")),
    ("all", _("All")),
]
_FINDINGS: dict[Finding, tuple[Text, str]] = {
    Finding.NEW: (_("New"), "success"),
    Finding.MEMBER: (_("Member"), "info"),
    Finding.PENDING: (_("Invited"), "info"),
    Finding.YOURSELF: (_("You"), "info"),
    Finding.DUPLICATE: (_("Duplicate"), ""),
    Finding.INVALID: (_("Invalid"), "danger"),
}
_TONES = {InvitationState.ACCEPTED: "success", InvitationState.DECLINED: "warning", InvitationState.REVOKED: ""}


@dataclass(frozen=True)
class ShownInvitation:
    """A row of the owners' list."""

    row: Invitation
    state: Text
    tone: str
    note: Text
    """What there is to know of its mail."""
    is_pending: bool
    link_is_dead: bool


def shown_invitations(rows: Sequence[Invitation], now: datetime | None = None) -> list[ShownInvitation]:
    """Costs no query."""
    now = now or timezone.now()
    return [_shown(row, now) for row in rows]


def _shown(row: Invitation, now: datetime) -> ShownInvitation:
    if row.state != InvitationState.PENDING:
        tone = _TONES[InvitationState(row.state)]
        return ShownInvitation(row, row.get_state_display(), tone, "", is_pending=False, link_is_dead=True)
    dead = row.sent_at is not None and row.link_is_dead(now)
    note = _mail_note(row)
    state, tone = (_("Link expired"), "warning") if dead else (_("Pending"), "accent")
    if row.sent_at is None and row.mail_attempts >= MOST_ATTEMPTS:
        state, tone = _("Not delivered"), "danger"
    return ShownInvitation(row, state, tone, note, is_pending=True, link_is_dead=dead)


def _mail_note(row: Invitation) -> Text:
    if row.sent_at is not None:
        return ""
    if row.mail_attempts >= MOST_ATTEMPTS:
        return _("The mail server refused the mail. Check the address, then send it again.")
    if row.mail_attempts:
        return _("The mail could not be sent yet, and is tried again.")
    return _("The mail is being sent.")


def find_invitations(rows: QuerySet[Invitation], *, query: str, state: str) -> QuerySet[Invitation]:
    """Those in that state, with the query in what was typed to invite them. An unknown state is all that are pending.

    Nobody is found by an address that only they know: not who was invited by name.
    """
    if query:
        rows = rows.filter(Q(invitee=None, email__icontains=query) | Q(invitee__username__icontains=query))
    if state == "all":
        return rows
    if state == EXPIRED:
        return rows.filter(state=InvitationState.PENDING, sent_at__isnull=False, expires_at__lte=timezone.now())
    known = state if state in InvitationState.values else InvitationState.PENDING
    return rows.filter(state=known)


def invitations_of(actor: Actor) -> list[Invitation]:
    """For templates/orgs/invitations_mine.html: the pending ones of the visitor. Two queries."""
    return list(own_invitations(actor))


@dataclass(frozen=True)
class ShownLine:
    line: Line
    label: Text
    tone: str


@dataclass(frozen=True)
class ShownReview:
    """The new ones, what else there is, and the new ones as a text that reads as the same list again."""

    new: list[Line]
    others: list[ShownLine]
    people: str


def shown_review(lines: Sequence[Line]) -> ShownReview:
    new = [line for line in lines if line.finding is Finding.NEW]
    others = [ShownLine(line, *_FINDINGS[line.finding]) for line in lines if line.finding is not Finding.NEW]
    return ShownReview(new, others, " ".join(line.entry.text for line in new))
