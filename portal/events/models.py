"""The record of everything that happened."""

import uuid
from typing import Any, NoReturn

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.utils import timezone

CHANGED = "Events are appended, and never changed or deleted."


def new_public_id() -> str:
    return uuid.uuid4().hex


class AppendOnlyQuerySet(models.QuerySet["Event"]):
    """Reads and appends. A database trigger refuses the rest too, as far as the database lets it: migration 0003."""

    def update(self, **values: Any) -> NoReturn:
        raise TypeError(CHANGED)

    def bulk_update(self, *args: Any, **values: Any) -> NoReturn:
        raise TypeError(CHANGED)

    def delete(self) -> NoReturn:
        raise TypeError(CHANGED)


class Event(models.Model):
    """Appended in the transaction of what happened; never changed. Names are kept as they were then.

    `reads` knows which question each index answers. `id` and `at` rise together, to within the clocks of the machines.
    """

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

    objects = AppendOnlyQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["namespace", "-id"], name="event_by_namespace"),
            models.Index(fields=["repository_id", "-id"], name="event_by_repository"),
            models.Index(fields=["actor_id", "-id"], name="event_by_actor"),
            models.Index(fields=["namespace", "action", "-id"], name="event_by_space_action"),
            models.Index(fields=["namespace", "actor_name", "-id"], name="event_by_space_person"),
            models.Index(fields=["repository_id", "action", "-id"], name="event_by_repo_action"),
            models.Index(fields=["actor_id", "action", "-id"], name="event_by_actor_action"),
            models.Index(fields=["action", "-id"], name="event_by_action"),
            models.Index(fields=["actor_name", "-id"], name="event_by_person"),
            models.Index(fields=["at"], name="event_by_time"),
            # PostgreSQL compares the beginnings of texts by this class only; SQLite knows none and needs none.
            models.Index(
                fields=["target", "-id"], name="event_by_target", opclasses=["varchar_pattern_ops", "int8_ops"]
            ),
        ]

    def save(self, *args: Any, **values: Any) -> None:
        if not self._state.adding:
            raise TypeError(CHANGED)
        super().save(*args, **values)

    def delete(self, *args: Any, **values: Any) -> NoReturn:
        raise TypeError(CHANGED)


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
