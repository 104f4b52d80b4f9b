"""Shapes of the comparison with the registry."""

from typing import Any

from rest_framework import serializers

from repositories.sync.models import Difference, Run
from repositories.sync.reads import Plan

NUMBERS = ("total", "repositories", "tags", "added", "moved", "removed", "missing", "recounted", "errors")


class RunShape(serializers.ModelSerializer[Run]):
    repository = serializers.CharField(
        source="repository.full_name", default=None, allow_null=True, help_text="Null: a round through all."
    )
    requested_by = serializers.CharField(source="requested_by_name", help_text="Empty when nobody asked for it.")

    class Meta:
        model = Run
        fields = (
            "id",
            "trigger",
            "state",
            "repository",
            "requested_by",
            "started_at",
            "finished_at",
            *NUMBERS,
            "error",
        )
        read_only_fields = fields


class DifferenceShape(serializers.ModelSerializer[Difference]):
    repository = serializers.CharField(source="repository.full_name")
    run = serializers.IntegerField(source="run_id", allow_null=True)
    decided_by = serializers.CharField(source="decided_by_name")

    class Meta:
        model = Difference
        fields = (
            "id",
            "repository",
            "run",
            "kind",
            "state",
            "tag",
            "ours",
            "theirs",
            "first_seen_at",
            "seen_at",
            "times_seen",
            "settled_at",
            "decided_by",
            "decided_at",
        )
        read_only_fields = fields


class HeldShape(serializers.Serializer[Any]):
    repository = serializers.CharField(source="full_name")
    tags = serializers.IntegerField(help_text="That are known here.")
    missing = serializers.IntegerField(help_text="Of these, so many would go.")


class PlanShape(serializers.Serializer[Plan]):
    """What is held until an operator decides; `rows` are the hundred largest."""

    repositories = serializers.IntegerField()
    tags = serializers.IntegerField()
    rows = HeldShape(many=True)


class OpenDifferences(serializers.Serializer[Any]):
    waiting = serializers.IntegerField(help_text="For a second look.")
    held = serializers.IntegerField(help_text="For an operator.")
    approved = serializers.IntegerField()
    dismissed = serializers.IntegerField()


class DriftAnswer(serializers.Serializer[Any]):
    under_way = RunShape(allow_null=True)
    last = RunShape(allow_null=True, help_text="The last round that ended.")
    repositories = serializers.IntegerField()
    tags = serializers.IntegerField()
    differences = OpenDifferences()
    plan = PlanShape()
    instance = serializers.CharField(help_text="The registry process that was heard of last; empty before the first.")
    last_notification_at = serializers.DateTimeField(allow_null=True)


class DifferencesQuery(serializers.Serializer[Any]):
    state = serializers.ChoiceField(
        choices=[*Difference.State.values, "open", "settled"],
        default="open",
        help_text="`open`: all that are not over; `settled`: put right, or gone.",
    )
    repository = serializers.CharField(required=False, default="", max_length=255, help_text="Its full name.")


class ReconcileBody(serializers.Serializer[Any]):
    repository = serializers.CharField(
        required=False, default="", allow_blank=True, max_length=255, help_text="Its full name. Without: all of them."
    )


class DecisionBody(serializers.Serializer[Any]):
    tags = serializers.IntegerField(
        min_value=1, help_text="As many as the plan has: it is refused when it has changed since you read it."
    )
    repository = serializers.CharField(
        required=False, default="", allow_blank=True, max_length=255, help_text="Only what is held of it."
    )


class DecisionAnswer(serializers.Serializer[Any]):
    decided = serializers.IntegerField(help_text="Differences: tags, and untagged images.")


class RepositoryDrift(serializers.Serializer[Any]):
    compared_at = serializers.DateTimeField(allow_null=True, help_text="Start of the last look that was complete.")
    looked_at = serializers.DateTimeField(allow_null=True, help_text="Of the last one, complete or not.")
    due_at = serializers.DateTimeField(allow_null=True, help_text="A look out of turn; null: with the next round.")
    error = serializers.CharField(help_text="Of the last look; empty when it was complete.")
    under_way = RunShape(allow_null=True)
    differences = DifferenceShape(many=True, help_text="The latest hundred.")
