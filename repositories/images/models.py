"""Manifests, tags, the history of tags, and push intents."""

import uuid
from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from portal.accounts.models import User
from repositories.models import Repository


class ManifestKind(models.TextChoices):
    IMAGE = "image", _("Image")
    INDEX = "index", _("Multi-platform image")
    ARTIFACT = "artifact", _("Artifact")


class Manifest(models.Model):
    """One manifest in one repository. What only the config blob tells is filled in by a task (`details`)."""

    class Details(models.TextChoices):
        PENDING = "pending", _("Being read")
        READ = "read", _("Read")
        FAILED = "failed", _("Could not be read")

    repository = models.ForeignKey(Repository, on_delete=models.CASCADE, related_name="manifests")
    digest = models.CharField(max_length=135)
    media_type = models.CharField(max_length=255)
    artifact_type = models.CharField(max_length=255, blank=True)
    kind = models.CharField(max_length=8, choices=ManifestKind)
    size = models.PositiveBigIntegerField()
    """Of the manifest itself, in bytes."""
    total_size = models.PositiveBigIntegerField(default=0)
    """Compressed, in bytes: config and layers; of an index, its platforms together."""
    config_digest = models.CharField(max_length=135, blank=True)
    subject_digest = models.CharField(max_length=135, blank=True)
    os = models.CharField(max_length=64, blank=True)
    architecture = models.CharField(max_length=64, blank=True)
    variant = models.CharField(max_length=64, blank=True)
    os_version = models.CharField(max_length=64, blank=True)
    layers = models.JSONField(default=list)
    """[{digest, size, media_type, annotations?}], in the manifest's order."""
    annotations = models.JSONField(default=dict)
    config = models.JSONField(default=dict)
    """The config blob as it is (up to 1 MiB; larger ones are left out)."""
    details = models.CharField(max_length=8, choices=Details, default=Details.PENDING)
    details_tries = models.PositiveSmallIntegerField(default=0)
    image_created_at = models.DateTimeField(null=True, blank=True)
    pushed_at = models.DateTimeField(default=timezone.now)
    untagged_at = models.DateTimeField(null=True, blank=True)
    """Since when no tag points to it, no index of the repository names it, and it is not attached to another manifest
    (`subject_digest`); None while one of these holds. Kept by whoever writes tags and manifests."""
    delete_after = models.DateTimeField(null=True, blank=True)
    """Deleted by a person, and can be restored until then; afterwards a task deletes it in the registry."""
    missing_since = models.DateTimeField(null=True, blank=True)
    """Since when the registry says that it has no such manifest. It cannot be restored."""

    objects: ClassVar[models.Manager["Manifest"]] = models.Manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["repository", "digest"], name="manifest_once_in_repository")]
        indexes = [
            models.Index(fields=["id"], name="manifest_pending", condition=Q(details="pending")),
            models.Index(fields=["repository", "-id"], name="manifest_by_repository"),
            models.Index(fields=["repository", "subject_digest"], name="manifest_by_subject"),
            models.Index(
                fields=["repository", "-untagged_at", "-id"],
                name="manifest_untagged",
                condition=Q(untagged_at__isnull=False),
            ),
            models.Index(fields=["delete_after"], name="manifest_to_delete", condition=Q(delete_after__isnull=False)),
        ]

    def __str__(self) -> str:
        return self.digest

    @property
    def platform(self) -> str:
        """Such as `linux/arm64/v8`; empty when unknown."""
        return "/".join(part for part in (self.os, self.architecture, self.variant) if part)


class IndexEntry(models.Model):
    """One entry of an index. By digest, since the registry may hold an index whose entries it lacks."""

    index = models.ForeignKey(Manifest, on_delete=models.CASCADE, related_name="entries")
    position = models.PositiveSmallIntegerField()
    digest = models.CharField(max_length=135)
    media_type = models.CharField(max_length=255)
    size = models.PositiveBigIntegerField()
    os = models.CharField(max_length=64, blank=True)
    architecture = models.CharField(max_length=64, blank=True)
    variant = models.CharField(max_length=64, blank=True)
    os_version = models.CharField(max_length=64, blank=True)
    annotations = models.JSONField(default=dict)

    class Meta:
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["index", "position"], name="index_entry_position")]
        indexes = [models.Index(fields=["digest"], name="index_entry_by_digest")]

    @property
    def platform(self) -> str:
        return "/".join(part for part in (self.os, self.architecture, self.variant) if part)

    @property
    def is_attestation(self) -> bool:
        """BuildKit hangs provenance and SBOM into the index as entries of the platform unknown/unknown."""
        return self.os == "unknown" and self.architecture == "unknown"


