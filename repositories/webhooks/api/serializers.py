"""Shapes of the webhooks' API. Input serializers check shape only; what is allowed is the actions' business."""

from datetime import datetime
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from repositories.webhooks import catalog
from repositories.webhooks.access import DeliveryFilter
from repositories.webhooks.models import Attempt, Delivery, Webhook

EVENTS = [kind.name for kind in (*catalog.TYPES, catalog.PING_TYPE)]
STATES = ["active", "off", "gone", "paused"]
ENDLESS = 100
"""Entries of a list that are read at all; how many may be there, the rules say."""


class WebhookChoices(serializers.Serializer[Any]):
    """What may be left out, when it is made and when it is changed."""

    events = serializers.ListField(
        child=serializers.CharField(max_length=64),
        required=False,
        max_length=ENDLESS,
        help_text="Names of event types: see `/v2/webhooks/events`. `push` unless you say otherwise.",
    )
    tag_patterns = serializers.ListField(
        child=serializers.CharField(allow_blank=True),
        required=False,
        max_length=ENDLESS,
        help_text="Of events about a tag: only those whose whole name one of these RE2 patterns matches. Empty: all.",
    )
    repository_pattern = serializers.CharField(
        required=False,
        max_length=255,
        help_text="Of a namespace's webhook: the repositories it hears of, a name or its beginning and `*`.",
    )
    format = serializers.CharField(
        required=False, max_length=64, help_text="See `/v2/webhooks/formats`. `dockerhub` unless you say otherwise."
    )
    template = serializers.CharField(
        required=False, allow_blank=True, trim_whitespace=False, help_text="Of the format `template`: its text."
    )
    headers = serializers.DictField(
        child=serializers.CharField(allow_null=True, allow_blank=True, trim_whitespace=False),
        required=False,
        help_text="All of your own, name to value. Null keeps the value that is stored under that name.",
    )
    github_signature = serializers.BooleanField(required=False, help_text="Send `X-Hub-Signature-256`, too.")


class WebhookRequest(WebhookChoices):
    name = serializers.CharField()
    url = serializers.CharField(
        max_length=2000, help_text="http or https, with placeholders such as `{tag}`. Often a secret: kept encrypted."
    )


class WebhookPatch(WebhookChoices):
    name = serializers.CharField(required=False)
    url = serializers.CharField(required=False, max_length=2000)
    is_active = serializers.BooleanField(
        required=False, help_text="Off gives up what waits and what is held; on, of a paused one, sends what it missed."
    )


class WebhookAnswer(serializers.Serializer[Webhook]):
    id = serializers.IntegerField()
    name = serializers.CharField()
    repository = serializers.SerializerMethodField()
    namespace = serializers.SerializerMethodField()
    url = serializers.SerializerMethodField()
    host = serializers.CharField()
    events = serializers.ListField(child=serializers.CharField())
    tag_patterns = serializers.ListField(child=serializers.CharField())
    repository_pattern = serializers.CharField()
    format = serializers.ChoiceField(choices=Webhook.Format.values)
    template = serializers.CharField()
    headers = serializers.SerializerMethodField()
    github_signature = serializers.BooleanField()
    is_signed = serializers.SerializerMethodField()
    old_secret_until = serializers.SerializerMethodField()
    is_active = serializers.BooleanField()
    state = serializers.ChoiceField(
        choices=STATES,
        help_text="`off`: by a person. `gone`: the receiver answered 410. `paused`: everything failed for a day.",
    )
    disabled_by = serializers.ChoiceField(
        choices=Webhook.DisabledBy.values,
        help_text="`person`, `receiver` (it answered 410), or `failing`; empty while on.",
    )
    failing_since = serializers.DateTimeField(allow_null=True, help_text="The first failure since one arrived.")
    not_before = serializers.DateTimeField(allow_null=True, help_text="The receiver asked to be left alone until then.")
    paused_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()
    created_by = serializers.CharField(source="created_by_name")

    @extend_schema_field(serializers.CharField(allow_null=True, help_text="Null for one of a namespace."))
    def get_repository(self, webhook: Webhook) -> str | None:
        return webhook.repository.full_name if webhook.repository else None

    def get_namespace(self, webhook: Webhook) -> str:
        return webhook.place.partition("/")[0]

    @extend_schema_field(serializers.CharField(allow_null=True, help_text="Null when no key decrypts it: set it anew."))
    def get_url(self, webhook: Webhook) -> str | None:
        try:
            return webhook.url
        except ValueError:
            return None

    @extend_schema_field(
        serializers.DictField(
            child=serializers.CharField(allow_null=True),
            allow_null=True,
            help_text="Names alone: no value is ever read back. Null when no key decrypts them.",
        )
    )
    def get_headers(self, webhook: Webhook) -> dict[str, None] | None:
        """Sent back as they are, they change nothing."""
        try:
            return dict.fromkeys(webhook.headers)
        except ValueError:
            return None

    @extend_schema_field(serializers.BooleanField(help_text="Not so with webhooks from before there were signatures."))
    def get_is_signed(self, webhook: Webhook) -> bool:
        return bool(webhook.encrypted_secret)

    @extend_schema_field(
        serializers.DateTimeField(allow_null=True, help_text="So long the secret before signs, too, if it does.")
    )
    def get_old_secret_until(self, webhook: Webhook) -> Any:
        return moment(_overlap(webhook))


