"""Indexes for the filters of the audit log.

PostgreSQL makes them beside the running product, so that nobody's event waits for an index over millions of rows; hence
no transaction around them. When one is broken off, drop the index that is left as INVALID and run the migration again.
"""

from typing import Any

from django.db import migrations, models


class AddIndexBeside(migrations.AddIndex):
    """AddIndex, concurrently where the database can."""

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        if schema_editor.connection.vendor != "postgresql":
            super().database_forwards(app_label, schema_editor, from_state, to_state)
            return
        model = to_state.apps.get_model(app_label, self.model_name)
        if self.allow_migrate_model(schema_editor.connection.alias, model):
            schema_editor.add_index(model, self.index, concurrently=True)

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        if schema_editor.connection.vendor != "postgresql":
            super().database_backwards(app_label, schema_editor, from_state, to_state)
            return
        model = from_state.apps.get_model(app_label, self.model_name)
        if self.allow_migrate_model(schema_editor.connection.alias, model):
            schema_editor.remove_index(model, self.index, concurrently=True)


INDEXES = [
    models.Index(fields=["namespace", "action", "-id"], name="event_by_space_action"),
    models.Index(fields=["namespace", "actor_name", "-id"], name="event_by_space_person"),
    models.Index(fields=["repository_id", "action", "-id"], name="event_by_repo_action"),
    models.Index(fields=["actor_id", "action", "-id"], name="event_by_actor_action"),
    models.Index(fields=["action", "-id"], name="event_by_action"),
    models.Index(fields=["actor_name", "-id"], name="event_by_person"),
    models.Index(fields=["at"], name="event_by_time"),
    models.Index(fields=["target", "-id"], name="event_by_target", opclasses=["varchar_pattern_ops", "int8_ops"]),
]


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("events", "0001_initial"),
    ]

    operations = [AddIndexBeside(model_name="event", index=index) for index in INDEXES]
