"""Shapes of the organizations' API. Input serializers check shape only; what is allowed is the actions' business."""

from datetime import datetime
from typing import Any, TypedDict

from rest_framework import serializers

from orgs.models import (
    BasePermission,
    DefaultVisibility,
    Invitation,
    MemberRole,
    Organization,
    Team,
    WhoCreates,
    WhoPublishes,
)
from orgs.shown import ShownMember
from portal.accounts.models import CreateOnPush

ROLE_NAMES = [role.name.lower() for role in MemberRole]


class RoleField(serializers.ChoiceField):
    """Lower case, as Docker Hub takes it; what it answers, capitalised, is taken too."""

    def to_internal_value(self, data: Any) -> str:
        return str(super().to_internal_value(data.lower() if isinstance(data, str) else data))


def role_field(**kwargs: Any) -> RoleField:
    return RoleField(choices=ROLE_NAMES, **kwargs)


class OrganizationRequest(serializers.Serializer[Any]):
    orgname = serializers.CharField(help_text="The name of its namespace, which never changes.")
    full_name = serializers.CharField(required=False, allow_blank=True, default="")
    company = serializers.CharField(required=False, allow_blank=True, default="")
    location = serializers.CharField(required=False, allow_blank=True, default="")
    description = serializers.CharField(required=False, allow_blank=True, default="")
    profile_url = serializers.CharField(required=False, allow_blank=True, default="", help_text="Its web site.")


class OrganizationPatch(serializers.Serializer[Any]):
    full_name = serializers.CharField(required=False, allow_blank=True)
    company = serializers.CharField(required=False, allow_blank=True)
    location = serializers.CharField(required=False, allow_blank=True)
    description = serializers.CharField(required=False, allow_blank=True)
    profile_url = serializers.CharField(required=False, allow_blank=True)


class OrganizationAnswer(serializers.Serializer[Organization]):
    """An organization, for who belongs to it."""

    id = serializers.CharField(source="public_id")
    uuid = serializers.CharField(source="public_id")
    orgname = serializers.CharField(source="name")
    full_name = serializers.CharField()
    location = serializers.CharField()
    company = serializers.CharField()
    description = serializers.CharField()
    profile_url = serializers.CharField(source="link")
    gravatar_url = serializers.SerializerMethodField()
    gravatar_email = serializers.SerializerMethodField()
    date_joined = serializers.DateTimeField(source="created_at")
    type = serializers.SerializerMethodField()
    badge = serializers.SerializerMethodField()
    is_active = serializers.SerializerMethodField()
    role = serializers.SerializerMethodField(help_text="The caller's.")

    def get_gravatar_url(self, organization: Organization) -> str:
        return ""

    def get_gravatar_email(self, organization: Organization) -> str:
        return ""

    def get_type(self, organization: Organization) -> str:
        return "Organization"

    def get_badge(self, organization: Organization) -> str:
        return ""

    def get_is_active(self, organization: Organization) -> bool:
        return True

    def get_role(self, organization: Organization) -> str:
        return capitalised(organization.member_role)


def capitalised(role: int) -> str:
    """As Docker Hub answers a role."""
    return MemberRole(role).name.title()


class MemberQuery(serializers.Serializer[Any]):
    search = serializers.CharField(
        required=False, allow_blank=True, max_length=200, help_text="Part of a name; for owners, of an address too."
    )
    type = serializers.ChoiceField(choices=["all", "invitee", "member"], required=False)
    role = role_field(required=False)
    invites = serializers.BooleanField(required=False, default=False, help_text="Pending invitations too, for owners.")


class RoleRequest(serializers.Serializer[Any]):
    role = role_field()


