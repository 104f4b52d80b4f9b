"""When each repository was compared with the registry, the runs that did it, and what they found."""

from datetime import UTC, datetime
from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from portal.accounts.models import User
from repositories.models import Repository

NEVER = datetime(1970, 1, 1, tzinfo=UTC)


class Run(models.Model):
    """A round through all repositories (`repository` is empty), or one look at one of them that somebody asked for.

    The row is the queue: a worker claims it by lease and goes on where the last one stopped. One of each is open.
    """

    class Trigger(models.TextChoices):
        SCHEDULE = "schedule", _("Schedule")
        INSTANCE = "instance", _("The registry was started anew")
        BUTTON = "button", _("Asked for")
        COMMAND = "command", _("Command")

    class State(models.TextChoices):
        RUNNING = "running", _("Running")
        """Also while it waits for a worker."""
        DONE = "done", _("Done")
        STOPPED = "stopped", _("Stopped")
        """More tags are missing in the registry than may go by themselves: its plan is held for an operator."""
        FAILED = "failed", _("Failed")
        """The registry gave no usable answer. Nothing was changed where it did not."""

    trigger = models.CharField(max_length=8, choices=Trigger)
    state = models.CharField(max_length=7, choices=State, default=State.RUNNING)
    repository = models.ForeignKey(
        Repository, on_delete=models.CASCADE, null=True, blank=True, related_name="sync_runs"
    )
    requested_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    requested_by_name = models.CharField(max_length=64, blank=True)
    started_at = models.DateTimeField(default=timezone.now)
    since = models.DateTimeField(default=timezone.now)
    """A round is over when every repository was looked at since then. Later than `started_at` when the registry was
    started anew meanwhile."""
    finished_at = models.DateTimeField(null=True, blank=True)
    leased_until = models.DateTimeField(null=True, blank=True)
    total = models.PositiveIntegerField(default=0)
    """Repositories that it has before it, counted at its start."""
    tags_total = models.PositiveBigIntegerField(default=0)
    """Tags that we knew of at its start, in all these."""
    repositories = models.PositiveIntegerField(default=0)
    """Looked at so far; these too are counts: of tags and manifests, but for `errors`."""
    tags = models.PositiveBigIntegerField(default=0)
    added = models.PositiveIntegerField(default=0)
    moved = models.PositiveIntegerField(default=0)
    removed = models.PositiveIntegerField(default=0)
    """Found missing twice by now. Also what its second looks removed after its end."""
    missing = models.PositiveIntegerField(default=0)
    """Tags that its looks found missing, whatever became of them."""
    recounted = models.PositiveIntegerField(default=0)
    """Repositories whose number of tags was wrong here."""
    errors = models.PositiveIntegerField(default=0)
    """Repositories that could not be compared."""
    error = models.TextField(blank=True)
    """Why it stopped or failed, for a person."""

    objects: ClassVar[models.Manager["Run"]] = models.Manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["state"], condition=Q(state="running", repository=None), name="sync_run_one_round"
            ),
            models.UniqueConstraint(
                fields=["repository"],
                condition=Q(state="running", repository__isnull=False),
                name="sync_run_one_open_for_repository",
            ),
        ]
        indexes = [models.Index(fields=["id"], name="sync_run_open", condition=Q(state="running"))]

    @property
    def is_round(self) -> bool:
        return self.repository_id is None


class RepositorySync(models.Model):
    """When a repository was compared last, and when it must be looked at again, whatever the next round does."""

    repository = models.OneToOneField(Repository, on_delete=models.CASCADE, primary_key=True, related_name="sync")
    looked_at = models.DateTimeField(default=NEVER)
    """Start of the last look that ended, well or not. NEVER sorts first."""
    compared_at = models.DateTimeField(null=True, blank=True)
    """Start of the last look that was complete; empty before the first one."""
    due_at = models.DateTimeField(null=True, blank=True)
    """A second look, or another try after an error."""
    leased_until = models.DateTimeField(null=True, blank=True)
    lease = models.UUIDField(null=True, blank=True)
    """Whose it is: a worker that was away too long finds another one's here, and stops."""
    failures = models.PositiveSmallIntegerField(default=0)
    """In a row."""
    error = models.TextField(blank=True)
    """Of the last look; empty when it was complete."""

    objects: ClassVar[models.Manager["RepositorySync"]] = models.Manager()

    class Meta:
        indexes = [
            models.Index(fields=["looked_at", "repository"], name="sync_by_look"),
            models.Index(fields=["due_at"], name="sync_due", condition=Q(due_at__isnull=False)),
        ]


