"""Webhooks, deliveries and their attempts. The delivery's row is the queue; Celery only wakes."""

from typing import ClassVar
from urllib.parse import urlsplit

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from portal.events.models import new_public_id
from portal.kit import secrets
from repositories.models import Repository


class Webhook(models.Model):
    """An address that hears of a repository's pushes. The URL often holds a secret, hence encrypted."""

    class DisabledBy(models.TextChoices):
        NOBODY = "", ""
        PERSON = "person", _("Switched off")
        RECEIVER = "receiver", _("The receiver answered 410 Gone")

    repository = models.ForeignKey(Repository, on_delete=models.CASCADE, related_name="webhooks")
    name = models.CharField(max_length=100)
    encrypted_url = models.TextField()
    host = models.CharField(max_length=255, blank=True, editable=False)
    """Of the URL, in clear: requests to one host are limited together, so that a slow one doesn't take every worker."""
    is_active = models.BooleanField(default=True)
    disabled_by = models.CharField(max_length=8, choices=DisabledBy, blank=True, default="")
    created_at = models.DateTimeField(default=timezone.now)
    created_by_name = models.CharField(max_length=64, blank=True)

    objects: ClassVar[models.Manager["Webhook"]] = models.Manager()

    class Meta:
        indexes = [models.Index(fields=["repository", "id"], name="webhook_by_repository")]

    def __str__(self) -> str:
        return self.name

    @property
    def url(self) -> str:
        return secrets.decrypt(self.encrypted_url)

    @url.setter
    def url(self, value: str) -> None:
        self.encrypted_url = secrets.encrypt(value)
        self.host = (urlsplit(value).hostname or "")[:255]


class Delivery(models.Model):
    """One event for one webhook, with the bytes that are sent at every attempt."""

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        SENDING = "sending", _("Sending")
        DELIVERED = "delivered", _("Delivered")
        FAILED = "failed", _("Failed")

    public_id = models.CharField(max_length=32, unique=True, default=new_public_id)
    webhook = models.ForeignKey(Webhook, on_delete=models.CASCADE, related_name="deliveries")
    event_id = models.CharField(max_length=32)
    """The event's public id: the same for every webhook and every redelivery."""
    event_action = models.CharField(max_length=64)
    summary = models.CharField(max_length=255, blank=True)
    """For lists: the tag that was pushed."""
    body = models.BinaryField()
    state = models.CharField(max_length=9, choices=State, default=State.WAITING)
    attempt_count = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField(null=True, blank=True, default=timezone.now)
    """When the next attempt is due; empty when there is none."""
    leased_until = models.DateTimeField(null=True, blank=True)
    """A worker that sends has until then; afterwards another may claim it."""
    created_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True, blank=True)
    redelivery_of = models.ForeignKey("self", on_delete=models.CASCADE, null=True, blank=True, related_name="+")

    last_status: int | None
    last_error: str | None
    last_duration_ms: int | None
    """Of the last attempt, on rows that `access.visible_deliveries` returned."""

    objects: ClassVar[models.Manager["Delivery"]] = models.Manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["webhook", "event_id"], condition=Q(redelivery_of=None), name="delivery_once_per_event"
            )
        ]
        indexes = [
            models.Index(fields=["webhook", "-id"], name="delivery_by_webhook"),
            models.Index(fields=["next_attempt_at"], name="delivery_due", condition=Q(state="waiting")),
            models.Index(fields=["leased_until"], name="delivery_leased", condition=Q(state="sending")),
        ]
        verbose_name_plural = "deliveries"


class Attempt(models.Model):
    """One request and what came back. Secret headers are not kept; the answer's first 64 KB are."""

    delivery = models.ForeignKey(Delivery, on_delete=models.CASCADE, related_name="attempts")
    number = models.PositiveSmallIntegerField()
    started_at = models.DateTimeField(default=timezone.now)
    duration_ms = models.PositiveIntegerField(default=0)
    timings = models.JSONField(default=dict)
    """Milliseconds of {dns, connect, tls, first_byte}, as far as known."""
    request_url = models.TextField(blank=True)
    """Scheme, host and path; the query and any password are left out."""
    request_headers = models.JSONField(default=dict)
    status = models.PositiveSmallIntegerField(null=True, blank=True)
    """Empty when there was no answer: `error` says why."""
    response_headers = models.JSONField(default=dict)
    response_body = models.TextField(blank=True)
    response_truncated = models.BooleanField(default=False)
    error = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["delivery", "number"], name="attempt_number")]
