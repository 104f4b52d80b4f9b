"""What a manifest is, when it is no plain image: recognised by media types, and told in its own words. Pure.

Nothing here verifies anything: that a signature is attached does not make it a good one.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from django.utils.translation import gettext_lazy as _

from portal.kit.errors import Text
from repositories.images.models import Manifest, ManifestKind

Role = Literal["", "signature", "attestation", "sbom"]


@dataclass(frozen=True, slots=True)
class Kind:
    """`key` is for the API, `icon` is Lucide's. `role`: what it is to the image that it is attached to, if anything."""

    key: str
    label: Text
    icon: str
    role: Role = ""


@dataclass(frozen=True, slots=True)
class Statement:
    """What is said about an image. One manifest may hold several, each in a layer."""

    kind: Kind
    subject: Text
    """Such as "SPDX" or "Vulnerability scan"; the address of a predicate that nobody here has heard of; or empty."""
    digest: str
    size: int
    media_type: str
    predicate: str = ""
    certificate: str = ""
    """PEM; `certificates.read_signer` tells whose it is."""


SIGNATURE = Kind("signature", _("Signature"), "signature", "signature")
ATTESTATION = Kind("attestation", _("Attestation"), "stamp", "attestation")
SBOM = Kind("sbom", _("SBOM"), "list-checks", "sbom")
HELM = Kind("helm", _("Helm chart"), "ship-wheel")
WASM = Kind("wasm", _("WebAssembly"), "binary")
MODEL = Kind("model", _("AI model"), "brain")
POLICY = Kind("policy", _("Policy"), "scale")
FLUX = Kind("flux", _("Flux source"), "git-branch")
COMPOSE = Kind("compose", _("Compose application"), "boxes")
FEATURE = Kind("devcontainer", _("Dev container"), "puzzle")
REPORT = Kind("report", _("Scan report"), "scan-search")
PLUGIN = Kind("plugin", _("Docker plugin"), "plug")
SIF = Kind("singularity", _("Singularity image"), "box")
MODULE = Kind("module", _("OpenTofu module"), "blocks")
GENERIC = Kind("artifact", _("Artifact"), "package")

HELM_CONFIG = "application/vnd.cncf.helm.config.v1+json"
OLLAMA = "application/vnd.ollama.image."
# The beginning of an artifact type, or of a layer's or config's media type. The first that fits counts.
_TYPES: tuple[tuple[str, Kind], ...] = (
    ("application/vnd.cncf.helm.", HELM),
    ("application/vnd.dev.cosign.simplesigning.", SIGNATURE),
    ("application/vnd.dev.cosign.artifact.sig.", SIGNATURE),
    ("application/vnd.cncf.notary.signature", SIGNATURE),
    ("application/vnd.dev.cosign.artifact.sbom.", SBOM),
    ("application/vnd.dev.cosign.artifact.att.", ATTESTATION),
    ("application/vnd.dev.sigstore.bundle", SIGNATURE),
    ("application/vnd.in-toto", ATTESTATION),
    ("application/vnd.dsse.envelope", ATTESTATION),
    ("application/vnd.docker.attestation", ATTESTATION),
    ("application/spdx", SBOM),
    ("text/spdx", SBOM),
    ("application/vnd.cyclonedx", SBOM),
    ("application/vnd.syft", SBOM),
    ("application/sarif", REPORT),
    ("application/wasm", WASM),
    ("application/vnd.wasm.", WASM),
    ("application/vnd.module.wasm.", WASM),
    ("application/vnd.cncf.model.", MODEL),
    (OLLAMA, MODEL),
    ("application/vnd.docker.ai.", MODEL),
    ("application/vnd.kitops.modelkit.", MODEL),
    ("application/vnd.cncf.openpolicyagent.", POLICY),
    ("application/vnd.cncf.kyverno.", POLICY),
    ("application/vnd.cncf.flux.", FLUX),
    ("application/vnd.docker.compose.", COMPOSE),
    ("application/vnd.devcontainers", FEATURE),
    ("application/vnd.docker.plugin.", PLUGIN),
    ("application/vnd.sylabs.sif.", SIF),
    ("application/vnd.opentofu.", MODULE),
)
# The beginning of an in-toto predicate type, what it states, and what that makes of the attestation.
_PREDICATES: tuple[tuple[str, Text, Kind], ...] = (
    ("https://slsa.dev/provenance/", _("SLSA provenance"), ATTESTATION),
    ("https://slsa.dev/verification_summary/", _("SLSA verification summary"), ATTESTATION),
    ("https://spdx.dev/Document", "SPDX", SBOM),
    ("https://cyclonedx.org/bom", "CycloneDX", SBOM),
    ("https://sigstore.dev/cosign/sign/", "Sigstore", SIGNATURE),
    ("https://cosign.sigstore.dev/attestation/vuln/", _("Vulnerability scan"), ATTESTATION),
    ("https://in-toto.io/attestation/vulns/", _("Vulnerability scan"), ATTESTATION),
    ("https://in-toto.io/attestation/test-result/", _("Test result"), ATTESTATION),
    ("https://openvex.dev/ns", "OpenVEX", ATTESTATION),
)
_FORMATS: tuple[tuple[str, str], ...] = (
    ("application/spdx", "SPDX"),
    ("text/spdx", "SPDX"),
    ("application/vnd.cyclonedx", "CycloneDX"),
    ("application/vnd.syft", "Syft"),
    ("application/vnd.cncf.notary", "Notation"),
    ("application/vnd.dev.cosign.simplesigning", "Cosign"),
    ("application/vnd.dev.sigstore", "Sigstore"),
)
# Where BuildKit, cosign and Sigstore's bundles write it.
_PREDICATE_KEYS = ("in-toto.io/predicate-type", "predicateType", "dev.sigstore.bundle.predicateType")
_CERTIFICATE = "dev.sigstore.cosign/certificate"
_TEXT_MAX = 300


