"""The registry's notifications."""

from django.db import models
from django.db.models import Q
from django.utils import timezone


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
