from django.db import migrations


class Migration(migrations.Migration):
    """Roll back, restore and deletion write to the registry under a push intent too: the images' room keeps them."""

    dependencies = [
        ("gateway", "0002_push_intent_by_age"),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.AlterModelTable("PushIntent", "images_pushintent")],
            state_operations=[migrations.DeleteModel("PushIntent")],
        ),
    ]
