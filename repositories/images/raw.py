"""The bytes of a manifest, handed out as they are and as text to read."""

import json

from django.http import HttpResponse

from repositories.registry.client import MANIFEST_TYPES, RawManifest

SHOWN_MAX = 200_000
"""Characters of the indented text that a page shows; a manifest may have 4 MiB."""


def raw_response(found: RawManifest, name: str) -> HttpResponse:
    """To be saved, never to be shown by a browser: what somebody pushed is not to run as a page of ours."""
    known = found.media_type in MANIFEST_TYPES
    response = HttpResponse(found.body, content_type=found.media_type if known else "application/octet-stream")
    file = f"{name.rpartition('/')[2]}-{found.digest.replace(':', '-')[:19]}.json"
    response["Content-Disposition"] = f'attachment; filename="{file}"'
    response["X-Content-Type-Options"] = "nosniff"
    response["Docker-Content-Digest"] = found.digest
    return response


def indented(body: bytes) -> str:
    """As text, cut where it is endless; what is no JSON stays as it is."""
    try:
        text = json.dumps(json.loads(body), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        text = body.decode("utf-8", "replace")
    return text if len(text) <= SHOWN_MAX else text[:SHOWN_MAX] + "\n…"
