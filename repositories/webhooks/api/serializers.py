"""Shapes of the webhooks' API. Input serializers check shape only; what is allowed is the actions' business."""

from typing import Any

from rest_framework import serializers

from repositories.webhooks.models import Attempt, Delivery, Webhook


class WebhookRequest(serializers.Serializer[Any]):
    name = serializers.CharField()
    url = serializers.CharField(max_length=2000, help_text="http or https. Often a secret: kept encrypted.")


class WebhookPatch(serializers.Serializer[Any]):
    name = serializers.CharField(required=False)
    url = serializers.CharField(required=False, max_length=2000)
    is_active = serializers.BooleanField(required=False)


class WebhookAnswer(serializers.Serializer[Webhook]):
    id = serializers.IntegerField()
    name = serializers.CharField()
    url = serializers.CharField()
    is_active = serializers.BooleanField()
    disabled_by = serializers.ChoiceField(
        choices=Webhook.DisabledBy.values,
        help_text="`person`, or `receiver` (it answered 410); empty while on.",
    )
    created_at = serializers.DateTimeField()
    created_by = serializers.CharField(source="created_by_name")


class DeliveryAnswer(serializers.Serializer[Delivery]):
    """A delivery in a list, with what its last attempt told."""

    id = serializers.CharField(source="public_id")
    event = serializers.CharField(source="event_action")
    event_id = serializers.CharField(help_text="The same for every webhook and every redelivery.")
    tag = serializers.CharField(source="summary")
    state = serializers.ChoiceField(choices=Delivery.State.values)
    attempt_count = serializers.IntegerField()
    next_attempt_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)
    is_redelivery = serializers.SerializerMethodField()

    def get_is_redelivery(self, delivery: Delivery) -> bool:
        return delivery.redelivery_of_id is not None


class DeliveryShort(DeliveryAnswer):
    last_status = serializers.IntegerField(allow_null=True)
    last_error = serializers.CharField(allow_null=True)
    last_duration_ms = serializers.IntegerField(allow_null=True)


class AttemptAnswer(serializers.Serializer[Attempt]):
    """One request, and what came back."""

    number = serializers.IntegerField()
    started_at = serializers.DateTimeField()
    duration_ms = serializers.IntegerField()
    timings = serializers.DictField(child=serializers.FloatField(), help_text="Milliseconds, as far as known.")
    request_url = serializers.CharField(help_text="Without query and password.")
    request_headers = serializers.DictField(child=serializers.CharField())
    status = serializers.IntegerField(allow_null=True, help_text="Null when there was no answer: `error` says why.")
    response_headers = serializers.DictField(child=serializers.CharField())
    response_body = serializers.CharField(help_text="The first 64 KB.")
    response_truncated = serializers.BooleanField()
    error = serializers.CharField()


class DeliveryFull(DeliveryAnswer):
    """A delivery by itself, with what is sent and every attempt."""

    request_body = serializers.SerializerMethodField()
    attempts = AttemptAnswer(many=True)

    def get_request_body(self, delivery: Delivery) -> str:
        return bytes(delivery.body).decode()
