"""From a row to a mail. The row is the queue; Celery only wakes, and a sweep finds what is left.

A worker claims a mail by a conditional update, which counts the try and gives the link a new secret; it marks the row
as sent once the mail server has taken the mail. A worker that dies leaves a claim that runs out: at least once, and
only the link of the last mail works.
"""

import logging
import time
from datetime import datetime, timedelta
from typing import Any

from allauth.account.adapter import get_adapter
from django.conf import settings
from django.db.models import F, Q, QuerySet
from django.urls import reverse
from django.utils import timezone

from orgs.invitations import links
from orgs.models import Invitation, InvitationState, MemberRole
from portal.kit import jobs, secrets

log = logging.getLogger(__name__)

SEND = "orgs.send_invitation"
SWEEP = "orgs.sweep_invitations"
WOKEN_ONE_BY_ONE = 20
"""More mails than these are left to one sweep."""
WAITS = (
    timedelta(minutes=2),
    timedelta(minutes=2),
    timedelta(minutes=10),
    timedelta(hours=1),
    timedelta(hours=6),
    timedelta(hours=24),
)
"""After each try that failed, or whose worker died. The first is a lease too: longer than a mail may take."""
MOST_ATTEMPTS = len(WAITS)
SWEEP_SECONDS = 25.0
MOST_IN_A_SWEEP = 1_000


def wake(ids: list[int]) -> None:
    """After commit, have these sent."""
    if len(ids) > WOKEN_ONE_BY_ONE:
        jobs.enqueue(SWEEP)
        return
    for pk in ids:
        jobs.enqueue(SEND, pk)


def unsent(now: datetime) -> QuerySet[Invitation]:
    """Those whose mail may be tried now. An index holds just the unsent ones."""
    return Invitation.objects.filter(
        Q(mail_due_at=None) | Q(mail_due_at__lte=now),
        state=InvitationState.PENDING,
        sent_at=None,
        mail_attempts__lt=MOST_ATTEMPTS,
    )


def send(pk: int) -> bool:
    """Send one mail, if it is due. Whether the mail server took it. The mail stands outside of any transaction.

    What goes wrong is logged without the address, and tried again later.
    """
    claimed = claim(pk)
    if claimed is None:
        return False
    invitation, secret = claimed
    try:
        _deliver(invitation, secret)
    except Exception as error:  # noqa: BLE001  whatever the mail server or the network answers
        log.warning("The mail of invitation %d was not sent (%s).", pk, type(error).__name__)
        return False
    mine = Invitation.objects.filter(pk=pk, hash=invitation.hash)
    mine.update(sent_at=timezone.now(), mail_due_at=None)
    return True


def claim(pk: int) -> tuple[Invitation, str] | None:
    """Take the mail for the time of its next wait, and make its secret. None if there is nothing to send now.

    From now on the link of an earlier mail is dead. Two queries.
    """
    now = timezone.now()
    due = unsent(now).filter(pk=pk)
    row = due.select_related("organization__namespace", "inviter", "invitee", "team").first()
    if row is None:
        return None
    secret = secrets.new_token(links.PREFIX)
    hashed = secrets.hash_token(secret)
    row.expires_at = now + links.LIFE
    taken = due.filter(mail_attempts=row.mail_attempts, hash=row.hash).update(
        hash=hashed,
        mail_attempts=F("mail_attempts") + 1,
        mail_due_at=now + WAITS[row.mail_attempts],
        expires_at=row.expires_at,
    )
    row.hash = hashed
    return (row, secret) if taken else None


def _deliver(invitation: Invitation, secret: str) -> None:
    """The adapter makes every mail of the house."""
    get_adapter().send_mail("orgs/email/invitation", invitation.email, mail_context(invitation, secret))


def mail_context(invitation: Invitation, secret: str) -> dict[str, Any]:
    """Only names that were checked when they were chosen: a full name could carry a stranger's advertisement."""
    return {
        "user": invitation.invitee,
        "organization": invitation.organization.name,
        "inviter": invitation.inviter.username if invitation.inviter else "",
        "role": MemberRole(invitation.role).label,
        "team": invitation.team.name if invitation.team else "",
        "url": f"{settings.PUBLIC_URL}{reverse('invitation', args=[secret])}",
        "until": invitation.expires_at,
        "days": links.LIFE.days,
    }


def sweep(*, seconds: float = SWEEP_SECONDS) -> int:
    """Send what is due, for as long as one run may take; how many. Asks for another run when there is more.

    Stops at a mail that fails, which is then not due for a while: a mail server that is away costs one try, not all of
    them. Safe beside another sweep, since each mail is claimed by itself.
    """
    until = time.monotonic() + seconds
    sent = 0
    for pk in list(unsent(timezone.now()).order_by("id").values_list("pk", flat=True)[:MOST_IN_A_SWEEP]):
        if time.monotonic() >= until:
            jobs.enqueue(SWEEP)
            break
        if not send(pk):
            break
        sent += 1
    return sent
