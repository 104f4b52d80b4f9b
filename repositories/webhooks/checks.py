"""Settings that would only fail at the first delivery."""

from typing import Any

from django.conf import settings
from django.core.checks import Error, register

from portal.kit.http import parse_networks, tls_context


@register()
def networks_can_be_read(**_kwargs: Any) -> list[Error]:
    try:
        parse_networks(settings.WEBHOOK_NETWORKS)
    except ValueError as error:
        hint = "List networks such as 10.1.0.0/16, separated by commas."
        return [Error(f"MOORAGE_WEBHOOK_NETWORKS: {error}.", hint=hint, id="webhooks.E001")]
    return []


@register()
def authorities_can_be_read(**_kwargs: Any) -> list[Error]:
    if not settings.WEBHOOK_CA_FILE:
        return []
    try:
        tls_context(settings.WEBHOOK_CA_FILE)
    except OSError as error:  # ssl.SSLError is one: the file holds no certificate
        hint = "Name a file of certificates in PEM form that this process may read."
        words = f"MOORAGE_WEBHOOK_CA_FILE: {settings.WEBHOOK_CA_FILE} cannot be used: {error}."
        return [Error(words, hint=hint, id="webhooks.E002")]
    return []
