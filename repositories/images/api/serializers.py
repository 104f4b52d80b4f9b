"""Shapes of the tags' API."""

from typing import Any

from rest_framework import serializers

from repositories.images.hub_rows import Image, Layer, TagRow
from repositories.images.statuses import WORST_FIRST, Status


class TagQuery(serializers.Serializer[Any]):
    name = serializers.CharField(required=False, allow_blank=True, max_length=128, help_text="Part of the name.")
    ordering = serializers.ChoiceField(
        choices=["name", "-name", "last_updated", "-last_updated", "size", "-size", "version", "-version"],
        required=False,
        help_text="As on Docker Hub, the other way round than elsewhere: `last_updated` begins with the newest, "
        "`-last_updated` with the oldest, `-name` with a, `name` with z. So do `size`, which begins with the "
        "largest, and `version`, which begins with the highest (1.10 before 1.9). Without: the newest first.",
    )
    cursor = serializers.CharField(
        required=False, allow_blank=True, max_length=2000, help_text="Of a page's `next` and `previous`; never made up."
    )


class ImageAnswer(serializers.Serializer[Image]):
    """One platform of a tag. `size` is compressed, in bytes."""

    architecture = serializers.CharField()
    features = serializers.CharField()
    variant = serializers.CharField(allow_null=True)
    digest = serializers.CharField()
    os = serializers.CharField()
    os_features = serializers.CharField()
    os_version = serializers.CharField(allow_null=True)
    size = serializers.IntegerField()
    status = serializers.ChoiceField(choices=["active", "inactive"])
    last_pulled = serializers.DateTimeField(allow_null=True)
    last_pushed = serializers.DateTimeField(allow_null=True)


class LayerAnswer(serializers.Serializer[Layer]):
    digest = serializers.CharField(allow_null=True, help_text="Null: the step added no layer.")
    size = serializers.IntegerField()
    instruction = serializers.CharField()


class ImageWithLayers(ImageAnswer):
    layers = LayerAnswer(many=True)


class TagAnswer(serializers.Serializer[TagRow]):
    """A tag with its platforms. `creator` and `last_updater` are 0 when the push came another way."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    creator = serializers.IntegerField()
    last_updated = serializers.DateTimeField()
    last_updater = serializers.IntegerField()
    last_updater_username = serializers.CharField()
    repository = serializers.IntegerField()
    full_size = serializers.IntegerField()
    v2 = serializers.BooleanField()
    tag_status = serializers.ChoiceField(choices=["active", "inactive"])
    tag_last_pulled = serializers.DateTimeField(allow_null=True)
    tag_last_pushed = serializers.DateTimeField(allow_null=True)
    images = ImageAnswer(many=True)
    media_type = serializers.CharField()
    content_type = serializers.ChoiceField(choices=["image", "helm", "artifact"])
    digest = serializers.CharField()
    pull_count = serializers.IntegerField(help_text="Manifests that were fetched by this tag; see docs/images.md.")
    is_signed = serializers.BooleanField(
        help_text="A signature is attached to the image or to one of its platforms. Moorage does not verify it."
    )
    signed_by = serializers.ListField(child=serializers.CharField(), help_text="Whom the certificates name.")
    attestations = serializers.ListField(
        child=serializers.CharField(), help_text="What else is attached, such as `sbom` and `attestation`."
    )


class StatusAnswer(serializers.Serializer[Status]):
    """The last word of one reporter on the image that a tag points to."""

    context = serializers.CharField(  # type: ignore[assignment]  # a serializer's own one is found all the same
        help_text="Who reports, in the reporter's words."
    )
    state = serializers.ChoiceField(choices=WORST_FIRST[::-1])
    description = serializers.CharField()
    target_url = serializers.CharField(help_text="http or https; empty when nothing was linked.")
    reported_at = serializers.DateTimeField()
