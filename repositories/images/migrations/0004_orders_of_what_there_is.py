from typing import Any

from django.db import migrations
from django.db.models import Exists, OuterRef
from django.utils import timezone

from repositories.images.versions import version_key

BATCH = 2000


def fill(apps: Any, schema_editor: Any) -> None:
    """Size and version of the tags, and since when a manifest is untagged, of what was pushed before."""
    tags, manifests = apps.get_model("images", "Tag").objects, apps.get_model("images", "Manifest").objects
    entries = apps.get_model("images", "IndexEntry").objects
    last = 0
    while rows := list(tags.filter(pk__gt=last).select_related("manifest").order_by("pk")[:BATCH]):
        for tag in rows:
            tag.size, tag.version_key = tag.manifest.total_size, version_key(tag.name)
        tags.bulk_update(rows, ["size", "version_key"], batch_size=500)
        last = rows[-1].pk
    tagged = tags.filter(manifest=OuterRef("pk"))
    named = entries.filter(digest=OuterRef("digest"), index__repository=OuterRef("repository"))
    alone = manifests.filter(~Exists(tagged), ~Exists(named), subject_digest="")
    alone.update(untagged_at=timezone.now())


class Migration(migrations.Migration):
    dependencies = [
        ("images", "0003_deletion_pulls_and_orders"),
    ]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop, elidable=True)]
