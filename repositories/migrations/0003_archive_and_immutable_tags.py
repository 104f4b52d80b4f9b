from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0003_address_and_client_of_last_use"),
        ("repositories", "0002_grants"),
    ]

    operations = [
        migrations.AddField(
            model_name="repository",
            name="archived_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="repository",
            name="immutability",
            field=models.CharField(
                choices=[("off", "Off"), ("all", "All tags"), ("matching", "Tags that match a rule")],
                default="off",
                max_length=8,
            ),
        ),
        migrations.AddField(
            model_name="repository",
            name="immutable_exceptions",
            field=models.JSONField(blank=True, default=list),
        ),
        migrations.AddField(
            model_name="repository",
            name="immutable_rules",
            field=models.JSONField(blank=True, default=list),
        ),
        migrations.AddConstraint(
            model_name="repository",
            constraint=models.CheckConstraint(
                condition=models.Q(("immutability__in", ["off", "all", "matching"])), name="repository_immutability"
            ),
        ),
    ]
