"""Django's admin as operators get it: to look things up. What changes rows goes through actions, which record it."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest


class ReadOnlyAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # generic for the type checker only
    """Lists and shows rows; adds, changes and deletes none."""

    list_per_page = 50
    show_full_result_count = False  # a count over a large table for a number that nobody needs

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
