"""Operators' view of people: look up, switch off, make operators. Every change is an event."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from portal.accounts import actions
from portal.accounts.middleware import actor_of
from portal.accounts.models import Namespace, OrganizationAccessToken, PersonalAccessToken, User
from portal.kit.admin import ReadOnlyAdmin


@admin.register(User)
class UserAdmin(ReadOnlyAdmin):
    """People sign up by themselves, and are switched off rather than deleted: their images stay."""

    list_display = ["username", "email", "date_joined", "last_login", "is_active", "is_superuser"]
    list_filter = ["is_active", "is_superuser"]
    search_fields = ["username", "email"]
    ordering = ["username"]
    fields = ["username", "email", "full_name", "date_joined", "last_login", "is_active", "is_superuser"]
    readonly_fields = ["username", "email", "full_name", "date_joined", "last_login"]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.is_superuser

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:  # noqa: FBT001  Django's signature
        actions.change_user(
            actor=actor_of(request), user_id=obj.pk, is_active=obj.is_active, is_superuser=obj.is_superuser
        )


@admin.register(Namespace)
class NamespaceAdmin(ReadOnlyAdmin):
    list_display = ["name", "user", "create_on_push", "created_at"]
    list_select_related = ["user"]
    search_fields = ["name"]
    ordering = ["name"]


@admin.register(PersonalAccessToken)
class PersonalAccessTokenAdmin(ReadOnlyAdmin):
    list_display = ["label", "user", "level", "is_active", "created_at", "expires_at", "last_used_at"]
    list_select_related = ["user"]
    search_fields = ["label", "user__username"]
    exclude = ["hash"]
    ordering = ["-id"]


@admin.register(OrganizationAccessToken)
class OrganizationAccessTokenAdmin(ReadOnlyAdmin):
    list_display = ["label", "namespace", "for_team", "is_active", "created_at", "expires_at", "last_used_at"]
    list_select_related = ["namespace"]
    search_fields = ["label", "namespace__name"]
    exclude = ["hash", "old_hash"]
    ordering = ["-id"]