def recognise(manifest: Manifest) -> Kind | None:
    """None: an image, or several. Reads the columns `layers` and `annotations`."""
    kind = recognise_types([manifest.artifact_type, *(layer["media_type"] for layer in layers_of(manifest))])
    if kind is None:
        return GENERIC if manifest.kind == ManifestKind.ARTIFACT else None
    if kind.role:
        return _only([statement.kind for statement in statements_of(manifest)]) or kind
    return kind


def recognise_types(types: Iterable[str]) -> Kind | None:
    """What media types alone tell, without the annotations that part an SBOM from other attestations."""
    for media_type in types:
        for prefix, kind in _TYPES:
            if media_type.startswith(prefix):
                return kind
    return None


def _only(kinds: list[Kind]) -> Kind | None:
    """The one that all of them are; several attestations of several kinds are attestations."""
    found = list(dict.fromkeys(kinds))
    if len(found) > 1:
        return ATTESTATION
    return found[0] if found else None


def statements_of(manifest: Manifest) -> list[Statement]:
    """Of a signature, an attestation or an SBOM; none of anything else. No query."""
    found = [_statement(manifest, layer) for layer in layers_of(manifest)]
    return [statement for statement in found if statement is not None]


def _statement(manifest: Manifest, layer: Mapping[str, Any]) -> Statement | None:
    media_type = str(layer["media_type"])
    kind = recognise_types([media_type]) or recognise_types([manifest.artifact_type])
    if kind is None or not kind.role:
        return None
    told = annotations_of(layer)
    predicate = next((told[key] for key in _PREDICATE_KEYS if told.get(key)), "")
    predicate = predicate or annotations_of(manifest).get(_PREDICATE_KEYS[-1], "")
    subject, kind = _stated(predicate, kind, (media_type, manifest.artifact_type))
    return Statement(
        kind=kind,
        subject=subject,
        digest=str(layer["digest"]),
        size=int(layer["size"]),
        media_type=media_type,
        predicate=predicate[:_TEXT_MAX],
        certificate=told.get(_CERTIFICATE, ""),
    )


def _stated(predicate: str, kind: Kind, types: Iterable[str]) -> tuple[Text, Kind]:
    for prefix, subject, told in _PREDICATES:
        if predicate.startswith(prefix):
            return subject, told
    if predicate:
        return predicate[:_TEXT_MAX], ATTESTATION if kind is SIGNATURE else kind
    for media_type in types:
        for prefix, name in _FORMATS:
            if media_type.startswith(prefix):
                return name, kind
    return "", kind


def layers_of(manifest: Manifest) -> list[dict[str, Any]]:
    return [layer for layer in manifest.layers if isinstance(layer, dict)]


def annotations_of(item: Manifest | Mapping[str, Any]) -> dict[str, str]:
    """Of a manifest, or of one of its layers."""
    told = item.annotations if isinstance(item, Manifest) else item.get("annotations")
    return told if isinstance(told, dict) else {}
