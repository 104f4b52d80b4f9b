from django.contrib import admin

from portal.kit.admin import ReadOnlyAdmin
from repositories.models import Repository


@admin.register(Repository)
class RepositoryAdmin(ReadOnlyAdmin):
    list_display = ["full_name", "visibility", "tag_count", "star_count", "last_pushed_at", "created_at"]
    list_filter = ["visibility"]
    search_fields = ["full_name"]
    ordering = ["full_name"]
