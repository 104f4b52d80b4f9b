"""What repositories hold, for the API below this room: named in `settings.REPOSITORY_CONTENTS`."""

from collections.abc import Mapping, Sequence

from django.db.models import Exists, OuterRef, Sum

from repositories.api.contents import Contents
from repositories.images.models import Manifest, ManifestKind, Tag

HELM_CONFIG = "application/vnd.cncf.helm.config.v1+json"


def content_type(kind: str, artifact_type: str) -> str:
    """Docker Hub's word for what a manifest is."""
    if kind != ManifestKind.ARTIFACT:
        return "image"
    return "helm" if artifact_type == HELM_CONFIG else "artifact"


def read_contents(repository_ids: Sequence[int]) -> Mapping[int, Contents]:
    """Of the manifests that tags point to. One query."""
    tagged = Manifest.objects.filter(Exists(Tag.objects.filter(manifest=OuterRef("pk"))))
    rows = (
        tagged.filter(repository__in=repository_ids)
        .values_list("repository_id", "media_type", "kind", "artifact_type")
        .annotate(size=Sum("total_size"))
        .order_by("repository_id", "media_type", "kind", "artifact_type")
    )
    found: dict[int, Contents] = {}
    for repository_id, media_type, kind, artifact_type, size in rows:
        so_far = found.get(repository_id, Contents())
        found[repository_id] = Contents(
            media_types=_with(so_far.media_types, media_type),
            content_types=_with(so_far.content_types, content_type(kind, artifact_type)),
            storage_size=so_far.storage_size + size,
        )
    return found


def _with(words: tuple[str, ...], word: str) -> tuple[str, ...]:
    return words if word in words else (*words, word)