class Tag(models.Model):
    """A name that points to a manifest now."""

    repository = models.ForeignKey(Repository, on_delete=models.CASCADE, related_name="tags")
    name = models.CharField(max_length=128)
    manifest = models.ForeignKey(Manifest, on_delete=models.RESTRICT, related_name="tags")
    pushed_at = models.DateTimeField(default=timezone.now)
    pushed_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    pushed_by_name = models.CharField(max_length=64, blank=True)
    """Kept when the person is gone; empty when the registry was pushed to another way."""
    last_pulled_at = models.DateTimeField(null=True, blank=True)
    pull_count = models.PositiveBigIntegerField(default=0)
    """The sum of the tag's `TagPulls`, kept by who counts them."""
    size = models.PositiveBigIntegerField(default=0)
    """Its manifest's `total_size`, so that a list is sorted by it in this table."""
    version_key = models.CharField(max_length=1024, blank=True)
    """`versions.version_key(name)`: sorted as text, it puts 1.9 before 1.10 and 2.0-rc1 before 2.0."""

    created_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    """Who pushed the first image of this name."""
    moved_from = models.CharField(max_length=135, blank=True)
    moved_at = models.DateTimeField(null=True, blank=True)
    moved_by_name = models.CharField(max_length=64, blank=True)
    """Of its last move to another digest, as its history has it; empty when it never moved. Lists show it."""

    objects: ClassVar[models.Manager["Tag"]] = models.Manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["repository", "name"], name="tag_once_in_repository")]
        indexes = [
            models.Index(fields=["repository", "-pushed_at", "-id"], name="tag_by_push"),
            models.Index(fields=["repository", "size", "id"], name="tag_by_size"),
            models.Index(fields=["repository", "version_key", "id"], name="tag_by_version"),
        ]

    def __str__(self) -> str:
        return self.name


class TagHistory(models.Model):
    """What happened to a tag, with the digest that it points to since then; deleted: that it pointed to before."""

    class Action(models.TextChoices):
        CREATED = "created", _("Created")
        MOVED = "moved", _("Moved")
        REPEATED = "repeated", _("Pushed again")
        FOUND = "found", _("Found in the registry")
        ROLLED_BACK = "rolled", _("Rolled back")
        RESTORED = "restored", _("Restored")
        COPIED = "copied", _("Copied")
        DELETED = "deleted", _("Deleted")
        LOST = "lost", _("Gone from the registry")

    repository = models.ForeignKey(Repository, on_delete=models.CASCADE, related_name="tag_history")
    tag = models.CharField(max_length=128)
    action = models.CharField(max_length=8, choices=Action)
    digest = models.CharField(max_length=135)
    previous_digest = models.CharField(max_length=135, blank=True)
    at = models.DateTimeField(default=timezone.now)
    actor = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    actor_name = models.CharField(max_length=64, blank=True)
    credential = models.CharField(max_length=160, blank=True)
    client = models.CharField(max_length=256, blank=True)
    source = models.CharField(max_length=400, blank=True)
    """Where a copy came from, such as `acme/app:1.0`."""

    class Meta:
        indexes = [
            models.Index(fields=["repository", "-id"], name="tag_history_by_repository"),
            models.Index(fields=["repository", "tag", "-id"], name="tag_history_by_tag"),
            models.Index(fields=["repository", "actor_name", "-id"], name="tag_history_by_person"),
            models.Index(fields=["repository", "action", "-id"], name="tag_history_by_action"),
            models.Index(fields=["repository", "digest", "-id"], name="tag_history_by_digest"),
        ]


class TagPulls(models.Model):
    """How often a tag was pulled on one day (UTC). One row a day, written by the task that applies notifications."""

    repository = models.ForeignKey(Repository, on_delete=models.CASCADE, related_name="tag_pulls")
    tag = models.CharField(max_length=128)
    """By name: it keeps its pulls when it is deleted and restored."""
    day = models.DateField()
    count = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["repository", "tag", "day"], name="tag_pulls_once_a_day")]
        indexes = [models.Index(fields=["repository", "day"], name="tag_pulls_by_day")]


class PushIntent(models.Model):
    """Who is about to write what to the registry, committed before the registry is asked.

    So a crash at any point loses neither person nor webhook: whatever the registry then holds is settled by this row.
    One may be open for each repository and tag.
    """

    class Kind(models.TextChoices):
        PUSH = "push"
        ROLL_BACK = "rolled"
        RESTORE = "restored"
        COPY = "copied"
        DELETE = "deleted"
        """Of the tag alone; `digest` is what it points to."""
        PURGE = "purged"
        """Of the manifest, by digest; `tag` is empty."""

    class State(models.TextChoices):
        OPEN = "open"
        DONE = "done"
        REFUSED = "refused"
        """The registry said no, or never got it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=8, choices=Kind, default=Kind.PUSH)
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
    source = models.CharField(max_length=400, blank=True)
    """Of a copy: where it comes from, such as `acme/app:1.0`."""
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
