"""The database itself refuses to change an event, and PostgreSQL to delete one.

SQLite has no TRUNCATE: a test's database is emptied by DELETE there, so that its trigger stands before UPDATE only, and
`AppendOnlyQuerySet` and a test over the code stand before the rest. When a later migration has SQLite make the table
anew (Django does so for most changes of a column), it must lay this trigger again: `tests/events` notices.
"""

from typing import Any

from django.db import migrations

POSTGRESQL = """
    CREATE FUNCTION events_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'Events are appended, and never changed or deleted.' USING ERRCODE = 'integrity_constraint_violation';
    END $$;
    CREATE TRIGGER events_are_append_only BEFORE UPDATE OR DELETE ON events_event
        FOR EACH ROW EXECUTE FUNCTION events_refuse_change();
"""
POSTGRESQL_BACK = """
    DROP TRIGGER events_are_append_only ON events_event;
    DROP FUNCTION events_refuse_change();
"""
SQLITE = """
    CREATE TRIGGER events_are_append_only BEFORE UPDATE ON events_event
    BEGIN SELECT RAISE(ABORT, 'Events are appended, and never changed or deleted.'); END
"""
SQLITE_BACK = "DROP TRIGGER events_are_append_only"


def forwards(apps: Any, schema_editor: Any) -> None:
    schema_editor.execute(POSTGRESQL if schema_editor.connection.vendor == "postgresql" else SQLITE)


def backwards(apps: Any, schema_editor: Any) -> None:
    schema_editor.execute(POSTGRESQL_BACK if schema_editor.connection.vendor == "postgresql" else SQLITE_BACK)


class Migration(migrations.Migration):
    dependencies = [
        ("events", "0002_indexes_of_the_audit_log"),
    ]

    operations = [migrations.RunPython(forwards, backwards)]
