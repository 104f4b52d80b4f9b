"""The mail about a webhook that was paused, or switched off because its receiver answered 410 Gone.

The row is the queue: `mail_due_at`. A worker claims it by a conditional update, which counts the try, and notes each
person who was told. One that dies leaves a claim that runs out: at least once, and never lost.
"""

import logging
from collections.abc import Iterable
from datetime import datetime, timedelta
from http import HTTPStatus
from smtplib import SMTPRecipientsRefused
from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.models import EmailAddress
from django.conf import settings
from django.db.models import F, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from orgs.models import MemberRole, Membership
from portal.accounts.models import Namespace, User
from repositories.access import Role
from repositories.access.people import who_has_access
from repositories.webhooks.models import Delivery, Webhook

log = logging.getLogger(__name__)

TEMPLATE = "webhooks/email/switched_off"
MOST_TOLD = 50
"""People; an organization with more owners has somebody among these."""
WAITS = (
    timedelta(minutes=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=1),
    timedelta(hours=6),
    *(timedelta(hours=24),) * 4,
)
"""After each try that failed, or whose worker died. The first is a lease too."""
MOST_ATTEMPTS = len(WAITS)
MOST_IN_A_SWEEP = 100
TOLD = (Webhook.DisabledBy.FAILING, Webhook.DisabledBy.RECEIVER)
"""Why a webhook is off that nobody switched off."""

State = Delivery.State


def due(now: datetime) -> QuerySet[Webhook]:
    """Those whose mail may be tried now. One that was resumed or switched meanwhile needs none."""
    off = Q(is_active=False, disabled_by__in=TOLD)
    return Webhook.objects.filter(off, mail_due_at__lte=now, mail_attempts__lt=MOST_ATTEMPTS)


def send(pk: int) -> bool:
    """Tell everybody who was not told yet, if the mail is due. Whether all were. No mail is inside a transaction."""
    hook = _claim(pk)
    if hook is None:
        return False
    told = all(_tell(hook, user, address) for user, address in recipients(hook) if user.pk not in hook.mailed_to)
    if told:
        _mine(hook).update(mail_due_at=None)
    return told


def sweep() -> int:
    """What is due, until a mail fails: a mail server that is away costs one try, not all. Returns how many webhooks."""
    sent = 0
    for pk in list(due(timezone.now()).order_by("mail_due_at").values_list("pk", flat=True)[:MOST_IN_A_SWEEP]):
        if not send(pk):
            break
        sent += 1
    return sent


def _claim(pk: int) -> Webhook | None:
    """Take the mail for the time of its next wait. None if there is nothing to tell now. Two queries."""
    now = timezone.now()
    row = due(now).filter(pk=pk).select_related("repository__namespace", "namespace").first()
    if row is None:
        return None
    again_at = now + WAITS[row.mail_attempts]
    mine = due(now).filter(pk=pk, mail_attempts=row.mail_attempts)
    if not mine.update(mail_attempts=F("mail_attempts") + 1, mail_due_at=again_at):
        return None
    row.mail_attempts += 1
    return row


def _mine(hook: Webhook) -> QuerySet[Webhook]:
    """The row, unless another worker has claimed it since, or it was paused anew."""
    return Webhook.objects.filter(pk=hook.pk, mail_attempts=hook.mail_attempts, paused_at=hook.paused_at)


def _tell(hook: Webhook, user: User, address: str) -> bool:
    """One mail. False when it must be tried again; logged without the address, which the mail server may not want."""
    try:
        get_adapter().send_mail(TEMPLATE, address, context(hook, user))
    except SMTPRecipientsRefused:
        log.warning("The mail server takes no mail for user %d about webhook %d.", user.pk, hook.pk)
    except Exception as error:  # noqa: BLE001  whatever the mail server or the network answers
        log.warning("The mail about webhook %d was not sent (%s).", hook.pk, type(error).__name__)
        return False
    hook.mailed_to = [*hook.mailed_to, user.pk]
    return bool(_mine(hook).update(mailed_to=hook.mailed_to))


# -- whom ---------------------------------------------------------------------------------------------------------


def recipients(hook: Webhook) -> list[tuple[User, str]]:
    """Who may resume it and has a confirmed address. Of a repository's webhook: its admins. Of a namespace's: its
    user, or the organization's owners. Five queries at most.
    """
    users = User.objects.filter(pk__in=_keys(hook), is_active=True).order_by("pk")[:MOST_TOLD]
    addresses = _addresses(user.pk for user in users)
    return [(user, addresses[user.pk]) for user in users if user.pk in addresses]


def _keys(hook: Webhook) -> list[int]:
    if hook.repository is not None:
        entries = who_has_access(hook.repository)
        return [entry.subject.user_id for entry in entries if entry.role == Role.ADMIN and entry.subject.user_id]
    owner = User.objects.filter(namespace=hook.namespace).values_list("pk", flat=True)
    return list(owner) or _owners(hook.namespace)


def _owners(namespace: Namespace | None) -> list[int]:
    rows = Membership.objects.filter(organization__namespace=namespace, role=MemberRole.OWNER)
    return list(rows.values_list("user", flat=True))


def _addresses(keys: Iterable[int]) -> dict[int, str]:
    """Confirmed ones: the primary one before others. One query."""
    rows = EmailAddress.objects.filter(user__in=list(keys), verified=True).order_by("primary", "-pk")
    return dict(rows.values_list("user", "email"))


# -- what ---------------------------------------------------------------------------------------------------------


def context(hook: Webhook, user: User) -> dict[str, Any]:
    """No secret: of the URL the host alone. Two queries."""
    return {
        "user": user,
        "webhook": hook.name,
        "place": hook.place,
        "host": hook.host,
        "paused": hook.is_paused,
        "since": hook.failing_since,
        "reason": last_reason(hook),
        "held": Delivery.objects.filter(webhook=hook, state=State.HELD).count(),
        "log_days": settings.WEBHOOK_LOG_KEPT.days,
        "url": f"{settings.PUBLIC_URL}/{hook.place}/-/webhooks/{hook.pk}",
    }


def last_reason(hook: Webhook) -> str:
    """Why attempts fail, in words: the oldest one held was tried before those after it. Empty when none is held.

    One query.
    """
    held = Delivery.objects.filter(webhook=hook, state=State.HELD, attempt_count__gt=0)
    held = held.exclude(last_status=None, last_error="")  # its only attempts were interrupted
    row = held.order_by("pk").values_list("last_status", "last_error").first()
    status, error = row or (None, "")
    if status is None:
        return error
    if 300 <= status < 400:  # where it leads may be a secret of the receiver
        return _("The receiver answered with a redirect (%(status)d), which is not followed.") % {"status": status}
    told = {"status": status, "phrase": _phrase(status)}
    return _("The receiver answered %(status)d %(phrase)s.") % told


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""