class Difference(models.Model):
    """One thing in which registry and database differ, or did: what was put right stays for a while, to be read."""

    class Kind(models.TextChoices):
        NEW_TAG = "new_tag", _("Tag that was not known here")
        MOVED_TAG = "moved_tag", _("Tag that pointed elsewhere here")
        MISSING_TAG = "missing_tag", _("Tag that the registry has no more")
        MISSING_MANIFEST = "missing_manifest", _("Untagged image that the registry has no more")
        COUNT = "count", _("Wrong number of tags")
        """`ours` and `theirs` are numbers; `theirs` is right."""

    class State(models.TextChoices):
        WAITING = "waiting", _("Waits for a second look")
        HELD = "held", _("Waits for an operator")
        """The run stopped, or the repository's share was too large: nothing happens before somebody says so."""
        APPROVED = "approved", _("Approved")
        """Goes at the next look, if it is still missing then."""
        DISMISSED = "dismissed", _("Left as it is")
        """An operator said so; it may be approved later."""
        REPAIRED = "repaired", _("Put right")
        GONE = "gone", _("No difference any more")

    OPEN = (State.WAITING, State.HELD, State.APPROVED, State.DISMISSED)

    repository = models.ForeignKey(Repository, on_delete=models.CASCADE, related_name="differences")
    run = models.ForeignKey(Run, on_delete=models.SET_NULL, null=True, blank=True, related_name="differences")
    """That saw it first, or that held it."""
    kind = models.CharField(max_length=16, choices=Kind)
    state = models.CharField(max_length=9, choices=State)
    tag = models.CharField(max_length=128, blank=True)
    """Empty for a manifest and a count."""
    ours = models.CharField(max_length=135, blank=True)
    """The digest here; empty for a new tag."""
    theirs = models.CharField(max_length=135, blank=True)
    """The digest in the registry; empty for what is missing."""
    first_seen_at = models.DateTimeField(default=timezone.now)
    seen_at = models.DateTimeField(default=timezone.now)
    """Start of the last complete look that saw it."""
    times_seen = models.PositiveIntegerField(default=1)
    settled_at = models.DateTimeField(null=True, blank=True)
    """Since when it is put right or gone."""
    decided_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    decided_by_name = models.CharField(max_length=64, blank=True)
    """The operator who approved or dismissed it."""
    decided_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar[models.Manager["Difference"]] = models.Manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["repository", "kind", "tag", "ours"],
                condition=Q(settled_at=None),
                name="difference_open_once",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["repaired", "gone"], settled_at__isnull=False)
                | (~Q(state__in=["repaired", "gone"]) & Q(settled_at=None)),
                name="difference_settled_at",
            ),
        ]
        indexes = [
            models.Index(fields=["state", "-id"], name="difference_by_state"),
            models.Index(fields=["repository", "-id"], name="difference_by_repository"),
            models.Index(fields=["run", "-id"], name="difference_by_run"),
            models.Index(fields=["settled_at"], name="difference_settled", condition=Q(settled_at__isnull=False)),
        ]


class RegistryInstance(models.Model):
    """A process of the registry that sent a notification. A new one may mean that an old one's queue was lost."""

    instance = models.CharField(max_length=64, unique=True)
    first_seen_at = models.DateTimeField(default=timezone.now)

    objects: ClassVar[models.Manager["RegistryInstance"]] = models.Manager()
