"""Shapes of the API of history, roll back, restore and copy."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from repositories.images.history import Entry, Filters
from repositories.images.models import TagHistory
from repositories.names import DIGEST

PAGE_SIZE, PAGE_SIZE_MAX = 25, 100
DIGEST_MAX, TAG_MAX, FULL_NAME_MAX = 135, 128, 255
DIGEST_RULE = rf"^(?:{DIGEST.pattern})\Z"


class PageQuery(serializers.Serializer[Any]):
    action = serializers.ChoiceField(
        choices=TagHistory.Action.choices, required=False, default="", allow_blank=True, help_text="What happened."
    )
    person = serializers.CharField(
        required=False,
        default="",
        allow_blank=True,
        max_length=64,
        help_text="Who did it: a user's name, or `organization:label` of an organization access token.",
    )
    digest = serializers.CharField(
        required=False,
        default="",
        allow_blank=True,
        max_length=DIGEST_MAX,
        help_text="What the tag pointed to since then; of a deletion, what it pointed to before.",
    )
    page_size = serializers.IntegerField(
        required=False, default=PAGE_SIZE, min_value=1, help_text=f"{PAGE_SIZE_MAX} at most."
    )
    cursor = serializers.CharField(
        required=False,
        default="",
        allow_blank=True,
        max_length=200,
        help_text="Part of `next` and `previous`; not to be made by hand.",
    )

    def validate_page_size(self, value: int) -> int:
        """Lowered, as elsewhere in the API."""
        return min(value, PAGE_SIZE_MAX)


class HistoryQuery(PageQuery):
    tag = serializers.CharField(
        required=False, default="", allow_blank=True, max_length=TAG_MAX, help_text="The tag's whole name."
    )


class TagHistoryQuery(PageQuery):
    at = serializers.DateTimeField(
        required=False,
        default=None,
        help_text="RFC 3339. What happened until then, and in `digest` what the tag pointed to at that moment.",
    )


def filters_of(query: dict[str, Any], tag: str = "") -> Filters:
    return Filters(
        tag=tag or query.get("tag", ""),
        action=query["action"],
        person=query["person"],
        digest=query["digest"],
        until=query.get("at"),
    )


class EntryAnswer(serializers.Serializer[Entry]):
    """One thing that happened to a tag."""

    id = serializers.IntegerField(source="row.pk")
    tag = serializers.CharField(source="row.tag")
    action = serializers.ChoiceField(source="row.action", choices=TagHistory.Action.choices)
    digest = serializers.CharField(source="row.digest")
    previous_digest = serializers.SerializerMethodField(help_text="Null where it pointed to nothing, or to the same.")
    at = serializers.DateTimeField(source="row.at")
    actor = serializers.CharField(
        source="row.actor_name", help_text="Empty for what was found in the registry, or gone from it."
    )
    credential = serializers.SerializerMethodField(help_text="Null for who may not push.")
    client = serializers.SerializerMethodField(help_text="Likewise.")
    copied_from = serializers.CharField(source="row.source", help_text="Such as `acme/app:1.0`; else empty.")
    is_current = serializers.BooleanField(help_text="The tag points to this digest now.")
    in_registry = serializers.BooleanField(
        source="is_there", help_text="The registry has the image: the tag can be rolled back to it."
    )

    @extend_schema_field(serializers.CharField(allow_null=True))
    def get_previous_digest(self, entry: Entry) -> str | None:
        return entry.row.previous_digest or None

    @extend_schema_field(serializers.CharField(allow_null=True))
    def get_credential(self, entry: Entry) -> str | None:
        return entry.row.credential if self.context["sees_origin"] else None

    @extend_schema_field(serializers.CharField(allow_null=True))
    def get_client(self, entry: Entry) -> str | None:
        return entry.row.client if self.context["sees_origin"] else None


class HistoryAnswer(serializers.Serializer[Any]):
    """The newest first. No `count`: a history grows without end, and counting it would cost more than reading it."""

    next = serializers.CharField(allow_null=True)
    previous = serializers.CharField(allow_null=True)
    results = EntryAnswer(many=True)


class TagHistoryAnswer(HistoryAnswer):
    digest = serializers.CharField(
        allow_null=True, help_text="What the tag points to, or pointed to at `at`. Null: there is, or was, no such tag."
    )


class RollBackRequest(serializers.Serializer[Any]):
    digest = serializers.RegexField(
        DIGEST_RULE, required=False, default="", help_text="Without: what the tag pointed to before."
    )


class RestoreRequest(serializers.Serializer[Any]):
    digest = serializers.RegexField(
        DIGEST_RULE, required=False, default="", help_text="Without: what the tag pointed to last."
    )


class CopyRequest(serializers.Serializer[Any]):
    repository = serializers.CharField(
        required=False,
        default="",
        max_length=FULL_NAME_MAX,
        help_text="`namespace/name`, where you may push. Without: the same repository.",
    )
    tag = serializers.CharField(help_text="One that exists is moved, as by a push.")
