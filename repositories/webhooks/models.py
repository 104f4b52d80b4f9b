"""Webhooks, deliveries and their attempts. The delivery's row is the queue; Celery only wakes."""

import json
from datetime import datetime, timedelta
from typing import ClassVar
from urllib.parse import urlsplit

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from portal.accounts.models import Namespace
from portal.events.models import new_public_id
from portal.kit import secrets
from repositories.models import Repository

OVERLAP = timedelta(hours=24)
"""So long after a rotation deliveries are signed with the old secret, too."""


def pushes() -> list[str]:
    return ["push"]


class Webhook(models.Model):
    """An address that hears of what happens in one repository, or in those of a namespace that a pattern names.

    What is a secret, or often holds one, is encrypted: the URL, the headers, the signing secrets.
    """

    class DisabledBy(models.TextChoices):
        NOBODY = "", ""
        PERSON = "person", _("Switched off")
        RECEIVER = "receiver", _("The receiver answered 410 Gone")
        FAILING = "failing", _("Paused: every delivery failed for a day")

    class Format(models.TextChoices):
        """What is sent; `formats` knows each."""

        DOCKERHUB = "dockerhub", _("Docker Hub")
        DOCKERHUB_QUALIFIED = "dockerhub-qualified", _("Docker Hub, with the registry's host in repo_name")
        MOORAGE = "moorage", _("Moorage: everything")
        CLOUDEVENTS = "cloudevents", _("CloudEvents 1.0")
        TEMPLATE = "template", _("A template of your own")

    repository = models.ForeignKey(Repository, on_delete=models.CASCADE, related_name="webhooks", null=True, blank=True)
    namespace = models.ForeignKey(Namespace, on_delete=models.CASCADE, related_name="webhooks", null=True, blank=True)
    """One of the two is set."""
    repository_pattern = models.CharField(max_length=255, default="*")
    """Of a namespace's webhook: the repositories it hears of, as `kit.patterns` reads it."""
    name = models.CharField(max_length=100)
    encrypted_url = models.TextField()
    host = models.CharField(max_length=255, blank=True, editable=False)
    """Of the URL, in clear: requests to one host are limited together, so that a slow one doesn't take every worker."""
    events = models.JSONField(default=pushes)
    """Names of the event types that it hears of: `catalog`."""
    tag_patterns = models.JSONField(default=list, blank=True)
    """Of events about a tag: those whose name one of these matches, as `tag_rules` reads them. Empty: all."""
    format = models.CharField(max_length=20, choices=Format, default=Format.DOCKERHUB)
    template = models.TextField(blank=True)
    """Of the format `template`: its text."""
    encrypted_headers = models.TextField(blank=True)
    encrypted_secret = models.TextField(blank=True)
    """Empty: nothing is signed. So it is with webhooks from before there were signatures."""
    encrypted_old_secret = models.TextField(blank=True)
    old_secret_until = models.DateTimeField(null=True, blank=True)
    github_signature = models.BooleanField(default=False)
    """Send GitHub's `X-Hub-Signature-256`, too."""
    is_active = models.BooleanField(default=True)
    disabled_by = models.CharField(max_length=8, choices=DisabledBy, blank=True, default="")
    failing_since = models.DateTimeField(null=True, blank=True)
    """The first failed attempt since the last one that was delivered."""
    not_before = models.DateTimeField(null=True, blank=True)
    """The receiver asked to be left alone until then."""
    paused_at = models.DateTimeField(null=True, blank=True)
    mail_due_at = models.DateTimeField(null=True, blank=True)
    """When to tell its owners that it was paused or switched off; empty when there is nothing to tell, or no more."""
    mail_attempts = models.PositiveSmallIntegerField(default=0, db_default=0)
    """How often the mail was tried. Also the fence of a worker that has claimed it."""
    mailed_to = models.JSONField(default=list, blank=True)
    """Keys of the users who were told: a second try tells the others only."""
    created_at = models.DateTimeField(default=timezone.now)
    created_by_name = models.CharField(max_length=64, blank=True)

    new_secret: str = ""
    """On the row that an action returns which made one: shown once, and not read back."""

    objects: ClassVar[models.Manager["Webhook"]] = models.Manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(repository=None, namespace__isnull=False) | Q(repository__isnull=False, namespace=None),
                name="webhook_of_one_place",
            )
        ]
        indexes = [
            models.Index(fields=["repository", "id"], name="webhook_by_repository"),
            models.Index(fields=["namespace", "id"], name="webhook_by_namespace"),
            models.Index(fields=["mail_due_at"], name="webhook_mail_due", condition=Q(mail_due_at__isnull=False)),
            models.Index(fields=["failing_since"], name="webhook_failing", condition=Q(failing_since__isnull=False)),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def url(self) -> str:
        """Raises ValueError when no key decrypts it; so do `headers` and `signing_secrets`."""
        return secrets.decrypt(self.encrypted_url)

    @url.setter
    def url(self, value: str) -> None:
        self.encrypted_url = secrets.encrypt(value)
        self.host = (urlsplit(value).hostname or "")[:255]

    @property
    def headers(self) -> dict[str, str]:
        """The owner's own, with their values, which are secrets."""
        given = json.loads(secrets.decrypt(self.encrypted_headers)) if self.encrypted_headers else {}
        return {str(name): str(value) for name, value in given.items()}

    @headers.setter
    def headers(self, value: dict[str, str]) -> None:
        self.encrypted_headers = secrets.encrypt(json.dumps(value)) if value else ""

    def signing_secrets(self, now: datetime) -> list[str]:
        """The newest first; two while a rotation overlaps, none for a webhook that doesn't sign."""
        kept = [self.encrypted_secret]
        if self.old_secret_until is not None and now < self.old_secret_until:
            kept.append(self.encrypted_old_secret)
        return [secrets.decrypt(each) for each in kept if each]

    def set_secret(self, value: str) -> None:
        """The new secret; the one before goes on to sign for OVERLAP."""
        self.encrypted_old_secret = self.encrypted_secret
        self.old_secret_until = timezone.now() + OVERLAP if self.encrypted_secret else None
        self.encrypted_secret = secrets.encrypt(value)

    @property
    def ping_reads_as_push(self) -> bool:
        """Docker Hub's payload has no word for a ping: a receiver acts on it as on another push of its newest tag."""
        return self.format in {self.Format.DOCKERHUB, self.Format.DOCKERHUB_QUALIFIED}

    @property
    def is_paused(self) -> bool:
        """By the circuit breaker: what happens meanwhile is held, and sent when somebody resumes it."""
        return not self.is_active and self.disabled_by == self.DisabledBy.FAILING

    @property
    def state(self) -> str:
        """In one word, for the API and the log: active, off, gone (its receiver answered 410), paused."""
        if self.is_active:
            return "active"
        words = {self.DisabledBy.RECEIVER: "gone", self.DisabledBy.FAILING: "paused"}
        return words.get(self.DisabledBy(self.disabled_by), "off")

    @property
    def place(self) -> str:
        """Whose it is, in words: `acme/api`, or `acme`."""
        if self.repository is not None:
            return self.repository.full_name
        return self.namespace.name if self.namespace is not None else ""


class Delivery(models.Model):
    """One event for one webhook, with the bytes that are sent at every attempt."""

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        SENDING = "sending", _("Sending")
        DELIVERED = "delivered", _("Delivered")
        FAILED = "failed", _("Failed")
        HELD = "held", _("Held")
        """Until its paused webhook is resumed."""

    public_id = models.CharField(max_length=32, unique=True, default=new_public_id)
    webhook = models.ForeignKey(Webhook, on_delete=models.CASCADE, related_name="deliveries")
    event_id = models.CharField(max_length=32)
    """The event's public id: the same for every webhook and every redelivery. Sent as `webhook-id`."""
    event_key = models.BigIntegerField(null=True, blank=True)
    """The event's key, which rises: what `order_key` is ordered by. Empty for redeliveries and pings."""
    event_type = models.CharField(max_length=32, default="push")
    """As people choose it: `catalog`."""
    event_action = models.CharField(max_length=64)
    """The audit log's name of it."""
    repository_name = models.CharField(max_length=320, blank=True)
    """The full name at that time; empty for what is about no repository."""
    summary = models.CharField(max_length=255, blank=True)
    """For lists: the tag, or who or what it is about."""
    order_key = models.CharField(max_length=400, blank=True)
    """Deliveries of a webhook with the same key are sent one after another, in the order of their events, an earlier
    one's retries included. Empty: in any order."""
    values = models.JSONField(default=dict, encoder=DjangoJSONEncoder)
    """What placeholders in the URL stand for."""
    body = models.BinaryField()
    content_type = models.CharField(max_length=100, default="application/json")
    state = models.CharField(max_length=9, choices=State, default=State.WAITING)
    attempt_count = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField(null=True, blank=True, default=timezone.now)
    """When the next attempt is due; empty when there is none."""
    leased_until = models.DateTimeField(null=True, blank=True)
    """A worker that sends has until then; afterwards another may claim it."""
    claim = models.CharField(max_length=32, blank=True)
    """Whose lease it is: fences what a worker writes that was slower than its lease."""
    trying_since = models.DateTimeField(default=timezone.now)
    """What the back-off counts from: when it was made, or when its webhook was resumed."""
    created_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True, blank=True)
    last_status = models.PositiveSmallIntegerField(null=True, blank=True)
    last_error = models.CharField(max_length=500, blank=True)
    last_duration_ms = models.PositiveIntegerField(null=True, blank=True)
    """Of the last attempt that came to an end."""
    redelivery_of = models.ForeignKey("self", on_delete=models.CASCADE, null=True, blank=True, related_name="+")

    place_taken: tuple[int, str, bool]
    """Of one that a process has claimed: as what it counts there. Its webhook may have changed since."""

    objects: ClassVar[models.Manager["Delivery"]] = models.Manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["webhook", "event_id"], condition=Q(redelivery_of=None), name="delivery_once_per_event"
            )
        ]
        indexes = [
            models.Index(fields=["webhook", "-id"], name="delivery_by_webhook"),
            models.Index(fields=["webhook", "state", "-id"], name="delivery_by_state"),
            models.Index(fields=["next_attempt_at"], name="delivery_due", condition=Q(state="waiting")),
            models.Index(fields=["leased_until"], name="delivery_leased", condition=Q(state="sending")),
            models.Index(
                fields=["webhook", "order_key", "event_key"],
                name="delivery_in_order",
                condition=(Q(state="waiting") | Q(state="sending")) & ~Q(order_key=""),
            ),
            models.Index(fields=["finished_at"], name="delivery_finished"),
            models.Index(fields=["finished_at"], name="delivery_given_up", condition=Q(state="failed")),
        ]
        verbose_name_plural = "deliveries"


