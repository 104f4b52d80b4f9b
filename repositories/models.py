"""Repositories, grants, stars, comments."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from orgs.models import Team
from portal.accounts.models import Namespace, User
from portal.kit.patterns import PATTERN_MAX
from repositories.names import NAME_MAX, validate_repository_name

DESCRIPTION_MAX = 100
"""Docker Hub's limit, in characters."""
FULL_DESCRIPTION_MAX = 262_144
"""Docker Hub stops at 25,000, which its users have asked to raise for years (hub-feedback 238)."""
COMMENT_MAX = 2_000


class Visibility(models.TextChoices):
    PRIVATE = "private", _("Private")
    PUBLIC = "public", _("Public")


class Immutability(models.TextChoices):
    """Which of a repository's tags, once they are there, can be neither moved nor deleted."""

    OFF = "off", _("Off")
    ALL = "all", _("All tags")
    MATCHING = "matching", _("Tags that match a rule")


class Repository(models.Model):
    """Namespace and name. The counters are kept by the actions that change them, so that a list needs no count."""

    namespace = models.ForeignKey(Namespace, on_delete=models.PROTECT, related_name="repositories")
    name = models.CharField(max_length=NAME_MAX, validators=[validate_repository_name])
    full_name = models.CharField(max_length=255, unique=True)
    """`namespace/name`, as docker writes it and as tokens ask for it. Neither part changes."""
    visibility = models.CharField(max_length=8, choices=Visibility, default=Visibility.PRIVATE)
    description = models.CharField(max_length=DESCRIPTION_MAX, blank=True)
    full_description = models.TextField(max_length=FULL_DESCRIPTION_MAX, blank=True)
    immutability = models.CharField(max_length=8, choices=Immutability, default=Immutability.OFF)
    immutable_rules = models.JSONField(default=list, blank=True)
    """RE2 patterns, each of a whole tag name; used while `immutability` is "matching"."""
    immutable_exceptions = models.JSONField(default=list, blank=True)
    """RE2 patterns of tags that stay free, whatever the rules say."""
    archived_at = models.DateTimeField(null=True, blank=True)
    """Read-only since then: pulls go on, nothing else does but what an admin does to bring it back or to delete it."""
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(default=timezone.now)
    """Last push, or creation: what lists are sorted by."""
    last_pushed_at = models.DateTimeField(null=True, blank=True)
    tag_count = models.PositiveIntegerField(default=0)
    star_count = models.PositiveIntegerField(default=0)
    comment_count = models.PositiveIntegerField(default=0)
    pull_count = models.PositiveBigIntegerField(default=0)

    role: int = 0
    """The actor's role, set by `access.visible`; 0 on rows that came another way."""

    objects: ClassVar[models.Manager["Repository"]] = models.Manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["namespace", "name"], name="repository_unique_in_namespace"),
            models.CheckConstraint(condition=Q(visibility__in=Visibility.values), name="repository_visibility"),
            models.CheckConstraint(condition=Q(immutability__in=Immutability.values), name="repository_immutability"),
        ]
        indexes = [
            models.Index(fields=["namespace", "-updated_at", "-id"], name="repository_by_last_push"),
            models.Index(fields=["visibility", "-updated_at", "-id"], name="repository_public_by_push"),
            models.Index(fields=["visibility", "-star_count", "-id"], name="repository_public_by_stars"),
        ]
        verbose_name_plural = "repositories"

    def __str__(self) -> str:
        return self.full_name

    def get_absolute_url(self) -> str:
        return reverse("repository", args=[self.namespace_name, self.name])

    @property
    def namespace_name(self) -> str:
        return self.full_name.partition("/")[0]

    @property
    def is_private(self) -> bool:
        return self.visibility == Visibility.PRIVATE

    @property
    def is_archived(self) -> bool:
        return self.archived_at is not None


class Grant(models.Model):
    """A role on the repositories of a namespace that the pattern matches: to a team, or to a person (collaborator).

    By name and not by row, so that a repository that is created tomorrow has it. Who deletes a repository deletes the
    grants of exactly its name.
    """

    class Role(models.IntegerChoices):
        READ = 1, _("Read")
        WRITE = 2, _("Write")
        ADMIN = 3, _("Admin")

    namespace = models.ForeignKey(Namespace, on_delete=models.CASCADE, related_name="grants")
    pattern = models.CharField(max_length=PATTERN_MAX)
    """Of names within the namespace: `api`, `payments/*`, `*`."""
    team = models.ForeignKey(Team, on_delete=models.CASCADE, null=True, blank=True, related_name="grants")
    user = models.ForeignKey(User, on_delete=models.CASCADE, null=True, blank=True, related_name="grants")
    role = models.PositiveSmallIntegerField(choices=Role)
    expires_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    created_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["namespace", "pattern", "team"], name="grant_once_per_team"),
            models.UniqueConstraint(fields=["namespace", "pattern", "user"], name="grant_once_per_person"),
            models.CheckConstraint(
                condition=Q(team=None, user__isnull=False) | Q(team__isnull=False, user=None),
                name="grant_to_team_or_person",
            ),
            models.CheckConstraint(condition=Q(role__in=[1, 2, 3]), name="grant_role"),
        ]
        indexes = [
            models.Index(fields=["team", "pattern"], name="grant_by_team"),
            models.Index(fields=["user", "namespace"], name="grant_by_person"),
        ]

    def __str__(self) -> str:
        return f"{self.pattern}: {self.get_role_display()}"


class Star(models.Model):
    repository = models.ForeignKey(Repository, on_delete=models.CASCADE, related_name="stars")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="stars")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["repository", "user"], name="star_once")]
        indexes = [models.Index(fields=["user", "-id"], name="star_by_user")]


class Comment(models.Model):
    """Plain text. Deleted for good: neither its author nor an admin wants a trace."""

    repository = models.ForeignKey(Repository, on_delete=models.CASCADE, related_name="comments")
    author = models.ForeignKey(User, on_delete=models.CASCADE, related_name="comments")
    text = models.TextField(max_length=COMMENT_MAX)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = [models.Index(fields=["repository", "-id"], name="comment_by_repository")]
