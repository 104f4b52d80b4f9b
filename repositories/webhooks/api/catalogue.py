"""What there is to choose from, and what would be sent: for whoever sets webhooks up by program."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from portal.accounts.api.base import ApiView, Need
from portal.kit.errors import Invalid
from repositories.access import Permission
from repositories.webhooks import access, actions, catalog, formats, previews, schemas
from repositories.webhooks.api import examples
from repositories.webhooks.api.serializers import EVENTS, WebhookChoices
from repositories.webhooks.models import Webhook

TAGS = ["webhooks"]
OBJECT = {"type": "object", "additionalProperties": {}}
NAMES = {"type": "array", "items": {"type": "string"}}


class EventTypeAnswer(serializers.Serializer[catalog.EventType]):
    name = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]  # as people read it
    description = serializers.CharField()
    causes = serializers.SerializerMethodField()
    is_of_tag = serializers.BooleanField(help_text="Tag patterns apply to it.")
    is_of_namespace = serializers.BooleanField(help_text="Only a namespace's webhook can hear of it.")
    can_be_chosen = serializers.SerializerMethodField()
    formats = serializers.SerializerMethodField()
    schema = serializers.SerializerMethodField()
    example = serializers.SerializerMethodField()

    @extend_schema_field(NAMES | {"description": "What the payload's `cause` may say."})
    def get_causes(self, kind: catalog.EventType) -> list[str]:
        return list(kind.actions.values())

    @extend_schema_field({"type": "boolean", "description": "A ping is not: it is sent to the one that is tried."})
    def get_can_be_chosen(self, kind: catalog.EventType) -> bool:
        return kind.name != catalog.PING

    @extend_schema_field(NAMES | {"description": "Those that can tell of it."})
    def get_formats(self, kind: catalog.EventType) -> list[str]:
        return [name for name in Webhook.Format.values if kind.name in told_by(name)]

    @extend_schema_field(OBJECT | {"description": "JSON Schema (2020-12) of what the format `moorage` sends."})
    def get_schema(self, kind: catalog.EventType) -> Any:
        return schemas.schema(kind.name)

    @extend_schema_field(OBJECT | {"description": "In the format `moorage`."})
    def get_example(self, kind: catalog.EventType) -> Any:
        return schemas.example(kind.name)


class EventTypesAnswer(serializers.Serializer[Any]):
    events = EventTypeAnswer(many=True)


class FormatAnswer(serializers.Serializer[Any]):
    name = serializers.ChoiceField(choices=Webhook.Format.values)
    label = serializers.CharField()  # type: ignore[assignment]  # as people read it
    events = serializers.ListField(child=serializers.CharField(), help_text="What it can tell of.")


class TemplateAnswer(serializers.Serializer[formats.Shipped]):
    key = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]  # as people read it
    description = serializers.CharField()
    url_hint = serializers.CharField(help_text="What a URL of the receiver looks like.")
    events = serializers.ListField(child=serializers.CharField(), help_text="What it can tell of.")
    headers = serializers.DictField(
        child=serializers.CharField(), help_text="That the receiver needs; in ⟨…⟩ what only you know."
    )
    note = serializers.CharField(help_text="What to do on the receiver's side.")
    template = serializers.CharField(source="text", help_text="To be sent as `template`, with the format `template`.")


class FormatsAnswer(serializers.Serializer[Any]):
    formats = FormatAnswer(many=True)
    templates = TemplateAnswer(many=True)


class WebhookPreviewRequest(WebhookChoices):
    """A webhook's choices, as they would be sent to create one."""

    headers = None  # type: ignore[assignment]  # they change nothing of the body
    github_signature = None  # type: ignore[assignment]  # likewise
    event = serializers.ChoiceField(
        choices=EVENTS, required=False, default="", help_text="The first of `events` unless you say otherwise."
    )


class WebhookPreview(serializers.Serializer[previews.Preview]):
    event = serializers.CharField(source="event_type")
    is_example = serializers.BooleanField(help_text="Nothing of the place could be shown: the tag is made up.")
    content_type = serializers.CharField()
    body = serializers.SerializerMethodField()

    def get_body(self, preview: previews.Preview) -> str:
        """Byte for byte what would be sent if it happened now."""
        return preview.body.decode()


def told_by(format_name: str) -> list[str]:
    """Names of the event types, the ping among them, which every format can tell."""
    known = formats.events_of(format_name)
    return [name for name in EVENTS if known is None or name in known or name == catalog.PING]


class Events(ApiView):
    needs = {"GET": Need.NOTHING}

    @extend_schema(summary="List what webhooks can hear of", tags=TAGS, responses=EventTypesAnswer)
    def get(self, request: Request) -> Response:
        """Each with its schema and an example."""
        kinds = list(catalog.by_name().values())
        return Response(EventTypesAnswer({"events": kinds}).data)


class Formats(ApiView):
    needs = {"GET": Need.NOTHING}

    @extend_schema(summary="List the formats of webhooks", tags=TAGS, responses=FormatsAnswer)
    def get(self, request: Request) -> Response:
        """And the templates that come with Moorage, to start from."""
        found = [{"name": name, "label": label, "events": told_by(str(name))} for name, label in Webhook.Format.choices]
        return Response(FormatsAnswer({"formats": found, "templates": formats.shipped()}).data)


class Previews(ApiView):
    needs = {"POST": Permission.WEBHOOKS}

    @extend_schema(
        summary="Preview what a webhook would send",
        tags=TAGS,
        request=WebhookPreviewRequest,
        responses=WebhookPreview,
        examples=[examples.PREVIEW],
    )
    def post(self, request: Request, namespace: str, repository: str = "") -> Response:
        """The body that would be sent now, about the newest tag here. Nothing is saved, and nothing is sent."""
        place = access.fetch_place(self.actor, namespace, repository)
        given = self.read(WebhookPreviewRequest)
        event = given.pop("event")
        hook = actions.draft_webhook(actor=self.actor, place=place, **given)
        try:
            found = previews.preview(hook, place, event)
        except formats.NotRendered as error:
            field = "template" if hook.format == Webhook.Format.TEMPLATE else "event"
            raise Invalid.field(field, str(error) or _("This cannot be shown.")) from error
        return Response(WebhookPreview(found).data)
