"""Pushes images as the gateway does, with what the task that reads configs would have filled in."""

import hashlib
import json
from typing import Any

from django.db import transaction

from portal.accounts.models import User
from repositories.images.actions import UNKNOWN, Push, Pusher, record_push
from repositories.images.manifests import parse
from repositories.images.models import Manifest
from repositories.models import Repository

IMAGE = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
CONFIG = "application/vnd.oci.image.config.v1+json"
PLATFORMS = ("linux/amd64", "linux/arm64/v8")


def digest_of(content: bytes | str) -> str:
    return "sha256:" + hashlib.sha256(content if isinstance(content, bytes) else content.encode()).hexdigest()


def config(platform: str = "linux/amd64") -> dict[str, Any]:
    os, architecture, *variant = platform.split("/")
    return {
        "os": os,
        "architecture": architecture,
        **({"variant": variant[0]} if variant else {}),
        "created": "2026-11-01T10:00:00Z",
        "config": {
            "Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/bin:/bin", "LANG=C.UTF-8"],
            "Entrypoint": ["/bin/server"],
            "Cmd": ["--listen", "0.0.0.0:8080", "two words"],
            "WorkingDir": "/srv",
            "ExposedPorts": {"8080/tcp": {}},
            "Labels": {"org.opencontainers.image.source": "https://example.org/app"},
        },
        "history": [
            {"created_by": "/bin/sh -c #(nop) ADD file:5b0b in / "},
            {"created_by": '/bin/sh -c #(nop)  ENV LANG="C.UTF-8"', "empty_layer": True},
            {"created_by": "RUN /bin/sh -c apt-get install -y --no-install-recommends ca-certificates # buildkit"},
        ],
    }


def image_body(seed: str, *, artifact_type: str = "") -> bytes:
    layers = [
        {"mediaType": LAYER, "digest": digest_of(f"{seed}{n}"), "size": size} for n, size in enumerate((2_811_969, 914))
    ]
    body = {
        "schemaVersion": 2,
        "mediaType": IMAGE,
        "config": {"mediaType": artifact_type or CONFIG, "digest": digest_of(f"{seed} config"), "size": 1_472},
        "layers": layers,
    }
    return json.dumps(body).encode()


def pusher(user: User | None, client: str = "docker/28.2.1 go/go1.24.3 kernel/6.1.0 os/linux arch/amd64") -> Pusher:
    if user is None:
        return UNKNOWN
    return Pusher(
        user_id=user.pk, public_id=user.public_id, name=user.username, credential_label="password", client=client
    )


def push(repository: Repository, body: bytes, media_type: str, tag: str, user: User | None) -> Manifest:
    with transaction.atomic():
        return record_push(
            repository_id=repository.pk,
            push=Push(digest=digest_of(body), parsed=parse(body, media_type), tag=tag, pusher=pusher(user)),
        )


def push_image(
    repository: Repository,
    tag: str,
    *,
    by: User | None,
    seed: str = "",
    platform: str = "linux/amd64",
    read: bool = True,
) -> Manifest:
    """An image of two layers; another `seed` is another image. `read=False`: its config was not read yet."""
    manifest = push(repository, image_body(seed or tag), IMAGE, tag, by)
    if read:
        _read(manifest, platform)
    return manifest


def _read(manifest: Manifest, platform: str) -> None:
    document = config(platform)
    Manifest.objects.filter(pk=manifest.pk).update(
        os=document["os"],
        architecture=document["architecture"],
        variant=document.get("variant", ""),
        config=document,
        details=Manifest.Details.READ,
    )


def push_index(repository: Repository, tag: str, *, by: User, seed: str = "index") -> Manifest:
    """A multi-platform image of two platforms, with an attestation as BuildKit hangs it in."""
    entries = []
    for platform in PLATFORMS:
        body = image_body(f"{seed} {platform}")
        _read(push(repository, body, IMAGE, "", by), platform)
        os, architecture, *variant = platform.split("/")
        told = {"os": os, "architecture": architecture, **({"variant": variant[0]} if variant else {})}
        entries.append({"mediaType": IMAGE, "digest": digest_of(body), "size": len(body), "platform": told})
    unknown = {"os": "unknown", "architecture": "unknown"}
    entries.append({"mediaType": IMAGE, "digest": digest_of(f"{seed} sbom"), "size": 566, "platform": unknown})
    body = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}).encode()
    return push(repository, body, INDEX, tag, by)


def push_chart(repository: Repository, tag: str, *, by: User) -> Manifest:
    """A Helm chart: an artifact, no image."""
    body = image_body("chart", artifact_type="application/vnd.cncf.helm.config.v1+json")
    return push(repository, body, IMAGE, tag, by)
