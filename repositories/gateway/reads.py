"""What other rooms show of the notifications. Named in the settings, since those rooms lie below."""

from datetime import datetime

from repositories.gateway.models import Notification


def last_notification() -> datetime | None:
    """When the registry sent the latest one that is kept. One query."""
    return Notification.objects.order_by("-id").values_list("received_at", flat=True).first()
