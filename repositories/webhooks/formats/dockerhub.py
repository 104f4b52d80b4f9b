"""Docker Hub's push payload, field for field, so that every receiver made for Docker Hub understands it.

Receivers written in Go decode numbers into integers: a float or a string where Docker Hub has an integer breaks them.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

Document = Mapping[str, Any]
HELM = "application/vnd.cncf.helm"
"""Docker Hub gives a chart's config type as `media_type`: how Kargo tells charts from images."""


def render(document: Document) -> bytes:
    """For pushed and restored tags. `push_data.digest` is ours; no receiver known rejects a key more."""
    return _encoded(document, repo_name=document["repository"]["full_name"])


def render_qualified(document: Document) -> bytes:
    """With the registry's host in `repo_name`, for those that take a name without one for Docker Hub's."""
    return _encoded(document, repo_name=f"{document['registry']}/{document['repository']['full_name']}")


def _encoded(document: Document, *, repo_name: str) -> bytes:
    tag, repository = document["tag"], document["repository"]
    payload = {
        "callback_url": document["callback_url"],
        "push_data": {
            "pushed_at": _seconds(document["time"]),
            "pusher": document["actor"]["name"],
            "tag": tag["name"],
            "images": [],
            "media_type": tag["artifact_type"] if tag["artifact_type"].startswith(HELM) else tag["media_type"],
            "digest": tag["digest"],
        },
        "repository": {
            "status": "Active",
            "namespace": repository["namespace"],
            "name": repository["name"],
            "repo_name": repo_name,
            "repo_url": repository["url"],
            "owner": repository["namespace"],
            "description": repository["description"],
            "full_description": repository["full_description"],
            "dockerfile": "",
            "is_private": repository["is_private"],
            "is_official": False,
            "is_trusted": False,
            "star_count": repository["star_count"],
            "comment_count": repository["comment_count"],
            "date_created": _seconds(repository["created_at"]),
        },
    }
    return json.dumps(payload, separators=(",", ":")).encode("ascii")


def _seconds(moment: str | None) -> int:
    """0 for a repository that is gone by now."""
    return int(datetime.fromisoformat(moment).timestamp()) if moment else 0
