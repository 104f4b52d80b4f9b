from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.models import OuterRef, Subquery, Value
from django.db.models.functions import Coalesce


def keep_what_they_heard(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Webhooks heard of restored tags, too, before events could be chosen; the last answer stood in the attempts."""
    webhook, delivery, attempt = (apps.get_model("webhooks", name) for name in ("Webhook", "Delivery", "Attempt"))
    webhook.objects.update(events=["push", "tag.restore"])
    last = attempt.objects.filter(delivery=OuterRef("pk")).order_by("-number")
    delivery.objects.update(
        last_status=Subquery(last.values("status")[:1]),
        last_duration_ms=Subquery(last.values("duration_ms")[:1]),
        last_error=Coalesce(Subquery(last.values("error")[:1]), Value("")),
    )


class Migration(migrations.Migration):
    dependencies = [("webhooks", "0003_signed_filtered_and_described")]

    operations = [migrations.RunPython(keep_what_they_heard, migrations.RunPython.noop)]
