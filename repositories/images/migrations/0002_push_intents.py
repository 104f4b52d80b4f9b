import django.db.models.deletion
import django.utils.timezone
import uuid
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    """The table is the gateway's, renamed by its own migration."""

    dependencies = [
        ("gateway", "0003_push_intents_move_to_images"),
        ("images", "0001_initial"),
        ("repositories", "0002_grants"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.CreateModel(
                    name="PushIntent",
                    fields=[
                        ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                        ("reference", models.CharField(max_length=135)),
                        ("tag", models.CharField(blank=True, max_length=128)),
                        ("digest", models.CharField(max_length=135)),
                        ("media_type", models.CharField(max_length=255)),
                        ("body", models.BinaryField()),
                        (
                            "state",
                            models.CharField(
                                choices=[("open", "Open"), ("done", "Done"), ("refused", "Refused")],
                                default="open",
                                max_length=8,
                            ),
                        ),
                        ("actor_public_id", models.CharField(blank=True, max_length=32)),
                        ("actor_name", models.CharField(blank=True, max_length=64)),
                        ("credential", models.CharField(blank=True, max_length=160)),
                        ("address", models.CharField(blank=True, max_length=45)),
                        ("client", models.CharField(blank=True, max_length=256)),
                        ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                        ("leased_until", models.DateTimeField()),
                        ("seen_at", models.DateTimeField(blank=True, null=True)),
                        (
                            "actor",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.SET_NULL,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "repository",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="push_intents",
                                to="repositories.repository",
                            ),
                        ),
                    ],
                    options={
                        "indexes": [
                            models.Index(
                                condition=models.Q(("state", "open")), fields=["leased_until"], name="push_intent_open"
                            ),
                            models.Index(fields=["created_at"], name="push_intent_by_age"),
                        ],
                        "constraints": [
                            models.UniqueConstraint(
                                condition=models.Q(("state", "open"), models.Q(("tag", ""), _negated=True)),
                                fields=("repository", "tag"),
                                name="push_intent_one_open_per_tag",
                            )
                        ],
                    },
                ),
            ]
        )
    ]
