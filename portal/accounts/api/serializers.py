"""Shapes of the accounts' API. Input serializers check shape only; what is allowed is the actions' business."""

from typing import Any

from rest_framework import serializers

from portal.accounts.models import PersonalAccessToken, TokenAction, TokenLevel, User
from portal.kit.patterns import PATTERN_MAX

HUB_CLIENT = "HUB"


class TokenRequest(serializers.Serializer[Any]):
    identifier = serializers.CharField(
        max_length=254, help_text="User name, a confirmed e-mail address, or an organization's name."
    )
    secret = serializers.CharField(
        max_length=4096,
        trim_whitespace=False,
        write_only=True,
        help_text="Password or personal access token; of an organization an organization access token.",
    )


class TokenAnswer(serializers.Serializer[Any]):
    access_token = serializers.CharField(help_text="A JWT for `Authorization: Bearer …`; lives ten minutes.")


class LoginRequest(serializers.Serializer[Any]):
    username = serializers.CharField(
        max_length=254, help_text="User name, a confirmed e-mail address, or an organization's name."
    )
    password = serializers.CharField(
        max_length=4096,
        trim_whitespace=False,
        write_only=True,
        help_text="Password or personal access token; of an organization an organization access token.",
    )


class LoginAnswer(serializers.Serializer[Any]):
    token = serializers.CharField(help_text="A JWT for `Authorization: Bearer …` or `JWT …`; lives a day.")


class TokenLimit(serializers.Serializer[Any]):
    path = serializers.CharField(
        max_length=PATTERN_MAX,
        help_text="`acme/api`, `acme/payments/*`, `acme` for the organization itself, or `*` wherever you may.",
    )
    actions = serializers.ListField(
        child=serializers.ChoiceField(choices=TokenAction.values),
        allow_empty=False,
        help_text="`push` brings `pull` with it, `delete` brings both.",
    )


class AccessTokenRequest(serializers.Serializer[Any]):
    token_label = serializers.CharField()
    scopes = serializers.ListField(
        child=serializers.ChoiceField(choices=TokenLevel.values),
        allow_empty=False,
        required=False,
        help_text="Each level includes the ones before: the highest counts. May be left out beside `resources`.",
    )
    resources = TokenLimit(
        many=True,
        required=False,
        allow_null=True,
        default=None,
        help_text="Where it may do what, and nowhere else; the scopes cap it. Without, it is not limited.",
    )
    expires_at = serializers.DateTimeField(required=False, allow_null=True, default=None)


class OldAccessTokenRequest(AccessTokenRequest):
    """Under its old name Docker Hub took a token without scopes, and gave it all."""

    scopes = serializers.ListField(
        child=serializers.ChoiceField(choices=TokenLevel.values), required=False, default=[TokenLevel.ADMIN]
    )


class AccessTokenPatch(serializers.Serializer[Any]):
    token_label = serializers.CharField(required=False)
    is_active = serializers.BooleanField(required=False)


class AccessTokenAnswer(serializers.Serializer[PersonalAccessToken]):
    """`token` holds the secret once, in the answer that made it."""

    uuid = serializers.UUIDField(source="public_id")
    client_id = serializers.SerializerMethodField()
    creator_ip = serializers.CharField(source="creator_address")
    creator_ua = serializers.CharField(source="creator_client")
    created_at = serializers.DateTimeField()
    last_used = serializers.DateTimeField(source="last_used_at", allow_null=True)
    generated_by = serializers.SerializerMethodField()
    is_active = serializers.BooleanField()
    token = serializers.SerializerMethodField()
    token_label = serializers.CharField(source="label")
    scopes = serializers.SerializerMethodField()
    expires_at = serializers.DateTimeField(allow_null=True)
    resources = TokenLimit(source="limits", many=True, allow_null=True)

    def get_client_id(self, token: PersonalAccessToken) -> str:
        return HUB_CLIENT

    def get_generated_by(self, token: PersonalAccessToken) -> str:
        return "manual"

    def get_token(self, token: PersonalAccessToken) -> str:
        return str(self.context.get("secret", ""))

    def get_scopes(self, token: PersonalAccessToken) -> list[str]:
        return [token.level]


class UserAnswer(serializers.Serializer[User]):
    """A person as everybody may see them: no e-mail address."""

    id = serializers.CharField(source="public_id")
    uuid = serializers.CharField(source="public_id")
    username = serializers.CharField()
    full_name = serializers.CharField()
    location = serializers.SerializerMethodField()
    company = serializers.SerializerMethodField()
    profile_url = serializers.SerializerMethodField()
    gravatar_url = serializers.SerializerMethodField()
    gravatar_email = serializers.SerializerMethodField()
    date_joined = serializers.DateTimeField()
    type = serializers.SerializerMethodField()

    # Moorage asks nobody for these, and gives nobody's address to a third party.
    def _empty(self, user: User) -> str:
        return ""

    get_location = get_company = get_profile_url = get_gravatar_url = get_gravatar_email = _empty

    def get_type(self, user: User) -> str:
        return "User"


class OwnUserAnswer(UserAnswer):
    """Oneself."""

    email = serializers.EmailField()
    email_confirmed = serializers.SerializerMethodField()
    is_staff = serializers.BooleanField()
    is_admin = serializers.BooleanField(source="is_superuser")

    def get_email_confirmed(self, user: User) -> bool:
        return bool(self.context["view"].actor.confirmed)


def highest_level(scopes: list[str]) -> str:
    """Of the levels that were asked for, which each include the ones before."""
    order = TokenLevel.values
    return max(scopes, key=order.index, default=TokenLevel.ADMIN)