class Attempt(models.Model):
    """One request and what came back, written when it came. Secret headers are masked; the answer's first 64 KB kept.

    Without a constraint in the database: whoever deletes a webhook waits for nobody who sends. What such a race leaves
    behind goes with the log's old rows.
    """

    delivery = models.ForeignKey(Delivery, on_delete=models.CASCADE, related_name="attempts", db_constraint=False)
    number = models.PositiveSmallIntegerField()
    started_at = models.DateTimeField(default=timezone.now)
    duration_ms = models.PositiveIntegerField(default=0)
    timings = models.JSONField(default=dict)
    """Milliseconds of {dns, connect, tls, first_byte}, as far as known."""
    address = models.CharField(max_length=45, blank=True)
    """The one that was connected to, or tried last."""
    request_url = models.TextField(blank=True)
    """Scheme, host and path, placeholders filled in; the query and any password are left out."""
    request_headers = models.JSONField(default=dict)
    status = models.PositiveSmallIntegerField(null=True, blank=True)
    """Empty when there was no answer: `error` says why."""
    response_headers = models.JSONField(default=dict)
    response_body = models.TextField(blank=True)
    response_truncated = models.BooleanField(default=False)
    error = models.CharField(max_length=500, blank=True)
    is_interrupted = models.BooleanField(default=False)
    """The sending process ended before it knew the answer; the receiver may have got it."""

    class Meta:
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["delivery", "number"], name="attempt_number")]


