"""Pushes artifacts of all kinds, as their own tools do, and hangs them on images."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from portal.accounts.models import User
from repositories.images.models import Manifest
from repositories.models import Repository
from tests.factories.images import CONFIG, IMAGE, INDEX, digest_of, push

EMPTY = "application/vnd.oci.empty.v1+json"
SIMPLE_SIGNING = "application/vnd.dev.cosign.simplesigning.v1+json"
IN_TOTO = "application/vnd.in-toto+json"
Layers = Sequence[tuple[str, Mapping[str, str]]]
__all__ = ["CONFIG", "attach", "body", "certificate", "index_body", "push_artifact", "push_built", "sign"]


def body(
    name: str, layers: Layers, *, config: str = EMPTY, artifact_type: str = "", subject: str = "", **more: Any
) -> bytes:
    """A manifest of layers, each with its media type and annotations."""
    document: dict[str, Any] = {
        "schemaVersion": 2,
        "mediaType": IMAGE,
        "config": {"mediaType": config, "digest": digest_of(f"{name} config"), "size": 240},
        "layers": [
            {"mediaType": media_type, "digest": digest_of(f"{name} {n}"), "size": 1200 + n, "annotations": dict(told)}
            for n, (media_type, told) in enumerate(layers)
        ],
        **more,
    }
    document |= {"artifactType": artifact_type} if artifact_type else {}
    document |= {"subject": {"mediaType": IMAGE, "digest": subject, "size": 7}} if subject else {}
    return json.dumps(document).encode()


def attach(repository: Repository, subject: str, media_type: str, *, by: User | None = None, **told: str) -> Manifest:
    """By OCI's `subject`, as `oras attach` does."""
    document = body(f"{media_type} {subject}", [(media_type, told)], artifact_type=media_type, subject=subject)
    return push(repository, document, IMAGE, "", by)


def sign(repository: Repository, subject: str, *, by: User | None = None, certificate: str = "") -> Manifest:
    """As cosign does: under a tag named after the digest."""
    told = {"dev.cosignproject.cosign/signature": "MEUC…"}
    told |= {"dev.sigstore.cosign/certificate": certificate} if certificate else {}
    document = body(f"signature of {subject}", [(SIMPLE_SIGNING, told)], config=CONFIG)
    return push(repository, document, IMAGE, f"{subject.replace(':', '-')}.sig", by)


def push_built(repository: Repository, tag: str, *, by: User | None) -> Manifest:
    """An index of one platform with the provenance and the SBOM that BuildKit adds to it."""
    image = body("built", [("application/vnd.oci.image.layer.v1.tar+gzip", {})], config=CONFIG)
    push(repository, image, IMAGE, "", by)
    predicates = ("https://spdx.dev/Document", "https://slsa.dev/provenance/v0.2")
    statements = body(
        "statements", [(IN_TOTO, {"in-toto.io/predicate-type": name}) for name in predicates], config=CONFIG
    )
    push(repository, statements, IMAGE, "", by)
    told = {"vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": digest_of(image)}
    entries = [
        {"mediaType": IMAGE, "digest": digest_of(image), "size": len(image), "platform": platform("linux", "amd64")},
        {
            "mediaType": IMAGE,
            "digest": digest_of(statements),
            "size": len(statements),
            "platform": platform("unknown", "unknown"),
            "annotations": told,
        },
    ]
    return push(repository, index_body(entries), INDEX, tag, by)


def platform(os: str, architecture: str) -> dict[str, str]:
    return {"os": os, "architecture": architecture}


def index_body(entries: Sequence[Mapping[str, Any]], **more: Any) -> bytes:
    document = {"schemaVersion": 2, "mediaType": INDEX, "manifests": list(entries)}
    return json.dumps(document | more).encode()


def push_artifact(
    repository: Repository,
    tag: str,
    artifact_type: str,
    *,
    by: User | None,
    config: Any = None,
    files: Sequence[str] = (),
) -> Manifest:
    """Any artifact; with a `config` its own media type tells what it is, as charts and models do."""
    layers = [("application/octet-stream", {"org.opencontainers.image.title": name}) for name in files or ("data",)]
    if config is None:
        return push(repository, body(tag, layers, artifact_type=artifact_type), IMAGE, tag, by)
    manifest = push(repository, body(tag, layers, config=artifact_type), IMAGE, tag, by)
    Manifest.objects.filter(pk=manifest.pk).update(config=config, details=Manifest.Details.READ)
    return manifest


def certificate(name: str, issuer: str) -> str:
    """As Fulcio gives to a person who signs, in PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    der = b"\x0c" + bytes([len(issuer)]) + issuer.encode()
    made = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([]))
        .issuer_name(x509.Name([]))
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime(2026, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2026, 1, 2, tzinfo=UTC))
        .add_extension(x509.SubjectAlternativeName([x509.RFC822Name(name)]), critical=True)
        .add_extension(x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.57264.1.8"), der), critical=False)
        .sign(key, hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM).decode()
