"""Shapes of the images' API."""

from collections.abc import Mapping, Sequence
from typing import Any

from rest_framework import serializers

from repositories.images.artifacts import annotations_of, layers_of, recognise
from repositories.images.image_page import Choice, Image, Said
from repositories.images.models import Manifest, ManifestKind
from repositories.images.referrers import Attachment
from repositories.images.shown import Layer, Step

PAGE_SIZE, PAGE_SIZE_MAX = 25, 100
STATES = ["pending", "read", "failed", "left out"]


class ImagesQuery(serializers.Serializer[Any]):
    tagged = serializers.BooleanField(
        required=False,
        default=None,
        allow_null=True,
        help_text="false: only what no tag, no index and no other image holds, the latest first.",
    )
    page_size = serializers.IntegerField(
        required=False, default=PAGE_SIZE, min_value=1, help_text=f"{PAGE_SIZE_MAX} at most."
    )
    cursor = serializers.CharField(
        required=False,
        default="",
        allow_blank=True,
        max_length=200,
        help_text="Part of `next` and `previous`; not to be made by hand.",
    )

    def validate_page_size(self, value: int) -> int:
        """Lowered, as elsewhere in the API."""
        return min(value, PAGE_SIZE_MAX)


class ReferrersQuery(serializers.Serializer[Any]):
    artifactType = serializers.CharField(  # noqa: N815  OCI's name
        required=False, default="", allow_blank=True, max_length=255, help_text="Only those of this type."
    )


class ImageShort(serializers.Serializer[Manifest]):
    """One manifest. `size` is compressed, in bytes; `manifest_size` is the manifest's own."""

    digest = serializers.CharField()
    kind = serializers.ChoiceField(choices=ManifestKind.choices)
    content = serializers.SerializerMethodField(help_text="What an artifact is, such as `helm`; null: an image.")
    media_type = serializers.CharField()
    artifact_type = serializers.CharField()
    size = serializers.IntegerField(source="total_size")
    manifest_size = serializers.IntegerField(source="size")
    os = serializers.CharField()
    architecture = serializers.CharField()
    variant = serializers.CharField()
    os_version = serializers.CharField()
    created = serializers.DateTimeField(source="image_created_at", allow_null=True, help_text="As the image says.")
    pushed_at = serializers.DateTimeField()
    tags = serializers.SerializerMethodField(help_text="The newest twenty.")
    untagged_at = serializers.DateTimeField(allow_null=True, help_text="Since when nothing holds it.")
    delete_after = serializers.DateTimeField(allow_null=True, help_text="Deleted; until then it can be restored.")
    missing_since = serializers.DateTimeField(allow_null=True, help_text="The registry has it no more.")

    def get_content(self, manifest: Manifest) -> str | None:
        kind = recognise(manifest)
        return kind.key if kind else None

    def get_tags(self, manifest: Manifest) -> list[str]:
        """From the context, where they were read for all at once."""
        found: list[str] = self.context["tags"][manifest.pk]
        return found


class ImagesAnswer(serializers.Serializer[Any]):
    next = serializers.CharField(allow_null=True)
    previous = serializers.CharField(allow_null=True)
    results = ImageShort(many=True)


class PlatformAnswer(serializers.Serializer[Any]):
    platform = serializers.CharField()
    digest = serializers.CharField()
    size = serializers.IntegerField()
    created = serializers.DateTimeField(allow_null=True)
    is_missing = serializers.BooleanField()
    is_index = serializers.BooleanField()


class LayerOfImage(serializers.Serializer[Any]):
    digest = serializers.CharField(allow_null=True, help_text="Null: the step added no layer.")
    size = serializers.IntegerField()
    media_type = serializers.CharField()
    instruction = serializers.CharField()
    name = serializers.CharField(help_text="Of the file, in artifacts.")


class SignerAnswer(serializers.Serializer[Any]):
    name = serializers.CharField()
    issuer = serializers.CharField()


class AttachmentAnswer(serializers.Serializer[Any]):
    """A signature, attestation or SBOM, or whatever else is attached. Nothing of it is verified."""

    digest = serializers.CharField()
    subject = serializers.CharField(help_text="The digest that it is attached to: the image's, or of one platform.")
    content = serializers.CharField()
    format = serializers.CharField(help_text="Such as `SPDX` or `SLSA provenance`.")
    predicate_type = serializers.CharField()
    signer = SignerAnswer(allow_null=True, help_text="As the certificate says.")
    size = serializers.IntegerField()
    found_by = serializers.ChoiceField(choices=["subject", "index", "tag"])
    pushed_at = serializers.DateTimeField(allow_null=True)


