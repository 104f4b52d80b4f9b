"""What holds for access tokens of people and of organizations alike."""

from datetime import datetime, timedelta

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from portal.kit.errors import Invalid

LABEL_MAX = 100
LEAST_LIFETIME = timedelta(minutes=1)


def valid_label(label: str, *, field: str) -> str:
    """Without the spaces around it. Raises Invalid."""
    label = label.strip()
    if not 1 <= len(label) <= LABEL_MAX:
        raise Invalid.field(field, _("Give the token a label of 1 to %(max)d characters.") % {"max": LABEL_MAX})
    return label


def check_expiry(expires_at: datetime | None) -> None:
    """Raise Invalid for an end that has come, or nearly."""
    if expires_at is not None and expires_at <= timezone.now() + LEAST_LIFETIME:
        raise Invalid.field("expires_at", _("The expiry must lie in the future."))
