"""The payload's `callback_url`: a receiver's POST to it becomes the pushed tag's build status."""

from django.conf import settings
from django.core import signing

from repositories.webhooks.models import Delivery

_SALT = "repositories.webhooks.callback"


def callback_url(delivery: Delivery) -> str:
    """Whoever has it may report; empty for what is about no repository. Costs no query."""
    if not delivery.repository_name:
        return ""
    return f"{settings.PUBLIC_URL}/{delivery.repository_name}/-/webhooks/callback/{_signed(delivery.public_id)}"


def _signed(public_id: str) -> str:
    return signing.Signer(salt=_SALT, sep=".").sign(public_id)
