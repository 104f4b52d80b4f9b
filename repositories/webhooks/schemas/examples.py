"""One document of each event type, as it would be sent. Templates are tried with them; the documentation shows them."""

from functools import cache
from typing import Any

from repositories.webhooks import catalog
from repositories.webhooks.catalog import PING

Document = dict[str, Any]

HOST = "hub.example.org"
NAME = "acme/payments/api"
PAGE = f"https://{HOST}/{NAME}"
INDEX = "sha256:6d1ef012b5674ad8a127ecfa9b5e6f5178d171b90ee462846974177fd9bdd39f"
BEFORE = "sha256:0b9dcb1bf4b4ab3dc0b3a8a2a5ed6a8b9c0e1f2d3c4b5a69788796a5b4c3d2e1"
AMD64 = "sha256:9c7a54a9a43cca047013b82af109fe963fde787f63f9e016fdc3384500c2823d"
ARM64 = "sha256:2a0ab3f0a8b2ef35eb1b5f7d8b2e1d6f4c3b2a190817263544f5e6d7c8b9a0f1"

_SENTENCES = {
    "push": "alice pushed acme/payments/api:1.4.2",
    "tag.delete": "alice deleted the tag acme/payments/api:1.4.2",
    "tag.restore": "alice restored the tag acme/payments/api:1.4.2",
    "image.delete": "alice deleted the image acme/payments/api@6d1ef012b567",
    "image.restore": "alice restored the image acme/payments/api@6d1ef012b567",
    "repository.create": "alice created the repository acme/payments/api",
    "repository.update": "alice changed the description of acme/payments/api",
    "repository.visibility": "alice made acme/payments/api public",
    "repository.archive": "alice archived acme/payments/api",
    "repository.delete": "alice deleted the repository acme/payments/api",
    "star": "alice starred acme/payments/api",
    "comment": "alice commented on acme/payments/api",
    "grant": "alice gave the team payments the role write on acme/payments/*",
    "member": "alice added bob to acme as editor",
    PING: "alice tried the webhook CI",
}


def _repository(**different: Any) -> Document:
    return {
        "full_name": NAME,
        "namespace": "acme",
        "name": "payments/api",
        "url": PAGE,
        "exists": True,
        "description": "Takes payments",
        "full_description": "# Payments\n\nTakes payments.",
        "is_private": True,
        "is_archived": False,
        "star_count": 3,
        "comment_count": 1,
        "created_at": "2026-01-02T03:04:05.678Z",
    } | different


def _platform(architecture: str, variant: str, digest: str, size: int) -> Document:
    name = "/".join(part for part in ("linux", architecture, variant) if part)
    told = {"name": name, "os": "linux", "architecture": architecture, "variant": variant}
    return told | {"digest": digest, "size": size}


def _image() -> Document:
    return {
        "digest": INDEX,
        "pull_reference_by_digest": f"{HOST}/{NAME}@{INDEX}",
        "kind": "index",
        "media_type": "application/vnd.oci.image.index.v1+json",
        "artifact_type": "",
        "size": 58_213_604,
        "platforms": [
            _platform("amd64", "", AMD64, 29_536_818),
            _platform("arm64", "v8", ARM64, 28_676_786),
        ],
    }


def _tag(**different: Any) -> Document:
    return {
        "name": "1.4.2",
        "url": f"{PAGE}/-/tags/1.4.2",
        "pull_reference": f"{HOST}/{NAME}:1.4.2",
        "previous_digest": "",
        "source": "",
        **_image(),
    } | different


def _of_image(tags: list[str]) -> Document:
    return {"url": f"{PAGE}/-/images/{INDEX}", "tags": tags, **_image()}


_GRANT = {"pattern": "payments/*", "team": "payments", "user": "", "role": "write", "old_role": "read"}
_COMMENT = {"id": 12, "text": "Version 1.4.2 fixes the rounding.", "author": "alice", "url": f"{PAGE}/-/comments"}
_GONE = {"exists": False, "description": "", "full_description": "", "star_count": 0, "comment_count": 0}

_PARTS: dict[str, Document] = {
    "push": {"tag": _tag(previous_digest=BEFORE)},
    "tag.delete": {"tag": _tag()},
    "tag.restore": {"tag": _tag()},
    "image.delete": {"image": _of_image(["1.4.2", "latest"])},
    "image.restore": {"image": _of_image([])},
    "repository.create": {"repository": _repository(description="", full_description="", star_count=0)},
    "repository.update": {"changes": [{"field": "description", "old": "Payments", "new": "Takes payments"}]},
    "repository.visibility": {
        "repository": _repository(is_private=False),
        "visibility": {"old": "private", "new": "public"},
    },
    "repository.archive": {"repository": _repository(is_archived=True), "archive": {"old": False, "new": True}},
    "repository.delete": {"repository": _repository(**_GONE, created_at=None)},
    "star": {"star": {"user": "alice", "count": 3}},
    "comment": {"comment": _COMMENT},
    "grant": {"grant": _GRANT | {"expires_at": None}},
    "member": {"member": {"user": "bob", "role": "editor", "old_role": "", "team": "payments", "teams": []}},
    PING: {"tag": _tag(), "webhook": {"id": 7, "name": "CI"}},
}
_OF_NAMESPACE = {"member", "grant"}
_CALLBACK = f"{PAGE}/-/webhooks/callback/3f2b8f0c5d7e4a1b9c6d8e7f0a1b2c3d.Zk1vcmFnZS1leGFtcGxl"
_WITH_CALLBACK = {"push", "tag.restore", PING}


@cache
def example(event_type: str) -> Document:
    """Not to be changed by the caller."""
    kind = catalog.by_name()[event_type]
    part = _PARTS[event_type]
    about = {} if event_type in _OF_NAMESPACE else {"repository": _repository()}
    shown = part.get("tag") or part.get("image") or part.get("comment") or about.get("repository") or {}
    return {
        "id": "9f8e7d6c5b4a39281706f5e4d3c2b1a0",
        "type": event_type,
        "cause": next(iter(kind.actions.values())) if event_type != "grant" else "update",
        "time": "2026-02-03T04:05:06.789Z",
        "summary": _SENTENCES[event_type],
        "registry": HOST,
        "actor": {"name": "alice", "credential": "personal_access_token"},
        "namespace": {"name": "acme", "url": f"https://{HOST}/acme"},
        **(about | part),
        "url": shown.get("url", f"https://{HOST}/acme"),
        "callback_url": _CALLBACK if event_type in _WITH_CALLBACK else "",
    }
