"""Reads what only the config blob tells: platform, time of building, settings."""

import logging
from datetime import timedelta
from typing import Any

from django.db.models import F
from django.utils import timezone

from portal.kit import jobs
from repositories.images.actions import READ_DETAILS
from repositories.images.manifests import ManifestInvalid, read_created, read_json, read_platform
from repositories.images.models import Manifest
from repositories.registry import client

log = logging.getLogger(__name__)

CONFIG_MAX = 1024 * 1024
"""Bytes of a config that are read; images of real life have 2 to 50 KB."""
MOST_TRIES = 10
SWEEP_AFTER = timedelta(seconds=10)
SWEEP_MOST = 100

Details = Manifest.Details


def read_details(manifest_id: int) -> None:
    """Read the config of a manifest whose details are pending. Safe to run twice; a registry that is away waits."""
    rows = Manifest.objects.filter(pk=manifest_id, details=Details.PENDING)
    manifest = rows.select_related("repository").first()
    if manifest is None:
        return
    rows.update(details_tries=F("details_tries") + 1)
    try:
        found = _read(manifest)
    except (client.RegistryUnavailable, client.BlobUnknown) as error:
        if manifest.details_tries + 1 >= MOST_TRIES:
            log.warning("The config of manifest %d could not be read: %s", manifest.pk, error)
            rows.update(details=Details.FAILED)
        return
    rows.update(details=Details.READ, **found)


def _read(manifest: Manifest) -> dict[str, Any]:
    """The columns to write; none for a config that is too large or no JSON object, which is not worth another try."""
    try:
        content = client.get_blob(manifest.repository.full_name, manifest.config_digest, limit=CONFIG_MAX)
        config = read_json(content)
    except (client.TooLarge, ManifestInvalid):
        return {}
    if not isinstance(config, dict):
        return {}
    platform = read_platform(config)
    return {
        "os": platform.os,
        "architecture": platform.architecture,
        "variant": platform.variant,
        "os_version": platform.os_version,
        "image_created_at": read_created(config),
        "config": config,
    }


def sweep() -> None:
    """Wake what lost its wake-up. Bounded; one query when there is nothing."""
    before = timezone.now() - SWEEP_AFTER
    pending = Manifest.objects.filter(details=Details.PENDING, pushed_at__lt=before).order_by("id")
    for pk in pending.values_list("pk", flat=True)[:SWEEP_MOST]:
        jobs.enqueue(READ_DETAILS, pk)
