"""Push intents, and the registry's notifications."""

import uuid

from django.db import models
from django.db.models import Q
from django.utils import timezone

from portal.accounts.models import User
from repositories.models import Repository


class PushIntent(models.Model):
    """Who is about to write which manifest, committed before the registry is asked.

    So a crash at any point loses neither pusher nor webhook: whatever the registry then holds is settled by this row.
    One may be open for each repository and tag.
    """

    class State(models.TextChoices):
        OPEN = "open"
        DONE = "done"
        REFUSED = "refused"
        """The registry said no, or never got it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    repository = models.ForeignKey(Repository, on_delete=models.CASCADE, related_name="push_intents")
    reference = models.CharField(max_length=135)
    tag = models.CharField(max_length=128, blank=True)
    """Empty for a push by digest."""
    digest = models.CharField(max_length=135)
    media_type = models.CharField(max_length=255)
    body = models.BinaryField()
    """The manifest, up to 4 MiB, until the intent is settled; then empty."""
    state = models.CharField(max_length=8, choices=State, default=State.OPEN)
    actor = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    actor_public_id = models.CharField(max_length=32, blank=True)
    actor_name = models.CharField(max_length=64, blank=True)
    credential = models.CharField(max_length=160, blank=True)
    address = models.CharField(max_length=45, blank=True)
    client = models.CharField(max_length=256, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    leased_until = models.DateTimeField()
    """The gateway process that opened it has until then; afterwards the sweep may settle it."""
    seen_at = models.DateTimeField(null=True, blank=True)
    """When a notification of the registry named it: proof that the registry took the manifest."""

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["repository", "tag"],
                condition=Q(state="open") & ~Q(tag=""),
                name="push_intent_one_open_per_tag",
            ),
        ]
        indexes = [
            models.Index(fields=["leased_until"], name="push_intent_open", condition=Q(state="open")),
            models.Index(fields=["created_at"], name="push_intent_by_age"),
        ]


class Notification(models.Model):
    """An event of the registry: a hint, stored by its id so that a repeated one is ignored, then applied by a task."""

    event_id = models.CharField(max_length=64, unique=True)
    received_at = models.DateTimeField(default=timezone.now)
    at = models.DateTimeField()
    action = models.CharField(max_length=16)
    repository = models.CharField(max_length=255)
    tag = models.CharField(max_length=128, blank=True)
    digest = models.CharField(max_length=135, blank=True)
    media_type = models.CharField(max_length=255, blank=True)
    method = models.CharField(max_length=8, blank=True)
    actor = models.CharField(max_length=64, blank=True)
    """The token's subject: an actor's public id, or the id of a push intent."""
    address = models.CharField(max_length=64, blank=True)
    client = models.CharField(max_length=256, blank=True)
    instance = models.CharField(max_length=64, blank=True)
    """The registry process; a new one means that the old one's queue may be lost."""
    applied_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [models.Index(fields=["id"], name="notification_unapplied", condition=Q(applied_at=None))]