class MemberAnswer(serializers.Serializer[ShownMember | Invitation]):
    """A member, or somebody who is invited. Only owners get e-mail addresses."""

    id = serializers.SerializerMethodField()
    username = serializers.SerializerMethodField()
    full_name = serializers.SerializerMethodField()
    email = serializers.CharField()
    company = serializers.SerializerMethodField()
    location = serializers.SerializerMethodField()
    profile_url = serializers.SerializerMethodField()
    gravatar_url = serializers.SerializerMethodField()
    gravatar_email = serializers.SerializerMethodField()
    date_joined = serializers.SerializerMethodField()
    type = serializers.SerializerMethodField()
    role = serializers.SerializerMethodField()
    groups = serializers.SerializerMethodField()
    is_guest = serializers.SerializerMethodField()
    last_logged_in_at = serializers.SerializerMethodField()
    last_seen_at = serializers.SerializerMethodField()

    # Moorage asks nobody for these, and gives nobody's address to a third party.
    def _empty(self, row: ShownMember | Invitation) -> str:
        return ""

    get_company = get_location = get_profile_url = get_gravatar_url = get_gravatar_email = _empty

    def get_id(self, row: ShownMember | Invitation) -> str:
        return row.user.public_id if isinstance(row, ShownMember) else row.public_id.hex

    def get_username(self, row: ShownMember | Invitation) -> str:
        if isinstance(row, ShownMember):
            return row.user.username
        return row.invitee.username if row.invitee else ""

    def get_full_name(self, row: ShownMember | Invitation) -> str:
        person = row.user if isinstance(row, ShownMember) else row.invitee
        return person.full_name if person else ""

    def get_date_joined(self, row: ShownMember | Invitation) -> datetime | None:
        """The organization, not Moorage."""
        return row.row.created_at if isinstance(row, ShownMember) else None

    def get_type(self, row: ShownMember | Invitation) -> str:
        return "User" if isinstance(row, ShownMember) else "Invitee"

    def get_role(self, row: ShownMember | Invitation) -> str:
        return capitalised(row.role) if isinstance(row, ShownMember) else "Invitee"

    def get_groups(self, row: ShownMember | Invitation) -> list[str]:
        if isinstance(row, ShownMember):
            return [team.name for team in row.teams]
        return [row.team.name] if row.team else []

    def get_is_guest(self, row: ShownMember | Invitation) -> bool:
        return False

    def get_last_logged_in_at(self, row: ShownMember | Invitation) -> datetime | None:
        return row.user.last_login if isinstance(row, ShownMember) else None

    def get_last_seen_at(self, row: ShownMember | Invitation) -> datetime | None:
        return row.last_seen if isinstance(row, ShownMember) else None


class GroupQuery(serializers.Serializer[Any]):
    search = serializers.CharField(required=False, allow_blank=True, max_length=200, help_text="Part of the name.")
    username = serializers.CharField(required=False, allow_blank=True, max_length=200, help_text="Only their teams.")


class GroupRequest(serializers.Serializer[Any]):
    name = serializers.CharField(trim_whitespace=False)
    description = serializers.CharField(required=False, allow_blank=True, default="")


class GroupPatch(serializers.Serializer[Any]):
    name = serializers.CharField(required=False, trim_whitespace=False)
    description = serializers.CharField(required=False, allow_blank=True)


class GroupAnswer(serializers.Serializer[Team]):
    """A team."""

    id = serializers.IntegerField()
    uuid = serializers.UUIDField(source="public_id")
    name = serializers.CharField()
    description = serializers.CharField()
    member_count = serializers.IntegerField()


class GroupMemberQuery(serializers.Serializer[Any]):
    search = serializers.CharField(
        required=False, allow_blank=True, max_length=200, help_text="Part of a name; for owners, of an address too."
    )


class GroupMemberRequest(serializers.Serializer[Any]):
    member = serializers.CharField(max_length=254, help_text="User name, or e-mail address, of a member.")


class RestrictedImages(serializers.Serializer[Any]):
    """Docker Hub's: which of its own images Docker Desktop may pull. Moorage restricts none."""

    enabled = serializers.BooleanField(required=False, default=False)
    allow_official_images = serializers.BooleanField(required=False, default=False)
    allow_verified_publishers = serializers.BooleanField(required=False, default=False)


class SettingsRequest(serializers.Serializer[Any]):
    """What is left out stays."""

    restricted_images = RestrictedImages(required=False)
    base_permission = serializers.ChoiceField(choices=[rule.name.lower() for rule in BasePermission], required=False)
    who_creates = serializers.ChoiceField(choices=WhoCreates.values, required=False)
    who_publishes = serializers.ChoiceField(choices=WhoPublishes.values, required=False)
    default_visibility = serializers.ChoiceField(choices=DefaultVisibility.values, required=False)
    create_on_push = serializers.ChoiceField(choices=CreateOnPush.values, required=False)


class Restricted(TypedDict):
    enabled: bool
    allow_official_images: bool
    allow_verified_publishers: bool


class SettingsAnswer(serializers.Serializer[Organization]):
    restricted_images = serializers.SerializerMethodField()
    base_permission = serializers.SerializerMethodField()
    who_creates = serializers.CharField()
    who_publishes = serializers.CharField()
    default_visibility = serializers.CharField()
    create_on_push = serializers.CharField(source="namespace.create_on_push")

    def get_restricted_images(self, organization: Organization) -> Restricted:
        return {"enabled": False, "allow_official_images": False, "allow_verified_publishers": False}

    def get_base_permission(self, organization: Organization) -> str:
        return BasePermission(organization.base_permission).name.lower()
