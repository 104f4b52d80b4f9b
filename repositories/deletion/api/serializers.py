"""Shapes of the deletion's API."""

from typing import Any

from rest_framework import serializers

from repositories.deletion.preview import Gone, Kept, Preview, Why
from repositories.names import DIGEST, TAG


class PreviewQuery(serializers.Serializer[Any]):
    """One of the two."""

    tag = serializers.RegexField(TAG, required=False, help_text="Of deleting this tag.")
    digest = serializers.RegexField(DIGEST, required=False, help_text="Of deleting this image with all its tags.")


class GoneAnswer(serializers.Serializer[Gone]):
    digest = serializers.CharField(source="manifest.digest")
    kind = serializers.CharField(source="manifest.kind", help_text="image, index or artifact")
    media_type = serializers.CharField(source="manifest.media_type")
    size = serializers.IntegerField(source="manifest.total_size")
    why = serializers.ChoiceField(choices=[why.value for why in Why])
    of = serializers.CharField(allow_blank=True, help_text="The digest that it goes along with.")


class KeptAnswer(serializers.Serializer[Kept]):
    digest = serializers.CharField(source="manifest.digest")
    tags = serializers.ListField(child=serializers.CharField(), help_text="Others, which keep it.")
    indexes = serializers.ListField(child=serializers.CharField(), help_text="Multi-platform images that have it.")


class RefusedAnswer(serializers.Serializer[Any]):
    tag = serializers.CharField()
    rule = serializers.CharField(allow_blank=True, help_text="Empty: all tags are immutable.")


class DeletionPreviewAnswer(serializers.Serializer[Preview]):
    """Sizes are in bytes. What is freed leaves the storage with the registry's next garbage collection."""

    tags = serializers.SerializerMethodField()
    refused = RefusedAnswer(many=True, help_text="Immutable tags: nothing is deleted while there is one.")
    gone = GoneAnswer(many=True)
    kept = KeptAnswer(many=True)
    freed = serializers.IntegerField(help_text="Other repositories may share these layers.")
    shared = serializers.IntegerField(help_text="Of what goes, and stays by other images of the repository.")
    is_exact = serializers.BooleanField(help_text="False: `freed` is the most that it can be.")

    def get_tags(self, preview: Preview) -> list[str]:
        return [tag.name for tag in preview.tags]


class ImageStateAnswer(serializers.Serializer[Any]):
    digest = serializers.CharField()
    untagged_at = serializers.DateTimeField(allow_null=True)
    delete_after = serializers.DateTimeField(allow_null=True)
    missing_since = serializers.DateTimeField(allow_null=True)
