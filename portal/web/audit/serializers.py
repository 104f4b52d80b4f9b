"""Shapes of the audit log's API."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, time
from typing import Any

from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.fields import empty

from portal.events.reads import Filters
from portal.events.words import expand
from portal.web.audit.export import CSV, KINDS

DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
PAGE_SIZE, PAGE_SIZE_MAX = 25, 100


@extend_schema_field(OpenApiTypes.DATETIME)
class Moment(serializers.DateTimeField):
    """RFC 3339; a date alone is its first moment, or its last one."""

    def __init__(self, *, is_end: bool = False, **values: Any) -> None:
        super().__init__(required=False, default=None, default_timezone=UTC, **values)
        self._clock = time.max if is_end else time.min

    def run_validation(self, data: Any = empty) -> Any:
        return super().run_validation(empty if data == "" else data)

    def to_internal_value(self, value: Any) -> datetime:
        if DATE.fullmatch(str(value)):
            return datetime.combine(serializers.DateField().to_internal_value(value), self._clock, UTC)
        return super().to_internal_value(value)


class FilterQuery(serializers.Serializer[Any]):
    action = serializers.CharField(
        required=False,
        default="",
        allow_blank=True,
        max_length=64,
        help_text="A name such as `repo.delete`, or a group such as `repo`.",
    )
    name = serializers.CharField(
        required=False,
        default="",
        allow_blank=True,
        max_length=512,
        help_text="What the name of what it happened to begins with.",
    )
    actor = serializers.CharField(
        required=False,
        default="",
        allow_blank=True,
        max_length=64,
        help_text="Who did it: a user's name, or `organization:label` of an organization access token.",
    )

    def get_fields(self) -> dict[str, Any]:
        """`from` is a word of Python."""
        fields: dict[str, Any] = super().get_fields()
        fields["from"] = Moment(help_text="Not before this time, RFC 3339 or a date.")
        fields["to"] = Moment(is_end=True, help_text="Not after this time, RFC 3339 or a date.")
        return fields

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs["from"] and attrs["to"] and attrs["from"] > attrs["to"]:
            raise serializers.ValidationError({"to": _("The end lies before the beginning.")})
        return attrs


class LogsQuery(FilterQuery):
    page = serializers.IntegerField(required=False, default=1, min_value=1)
    page_size = serializers.IntegerField(
        required=False, default=PAGE_SIZE, min_value=1, help_text=f"{PAGE_SIZE_MAX} at most."
    )
    cursor = serializers.CharField(
        required=False,
        default="",
        max_length=200,
        help_text="Part of `next`; not to be made by hand. Wins over `page`.",
    )

    def validate_page_size(self, value: int) -> int:
        """Lowered, as elsewhere in the API."""
        return min(value, PAGE_SIZE_MAX)


class ExportQuery(FilterQuery):
    format = serializers.ChoiceField(
        choices=list(KINDS), required=False, default=CSV, help_text="`jsonl` is one JSON object on each line."
    )


def filters_of(query: Mapping[str, Any]) -> Filters:
    return Filters(
        person=query["actor"],
        actions=expand(query["action"]),
        target=query["name"],
        since=query["from"],
        until=query["to"],
    )


class ActionAnswer(serializers.Serializer[Any]):
    name = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]  # a declared field leaves the class
    description = serializers.CharField()


class ActionGroupAnswer(serializers.Serializer[Any]):
    label = serializers.CharField()  # type: ignore[assignment]  # a declared field leaves the class
    actions = ActionAnswer(many=True)


class ActionsAnswer(serializers.Serializer[Any]):
    actions = serializers.DictField(child=ActionGroupAnswer())


class LogAnswer(serializers.Serializer[Any]):
    """An event. `id`, `actor_id`, `credential`, `address` and `client` are Moorage's own."""

    id = serializers.CharField()
    timestamp = serializers.DateTimeField()
    account = serializers.CharField(help_text="The namespace in which it happened.")
    action = serializers.CharField()
    action_description = serializers.CharField()
    name = serializers.CharField(help_text="What it happened to.")
    actor = serializers.CharField(help_text="Empty for somebody who was not signed in.")
    actor_id = serializers.CharField()
    credential = serializers.CharField(help_text="Kind and label, such as `personal access token: ci`.")
    address = serializers.CharField()
    client = serializers.CharField()
    data = serializers.DictField(  # type: ignore[assignment]  # likewise
        child=serializers.CharField(), help_text="The new values, and the old ones under `old.…`; all of them texts."
    )


class LogsAnswer(serializers.Serializer[Any]):
    logs = LogAnswer(many=True)
    next = serializers.CharField(
        allow_null=True, help_text="The address of the next page. There may be one where `logs` is short or empty."
    )
