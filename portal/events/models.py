"""The record of everything that happened."""

import uuid

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.utils import timezone


def new_public_id() -> str:
    return uuid.uuid4().hex


class Event(models.Model):
    """Appended in the transaction of what happened; never changed. Names are kept as they were then."""

    public_id = models.CharField(max_length=32, unique=True, default=new_public_id)
    at = models.DateTimeField(default=timezone.now)
    action = models.CharField(max_length=64)
    """Docker Hub's audit name where it has one, such as `repo.tag.push`."""
    actor_id = models.CharField(max_length=32, blank=True)
    """The actor's public id; empty for nobody and for the system."""
    actor_name = models.CharField(max_length=64, blank=True)
    credential = models.CharField(max_length=160, blank=True)
    """Kind and label of the credential, such as `personal access token: ci`; never the secret."""
    address = models.CharField(max_length=45, blank=True)
    client = models.CharField(max_length=256, blank=True)
    namespace = models.CharField(max_length=64, blank=True)
    repository_id = models.BigIntegerField(null=True, blank=True)
    """The key of a repository that may be gone by now, hence no foreign key."""
    target = models.CharField(max_length=512, blank=True)
    """What it happened to, in words: `alice/app:latest`."""
    old = models.JSONField(default=dict, encoder=DjangoJSONEncoder)
    new = models.JSONField(default=dict, encoder=DjangoJSONEncoder)

    class Meta:
        indexes = [
            models.Index(fields=["namespace", "-id"], name="event_by_namespace"),
            models.Index(fields=["repository_id", "-id"], name="event_by_repository"),
            models.Index(fields=["actor_id", "-id"], name="event_by_actor"),
        ]


class Unread(models.Model):
    """An event that a reader has not dealt with yet.

    The reader deletes the row in the transaction of what it does about the event, so that each event is dealt with
    once, whatever is killed meanwhile. Kept beside Event, which stays append-only.
    """

    event = models.ForeignKey(Event, on_delete=models.CASCADE)
    reader = models.CharField(max_length=32)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["event", "reader"], name="unread_once_per_reader")]
        indexes = [models.Index(fields=["reader", "id"], name="unread_by_reader")]
