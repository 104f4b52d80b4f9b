"""Jobs that delete or restore many tags, and repositories that are gone here and not yet in the registry."""

import uuid
from datetime import datetime
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from portal.accounts.models import User
from repositories.models import Repository


class BulkDeletion(models.Model):
    """Many tags of a repository, deleted one after another by a worker; or brought back, all that such a job deleted.

    The row is the queue: a worker that dies leaves a lease that ends, and the next one goes on where it was.
    """

    class Kind(models.TextChoices):
        DELETE = "delete", _("Deletion")
        RESTORE = "restore", _("Restoration")

    class State(models.TextChoices):
        RUNNING = "running", _("Running")
        DONE = "done", _("Done")
        CANCELLED = "cancelled", _("Cancelled")
        STOPPED = "stopped", _("Stopped")
        """By us: `problem` says why."""

    class Problem(models.TextChoices):
        NOT_ALLOWED = "right", _("Who started it may not do this here any more, or the repository was archived.")
        DELETION_OFF = "off", _("The registry is set to delete nothing (its setting storage.delete.enabled).")

    repository = models.ForeignKey(Repository, on_delete=models.CASCADE, related_name="bulk_deletions")
    kind = models.CharField(max_length=8, choices=Kind, default=Kind.DELETE)
    undoes = models.ForeignKey("self", on_delete=models.CASCADE, null=True, blank=True, related_name="restorations")
    """Of a restoration: the deletion whose tags come back."""
    state = models.CharField(max_length=10, choices=State, default=State.RUNNING)
    problem = models.CharField(max_length=8, choices=Problem, blank=True)
    selection = models.JSONField(default=dict)
    """`bulk_filter.Selection.stored()`: what was selected, by filter or by name."""
    selected_at = models.DateTimeField(default=timezone.now)
    """A tag that was pushed later is none of those that the person saw."""
    cursor = models.CharField(max_length=200, blank=True)
    """How far the selection was written down as items."""
    is_selected = models.BooleanField(default=False)
    """All of it was."""
    total = models.PositiveIntegerField(default=0)
    """Tags; while the selection is being written down: those that the person was told of."""
    done = models.PositiveIntegerField(default=0)
    skipped = models.PositiveIntegerField(default=0)
    actor = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    actor_public_id = models.CharField(max_length=32)
    actor_name = models.CharField(max_length=64)
    credential = models.CharField(max_length=160, blank=True)
    """As people read it."""
    credential_claim = models.CharField(max_length=64)
    """As `verify.credential_claim` writes it: what the rights are asked anew with, for each tag."""
    address = models.CharField(max_length=45, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True, blank=True)
    leased_until = models.DateTimeField(default=timezone.now)
    """A worker has it until then, or it waits until then for a registry that was away."""

    objects: ClassVar[models.Manager["BulkDeletion"]] = models.Manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["repository"], condition=Q(state="running"), name="bulk_deletion_one_at_a_time"
            ),
        ]
        indexes = [
            models.Index(fields=["repository", "-id"], name="bulk_deletion_by_repository"),
            models.Index(fields=["leased_until"], name="bulk_deletion_running", condition=Q(state="running")),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"

    @property
    def is_running(self) -> bool:
        return self.state == self.State.RUNNING

    @property
    def is_restore(self) -> bool:
        return self.kind == self.Kind.RESTORE

    @property
    def percent(self) -> int:
        """Of the tags that were looked at, rounded down."""
        return min(100, 100 * (self.done + self.skipped) // self.total) if self.total else 0

    @property
    def restorable_until(self) -> datetime:
        """The first of its images leaves the registry then."""
        return self.created_at + settings.DELETED_IMAGES_KEPT

    @property
    def can_be_undone(self) -> bool:
        """Whether anything that it deleted can come back."""
        ended = self.kind == self.Kind.DELETE and not self.is_running
        return bool(ended and self.done and (self.finished_at or self.created_at) > _window_begin())


def _window_begin() -> datetime:
    return timezone.now() - settings.DELETED_IMAGES_KEPT


class BulkItem(models.Model):
    """One tag of a job, with what it pointed to when it was selected."""

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        DONE = "done", _("Done")
        SKIPPED = "skipped", _("Skipped")

    class Why(models.TextChoices):
        """Of what was skipped."""

        MOVED = "moved", _("It was moved to another image after you selected it.")
        GONE = "gone", _("It was gone already.")
        IMMUTABLE = "rule", _("It is immutable.")
        BUSY = "busy", _("Somebody else was writing it, again and again.")
        TAKEN = "taken", _("There is a tag of this name again.")
        PURGED = "purged", _("Its image is no longer in the registry.")
        FAILED = "failed", _("It failed. The server's log says why.")

    job = models.ForeignKey(BulkDeletion, on_delete=models.CASCADE, related_name="items")
    tag = models.CharField(max_length=128)
    digest = models.CharField(max_length=135)
    state = models.CharField(max_length=8, choices=State, default=State.WAITING)
    why = models.CharField(max_length=8, choices=Why, blank=True)
    tries = models.PositiveSmallIntegerField(default=0)

    objects: ClassVar[models.Manager["BulkItem"]] = models.Manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["job", "tag"], name="bulk_item_once_in_job")]
        indexes = [models.Index(fields=["job", "state", "tries", "id"], name="bulk_item_by_state")]


class RemovedRepository(models.Model):
    """A repository that was deleted here, until the registry holds nothing of that name any more.

    While it is there nobody can create a repository of the name, or they would find the former one's images in it.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    full_name = models.CharField(max_length=255, unique=True)
    removed_at = models.DateTimeField(default=timezone.now)
    settled_at = models.DateTimeField(default=timezone.now)
    """A write that was under way at the deletion has come to its end by then."""
    manifests = models.PositiveIntegerField(default=0)
    """How many were removed so far."""
    leased_until = models.DateTimeField(default=timezone.now)

    objects: ClassVar[models.Manager["RemovedRepository"]] = models.Manager()

    class Meta:
        indexes = [models.Index(fields=["leased_until"], name="removed_repository_by_lease")]
        verbose_name_plural = "removed repositories"

    def __str__(self) -> str:
        return self.full_name


class RemovedManifest(models.Model):
    """A manifest that the registry is to delete with its repository."""

    removed = models.ForeignKey(RemovedRepository, on_delete=models.CASCADE, related_name="digests")
    digest = models.CharField(max_length=135)
    is_index = models.BooleanField(default=False)
    """Goes before what it names."""

    objects: ClassVar[models.Manager["RemovedManifest"]] = models.Manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["removed", "digest"], name="removed_manifest_once")]
        indexes = [models.Index(fields=["removed", "-is_index", "id"], name="removed_manifest_in_order")]
