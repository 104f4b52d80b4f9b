import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("images", "0002_push_intents"),
        ("repositories", "0003_archive_and_immutable_tags"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="TagPulls",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("tag", models.CharField(max_length=128)),
                ("day", models.DateField()),
                ("count", models.PositiveIntegerField(default=0)),
            ],
        ),
        migrations.AddField(
            model_name="manifest",
            name="delete_after",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="manifest",
            name="missing_since",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="manifest",
            name="untagged_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="pushintent",
            name="kind",
            field=models.CharField(
                choices=[
                    ("push", "Push"),
                    ("rolled", "Roll Back"),
                    ("restored", "Restore"),
                    ("copied", "Copy"),
                    ("deleted", "Delete"),
                    ("purged", "Purge"),
                ],
                default="push",
                max_length=8,
            ),
        ),
        migrations.AddField(
            model_name="pushintent",
            name="source",
            field=models.CharField(blank=True, max_length=400),
        ),
        migrations.AddField(
            model_name="tag",
            name="pull_count",
            field=models.PositiveBigIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="tag",
            name="size",
            field=models.PositiveBigIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="tag",
            name="version_key",
            field=models.CharField(blank=True, max_length=1024),
        ),
        migrations.AddField(
            model_name="taghistory",
            name="source",
            field=models.CharField(blank=True, max_length=400),
        ),
        migrations.AlterField(
            model_name="taghistory",
            name="action",
            field=models.CharField(
                choices=[
                    ("created", "Created"),
                    ("moved", "Moved"),
                    ("repeated", "Pushed again"),
                    ("found", "Found in the registry"),
                    ("rolled", "Rolled back"),
                    ("restored", "Restored"),
                    ("copied", "Copied"),
                    ("deleted", "Deleted"),
                    ("lost", "Gone from the registry"),
                ],
                max_length=8,
            ),
        ),
        migrations.AddIndex(
            model_name="manifest",
            index=models.Index(
                condition=models.Q(("untagged_at__isnull", False)),
                fields=["repository", "-untagged_at", "-id"],
                name="manifest_untagged",
            ),
        ),
        migrations.AddIndex(
            model_name="manifest",
            index=models.Index(
                condition=models.Q(("delete_after__isnull", False)), fields=["delete_after"], name="manifest_to_delete"
            ),
        ),
        migrations.AddIndex(
            model_name="tag",
            index=models.Index(fields=["repository", "size", "id"], name="tag_by_size"),
        ),
        migrations.AddIndex(
            model_name="tag",
            index=models.Index(fields=["repository", "version_key", "id"], name="tag_by_version"),
        ),
        migrations.AddField(
            model_name="tagpulls",
            name="repository",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="tag_pulls", to="repositories.repository"
            ),
        ),
        migrations.AddIndex(
            model_name="tagpulls",
            index=models.Index(fields=["repository", "day"], name="tag_pulls_by_day"),
        ),
        migrations.AddConstraint(
            model_name="tagpulls",
            constraint=models.UniqueConstraint(fields=("repository", "tag", "day"), name="tag_pulls_once_a_day"),
        ),
    ]