class NewWebhookAnswer(WebhookAnswer):
    """`secret` is shown here and never again."""

    secret = serializers.CharField(source="new_secret", help_text="`whsec_…`: what deliveries are signed with.")


class RotateRequest(serializers.Serializer[Any]):
    keep_old = serializers.BooleanField(
        required=False, default=True, help_text="Sign with both for a day. False for a secret that leaked."
    )


class RotateAnswer(serializers.Serializer[Any]):
    secret = serializers.CharField(help_text="Shown here and never again.")
    old_secret_until = serializers.DateTimeField(allow_null=True)


class CountAnswer(serializers.Serializer[Any]):
    deliveries = serializers.IntegerField(help_text="How many are sent.")


class FilterFields(serializers.Serializer[Any]):
    """Which deliveries."""

    state = serializers.ChoiceField(choices=Delivery.State.values, required=False)
    event = serializers.ChoiceField(choices=EVENTS, required=False)
    since = serializers.DateTimeField(required=False, help_text="Made then or later.")
    until = serializers.DateTimeField(required=False, help_text="Made before that.")
    q = serializers.CharField(
        required=False,
        allow_blank=True,
        max_length=255,
        help_text="A part of the summary or of the repository's name.",
    )


class DeliveriesQuery(FilterFields):
    """Which deliveries, and where the page begins."""

    cursor = serializers.CharField(
        required=False, allow_blank=True, max_length=400, help_text="As `next` and `previous` have it."
    )


def filter_of(given: dict[str, Any]) -> DeliveryFilter:
    return DeliveryFilter(
        state=given.get("state", ""),
        event=given.get("event", ""),
        since=given.get("since"),
        until=given.get("until"),
        text=given.get("q", ""),
    )


class DeliveryAnswer(serializers.Serializer[Delivery]):
    """A delivery, with what its last attempt told."""

    id = serializers.CharField(source="public_id")
    event = serializers.CharField(source="event_type", help_text="The event type's name.")
    action = serializers.CharField(source="event_action", help_text="The audit log's name of what happened.")
    event_id = serializers.CharField(
        help_text="The same for every webhook and every redelivery: the header `webhook-id`."
    )
    repository = serializers.CharField(
        source="repository_name", help_text="Its full name then; empty for what is about none."
    )
    tag = serializers.SerializerMethodField()
    summary = serializers.CharField(help_text="The tag, or who or what it is about.")
    state = serializers.ChoiceField(choices=Delivery.State.values, help_text="`held`: until the webhook is resumed.")
    attempt_count = serializers.IntegerField()
    next_attempt_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)
    is_redelivery = serializers.SerializerMethodField()
    last_status = serializers.IntegerField(allow_null=True, help_text="Null before an attempt, and without an answer.")
    last_error = serializers.CharField()
    last_duration_ms = serializers.IntegerField(allow_null=True)

    def get_tag(self, delivery: Delivery) -> str:
        """Empty for an event about none."""
        kind = catalog.by_name().get(delivery.event_type)
        return delivery.summary if kind is not None and kind.is_of_tag else ""

    def get_is_redelivery(self, delivery: Delivery) -> bool:
        return delivery.redelivery_of_id is not None


class AttemptAnswer(serializers.Serializer[Attempt]):
    """One request, and what came back."""

    number = serializers.IntegerField()
    started_at = serializers.DateTimeField()
    duration_ms = serializers.IntegerField()
    timings = serializers.DictField(
        child=serializers.FloatField(),
        help_text="Milliseconds of dns, connect, tls, first_byte, as far as known.",
    )
    address = serializers.CharField(help_text="The one that was connected to, or tried last.")
    request_url = serializers.CharField(help_text="Without query and password.")
    request_headers = serializers.DictField(child=serializers.CharField(), help_text="Secret values are masked.")
    status = serializers.IntegerField(allow_null=True, help_text="Null when there was no answer: `error` says why.")
    response_headers = serializers.DictField(child=serializers.CharField())
    response_body = serializers.CharField(help_text="The first 64 KB.")
    response_truncated = serializers.BooleanField()
    error = serializers.CharField()
    interrupted = serializers.BooleanField(
        source="is_interrupted", help_text="The sending process ended before it knew the answer."
    )


class DeliveryFull(DeliveryAnswer):
    """A delivery by itself, with what is sent and every attempt."""

    content_type = serializers.CharField()
    request_body = serializers.SerializerMethodField()
    attempts = AttemptAnswer(many=True)

    def get_request_body(self, delivery: Delivery) -> str:
        """The bytes that are sent at every attempt; empty when the payload could not be made."""
        return bytes(delivery.body).decode("utf-8", "replace")


def _overlap(webhook: Webhook) -> datetime | None:
    until = webhook.old_secret_until
    return until if until is not None and until > timezone.now() else None


def moment(value: datetime | None) -> Any:
    """As the framework writes times."""
    return serializers.DateTimeField().to_representation(value) if value else None
