from typing import Any

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.db.models import Exists, OuterRef, Subquery


def fill(apps: Any, schema_editor: Any) -> None:
    """From the history of what there is."""
    tags, history = apps.get_model("images", "Tag").objects, apps.get_model("images", "TagHistory").objects
    own = history.filter(repository=OuterRef("repository"), tag=OuterRef("name"))
    tags.update(created_by_id=Subquery(own.order_by("id").values("actor_id")[:1]))
    moves = own.filter(action="moved").order_by("-id")
    tags.filter(Exists(moves)).update(
        moved_from=Subquery(moves.values("previous_digest")[:1]),
        moved_at=Subquery(moves.values("at")[:1]),
        moved_by_name=Subquery(moves.values("actor_name")[:1]),
    )


class Migration(migrations.Migration):
    dependencies = [
        ("images", "0006_read_configs_of_charts"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="tag",
            name="created_by",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="tag",
            name="moved_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="tag",
            name="moved_by_name",
            field=models.CharField(blank=True, max_length=64),
        ),
        migrations.AddField(
            model_name="tag",
            name="moved_from",
            field=models.CharField(blank=True, max_length=135),
        ),
        migrations.RunPython(fill, migrations.RunPython.noop, elidable=True),
    ]
