from django.contrib import admin

from portal.events.models import Event
from portal.kit.admin import ReadOnlyAdmin


@admin.register(Event)
class EventAdmin(ReadOnlyAdmin):
    list_display = ["at", "action", "actor_name", "credential", "address", "target"]
    list_filter = ["action"]
    search_fields = ["actor_name", "target", "address"]
    ordering = ["-id"]
