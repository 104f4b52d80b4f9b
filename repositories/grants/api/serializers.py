"""Shapes of sharing. Input serializers check shape only; what is allowed is the actions' business."""

from typing import Any

from django.utils import timezone
from rest_framework import serializers

from repositories.grants.sharing import role_name
from repositories.models import Grant

PERMISSIONS = ["read", "write", "admin"]


class GroupGrantRequest(serializers.Serializer[Any]):
    group_id = serializers.IntegerField(min_value=1, max_value=2**63 - 1, help_text="The team's `id`.")
    permission = serializers.ChoiceField(choices=PERMISSIONS)


class PermissionRequest(serializers.Serializer[Any]):
    permission = serializers.ChoiceField(choices=PERMISSIONS)


class PermissionAnswer(serializers.Serializer[Grant]):
    permission = serializers.SerializerMethodField()

    def get_permission(self, grant: Grant) -> str:
        return role_name(grant.role)


class GroupGrantAnswer(PermissionAnswer):
    """A team that a repository is granted to by its name."""

    group_id = serializers.IntegerField(source="team_id")
    group_name = serializers.CharField(source="team.name")


class CollaboratorRequest(serializers.Serializer[Any]):
    user = serializers.CharField(max_length=255, help_text="A username.")
    permission = serializers.ChoiceField(
        choices=PERMISSIONS, required=False, default="write", help_text="`write` when left out, as on Docker Hub."
    )
    expires_at = serializers.DateTimeField(
        required=False, allow_null=True, default=None, help_text="Until then; without it, until it is removed."
    )


class CollaboratorPatch(serializers.Serializer[Any]):
    permission = serializers.ChoiceField(choices=PERMISSIONS, required=False)
    expires_at = serializers.DateTimeField(required=False, allow_null=True, help_text="null: no end.")


class CollaboratorAnswer(PermissionAnswer):
    user = serializers.CharField(source="user.username")
    expires_at = serializers.DateTimeField(allow_null=True)
    is_expired = serializers.SerializerMethodField(help_text="An ended one gives nothing; it stays until removed.")

    def get_is_expired(self, grant: Grant) -> bool:
        return grant.expires_at is not None and grant.expires_at <= timezone.now()


class TeamGrantQuery(serializers.Serializer[Any]):
    pattern = serializers.CharField(required=False, allow_blank=True, max_length=255, help_text="This one alone.")


class TeamGrantRequest(serializers.Serializer[Any]):
    pattern = serializers.CharField(
        max_length=512, help_text="A repository's name, or the beginning of names and `*`: `payments/*`; `*` is all."
    )
    permission = serializers.ChoiceField(choices=PERMISSIONS)


class TeamGrantName(serializers.Serializer[Any]):
    pattern = serializers.CharField(max_length=512)


class TeamGrantAnswer(PermissionAnswer):
    pattern = serializers.CharField()
    created_at = serializers.DateTimeField()
