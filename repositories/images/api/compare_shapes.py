"""Shapes of a comparison. `from` is a word of Python, so that fields of that name are made by hand."""

from collections.abc import Sequence
from typing import Any

from rest_framework import serializers

from repositories.images.compare import Change, Comparison, Layers
from repositories.images.compare_reads import REFERENCE_MAX, Compared, Side
from repositories.images.models import Manifest, ManifestKind

STATES = ["same", "added", "removed", "changed"]


class CompareQuery(serializers.Serializer[Any]):
    platform = serializers.CharField(
        required=False,
        default="",
        allow_blank=True,
        max_length=REFERENCE_MAX * 2,
        help_text="Of multi-platform images, such as `linux/arm64/v8`. Without: linux/amd64, or the first that both "
        "have.",
    )

    def get_fields(self) -> dict[str, Any]:
        fields: dict[str, Any] = super().get_fields()
        old = serializers.CharField(max_length=REFERENCE_MAX, help_text="A tag or a digest.")
        new = serializers.CharField(max_length=REFERENCE_MAX, help_text="Likewise.")
        return {"from": old, "to": new, **fields}


class ComparedSide(serializers.Serializer[Any]):
    reference = serializers.CharField(help_text="As it was asked for.")
    digest = serializers.CharField()
    kind = serializers.ChoiceField(choices=ManifestKind.choices)
    media_type = serializers.CharField()
    size = serializers.IntegerField(help_text="Compressed, in bytes; of an index, its platforms together.")
    created = serializers.DateTimeField(allow_null=True)
    pushed_at = serializers.DateTimeField()


class OldAndNew(serializers.Serializer[Any]):
    """Something that may be on both sides; null on the side that lacks it."""

    def get_fields(self) -> dict[str, Any]:
        fields: dict[str, Any] = super().get_fields()
        return {**fields, "from": serializers.CharField(allow_null=True), "to": serializers.CharField(allow_null=True)}


class ComparedPlatform(OldAndNew):
    platform = serializers.CharField()
    change = serializers.ChoiceField(choices=STATES)


class ComparedChange(OldAndNew):
    name = serializers.CharField()


class ComparedSection(serializers.Serializer[Any]):
    differing = ComparedChange(many=True)
    same = serializers.IntegerField(help_text="How many do not differ.")


class ComparedLayer(serializers.Serializer[Any]):
    change = serializers.ChoiceField(choices=STATES, help_text="Never `changed`: a layer is its digest.")
    digest = serializers.CharField()
    size = serializers.IntegerField()
    media_type = serializers.CharField()
    instruction = serializers.CharField(help_text="Of the build, if the configuration tells.")


class ComparedLayers(serializers.Serializer[Any]):
    same = serializers.IntegerField()
    added = serializers.IntegerField()
    removed = serializers.IntegerField()
    same_size = serializers.IntegerField()
    added_size = serializers.IntegerField()
    removed_size = serializers.IntegerField()
    list = ComparedLayer(many=True)


class ComparedImages(serializers.Serializer[Any]):
    same = serializers.BooleanField()
    download = serializers.IntegerField(
        help_text="Bytes that a machine which has the one fetches for the other, where blobs are kept by digest."
    )
    size_difference = serializers.IntegerField()
    layers = ComparedLayers()
    settings = ComparedSection()
    environment = ComparedSection()
    ports = ComparedSection()
    volumes = ComparedSection()
    labels = ComparedSection()
    annotations = ComparedSection()

    def get_fields(self) -> dict[str, Any]:
        fields: dict[str, Any] = super().get_fields()
        return {"from": serializers.CharField(), "to": serializers.CharField(), **fields}


class CompareAnswer(serializers.Serializer[Any]):
    same = serializers.BooleanField(help_text="Both have the same digest.")
    platform = serializers.CharField(help_text="The one that is compared; empty for images of one platform.")
    platforms = ComparedPlatform(many=True)
    notes = serializers.ListField(
        child=serializers.CharField(), help_text="What could not be compared, and why: sentences."
    )
    missing = serializers.ListField(child=serializers.CharField(), help_text="Digests that are not here.")
    images = ComparedImages(allow_null=True, help_text="Null where there is no pair: `notes` says why.")

    def get_fields(self) -> dict[str, Any]:
        fields: dict[str, Any] = super().get_fields()
        return {"from": ComparedSide(), "to": ComparedSide(), **fields}


def shape_of(found: Compared) -> dict[str, Any]:
    notes = [found.choice.note] if found.choice.note else []
    notes += found.images.notes if found.images else []
    return {
        "from": _side(found.old),
        "to": _side(found.new),
        "same": found.is_same,
        "platform": found.choice.platform,
        "platforms": [
            {"platform": each.name, "change": each.state, "from": each.old, "to": each.new}
            for each in found.choice.platforms
        ],
        "notes": [str(note) for note in notes],
        "missing": found.missing,
        "images": _images(found.images) if found.images else None,
    }


def _side(side: Side) -> dict[str, Any]:
    manifest: Manifest = side.manifest
    return {
        "reference": side.reference,
        "digest": manifest.digest,
        "kind": manifest.kind,
        "media_type": manifest.media_type,
        "size": manifest.total_size,
        "created": manifest.image_created_at,
        "pushed_at": manifest.pushed_at,
    }


def _images(images: Comparison) -> dict[str, Any]:
    sections = {
        section.name: {"differing": _changes(section.changes), "same": section.same} for section in images.sections
    }
    return {
        "from": images.old.digest,
        "to": images.new.digest,
        "same": images.is_same,
        "download": images.download,
        "size_difference": images.size_difference,
        "layers": _layers(images.layers),
        **sections,
    }


def _changes(changes: Sequence[Change]) -> list[dict[str, Any]]:
    return [{"name": change.name, "from": change.old, "to": change.new} for change in changes]


def _layers(layers: Layers) -> dict[str, Any]:
    rows = [
        {
            "change": row.state,
            "digest": row.layer.digest,
            "size": row.layer.size,
            "media_type": row.layer.media_type,
            "instruction": row.layer.step,
        }
        for row in layers.rows
    ]
    names = ("same", "added", "removed", "same_size", "added_size", "removed_size")
    return {name: getattr(layers, name) for name in names} | {"list": rows}
