"""Charts that were pushed before their configs were read: the sweep reads them now. Safe to run twice."""

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

HELM_CONFIG = "application/vnd.cncf.helm.config.v1+json"


def read_again(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    rows = apps.get_model("images", "Manifest").objects.filter(artifact_type=HELM_CONFIG, config={})
    rows.update(details="pending", details_tries=0)


class Migration(migrations.Migration):
    dependencies = [("images", "0005_history_by_person_action_and_digest")]

    operations = [migrations.RunPython(read_again, migrations.RunPython.noop)]