class ImageByDigest(ImageShort):
    subject = serializers.CharField(help_text="The digest that it is attached to, or empty.")
    is_signed = serializers.BooleanField(help_text="A signature is attached. Moorage does not verify it.")
    attachments = AttachmentAnswer(many=True)
    about = serializers.DictField(child=serializers.CharField(), help_text="By OCI's short names, such as `source`.")
    annotations = serializers.DictField(child=serializers.CharField())
    platforms = PlatformAnswer(many=True)
    layers = LayerOfImage(many=True)
    config = serializers.JSONField(help_text="The config blob, of at most 1 MiB.")
    config_state = serializers.ChoiceField(choices=STATES)
    config_digest = serializers.CharField()
    part_of = serializers.ListField(child=serializers.CharField(), help_text="Indexes that name it.")


def image_of(image: Image) -> dict[str, Any]:
    """What `ImageByDigest` adds to the manifest's own columns."""
    manifest, own = image.manifest, None if image.is_index else image.chosen
    told = {"title": image.about.title, "description": image.about.description}
    return {
        **dict(ImageShort(manifest, context={"tags": {manifest.pk: image.other_tags}}).data),
        "subject": image.subject,
        "is_signed": image.is_signed,
        "attachments": [_attachment(said) for said in image.said],
        "about": {
            **{key: text for key, text in told.items() if text},
            **{fact.key: fact.value.text for fact in image.about.facts},
        },
        "annotations": annotations_of(manifest),
        "platforms": [_platform(choice) for choice in image.choices],
        "layers": [_step(step) for step in own.steps] if own else [],
        "config": manifest.config,
        "config_state": "left out" if own and own.is_config_left_out else manifest.details,
        "config_digest": manifest.config_digest,
        "part_of": [parent.digest for parent in image.parents],
    }


def _platform(choice: Choice) -> dict[str, Any]:
    return {
        "platform": choice.name,
        "digest": choice.digest,
        "size": choice.size,
        "created": choice.built_at,
        "is_missing": choice.is_missing,
        "is_index": choice.is_index,
    }


def _step(step: Step) -> dict[str, Any]:
    layer = step.layer or Layer("", 0, "")
    return {
        "digest": layer.digest or None,
        "size": layer.size,
        "media_type": layer.media_type,
        "instruction": step.text,
        "name": layer.name,
    }


def _attachment(said: Said) -> dict[str, Any]:
    signer = said.signer
    return {
        "digest": said.attachment.digest,
        "subject": said.attachment.subject,
        "content": said.kind.key,
        "format": str(said.subject),
        "predicate_type": said.predicate,
        "signer": {"name": signer.name, "issuer": signer.issuer} if signer else None,
        "size": said.size,
        "found_by": said.attachment.way,
        "pushed_at": said.attachment.pushed_at,
    }


def referrers_of(attachments: Sequence[Attachment], artifact_type: str) -> dict[str, Any]:
    """In the form of OCI's referrers call (distribution-spec 1.1), which the registry does not have."""
    found = [_descriptor(row) for row in attachments if row.manifest]
    return {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [row for row in found if not artifact_type or row["artifactType"] == artifact_type],
    }


def _descriptor(attachment: Attachment) -> Mapping[str, Any]:
    """Of an image without an artifact type, as cosign's are, the type of its first layer says what it is."""
    manifest = attachment.manifest
    assert manifest is not None  # noqa: S101  for the type checker
    layers = layers_of(manifest)
    return {
        "mediaType": manifest.media_type,
        "digest": manifest.digest,
        "size": manifest.size,
        "artifactType": manifest.artifact_type or (layers[0]["media_type"] if layers else ""),
        "annotations": annotations_of(manifest),
    }


class ReferrerAnswer(serializers.Serializer[Any]):
    mediaType = serializers.CharField()  # noqa: N815  OCI's names
    digest = serializers.CharField()
    size = serializers.IntegerField()
    artifactType = serializers.CharField()  # noqa: N815
    annotations = serializers.DictField(child=serializers.CharField())


class ReferrersAnswer(serializers.Serializer[Any]):
    """An OCI index, as the distribution specification's referrers call answers."""

    schemaVersion = serializers.IntegerField()  # noqa: N815
    mediaType = serializers.CharField()  # noqa: N815
    manifests = ReferrerAnswer(many=True)
