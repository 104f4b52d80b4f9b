"""How many mails an organization may have sent: what invites must not become a way to send mail to strangers."""

import time

from django.core.cache import cache
from django.utils.translation import gettext_lazy as _

from orgs.models import Organization
from portal.kit.errors import RateLimited

WINDOW = 3600
"""Seconds."""
MAILS_PER_WINDOW = 1_000


def take(organization: Organization, mails: int) -> None:
    """Count so many mails, or raise RateLimited and count none. While Redis is away, each process for itself."""
    window, gone = divmod(int(time.time()), WINDOW)
    key = f"orgs.invitations.{organization.pk}.{window}"
    cache.add(key, 0, WINDOW)
    used = cache.incr(key, mails)
    if used <= MAILS_PER_WINDOW:
        return
    cache.incr(key, -mails)
    left = max(0, MAILS_PER_WINDOW - (used - mails))
    wait = WINDOW - gone
    message = _(
        "An organization may send %(most)d invitation mails within an hour, and %(left)d are left. "
        "Nothing was sent. Try with fewer people, or again in %(minutes)d minutes."
    )
    raise RateLimited(message % {"most": MAILS_PER_WINDOW, "left": left, "minutes": -(-wait // 60)}, retry_after=wait)
