from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("gateway", "0001_initial"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="pushintent",
            index=models.Index(fields=["created_at"], name="push_intent_by_age"),
        ),
    ]
