"""Settings that would only fail at the first delivery."""

from typing import Any

from django.conf import settings
from django.core.checks import Error, register

from portal.kit.http import parse_networks


@register()
def networks_can_be_read(**_kwargs: Any) -> list[Error]:
    try:
        parse_networks(settings.WEBHOOK_NETWORKS)
    except ValueError as error:
        hint = "List networks such as 10.1.0.0/16, separated by commas."
        return [Error(f"MOORAGE_WEBHOOK_NETWORKS: {error}.", hint=hint, id="webhooks.E001")]
    return []
