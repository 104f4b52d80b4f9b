"""Reads what only the config blob tells: platform, time of building, settings."""

import logging
from datetime import timedelta
from typing import Any

from django.db.models import F, Q
from django.utils import timezone

from portal.kit import jobs
from repositories.images.actions import READ_DETAILS
from repositories.images.manifests import ManifestInvalid, read_created, read_json, read_platform
from repositories.images.models import Manifest
from repositories.registry import client

log = logging.getLogger(__name__)

CONFIG_MAX = 1024 * 1024
"""Bytes of a config that are read; images of real life have 2 to 50 KB."""
MOST_TRIES = 12
"""The last one 5.7 hours after the push."""
SWEEP_AFTER = timedelta(seconds=10)
"""After the push, for the first try of the sweep; twice as long for each that follows."""
SWEEP_MOST = 100

Details = Manifest.Details


def read_details(manifest_id: int) -> None:
    """Read the config of a manifest whose details are pending. Safe to run twice; when the registry is away, the sweep
    tries again, ever more seldom.
    """
    rows = Manifest.objects.filter(pk=manifest_id, details=Details.PENDING)
    manifest = rows.select_related("repository").first()
    if manifest is None:
        return
    # Before the try: also one that ends with the process, or with an error that nobody thought of, is the last one.
    last = manifest.details_tries + 1 >= MOST_TRIES
    rows.update(details_tries=F("details_tries") + 1, details=Details.FAILED if last else Details.PENDING)
    try:
        found = _read(manifest)
    except (client.RegistryUnavailable, client.BlobUnknown) as error:
        log.warning("The config of manifest %d could not be read: %s", manifest.pk, error)
        return
    Manifest.objects.filter(pk=manifest_id).update(details=Details.READ, **found)


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
    now = timezone.now()
    due = Q()
    for tries in range(MOST_TRIES):
        due |= Q(details_tries=tries, pushed_at__lt=now - SWEEP_AFTER * 2**tries)
    pending = Manifest.objects.filter(due, details=Details.PENDING).order_by("id")
    for pk in pending.values_list("pk", flat=True)[:SWEEP_MOST]:
        jobs.enqueue(READ_DETAILS, pk)