class BuildStatus(models.Model):
    """What a receiver reported of a pushed tag through the payload's `callback_url`."""

    class State(models.TextChoices):
        PENDING = "pending", _("Pending")
        SUCCESS = "success", _("Success")
        FAILURE = "failure", _("Failure")
        ERROR = "error", _("Error")

    repository = models.ForeignKey(Repository, on_delete=models.CASCADE, related_name="build_statuses")
    tag = models.CharField(max_length=128)
    digest = models.CharField(max_length=255)
    context = models.CharField(max_length=100)
    """Who reports, in the reporter's words: two of one context replace each other."""
    state = models.CharField(max_length=8, choices=State)
    description = models.CharField(max_length=255, blank=True)
    target_url = models.CharField(max_length=2000, blank=True)
    webhook_name = models.CharField(max_length=100, blank=True)
    reported_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["repository", "tag", "digest", "context"], name="build_status_of_context")
        ]
        verbose_name_plural = "build statuses"


class Count(models.Model):
    """How attempts ended: all of a minute, those at one host in an hour, or all there ever were.

    `counting` adds each attempt once, half a minute after it ended, so that nothing that shows rates reads the log.
    """

    class Span(models.TextChoices):
        EVER = "ever"
        """One row: what Prometheus' counters stand at."""
        MINUTE = "minute"
        HOUR = "hour"
        """Of one host."""

    span = models.CharField(max_length=6, choices=Span)
    at = models.DateTimeField()
    """When the span began; of EVER, when the first attempt was counted."""
    host = models.CharField(max_length=255, blank=True)
    delivered = models.BigIntegerField(default=0)
    failed = models.BigIntegerField(default=0)
    interrupted = models.BigIntegerField(default=0)
    """The sending process died; nobody knows how long it took."""
    milliseconds = models.BigIntegerField(default=0)
    within_10 = models.BigIntegerField(default=0)
    """Took at most 10 ms, and longer than the step before; likewise the rest. Without those that were interrupted."""
    within_25 = models.BigIntegerField(default=0)
    within_50 = models.BigIntegerField(default=0)
    within_100 = models.BigIntegerField(default=0)
    within_250 = models.BigIntegerField(default=0)
    within_500 = models.BigIntegerField(default=0)
    within_1000 = models.BigIntegerField(default=0)
    within_2500 = models.BigIntegerField(default=0)
    within_5000 = models.BigIntegerField(default=0)
    within_10000 = models.BigIntegerField(default=0)
    longer = models.BigIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["span", "at", "host"], name="count_once")]


class CountedUpTo(models.Model):
    """One row: the key of the last attempt that `Count` has in it."""

    attempt_id = models.BigIntegerField(default=0)
