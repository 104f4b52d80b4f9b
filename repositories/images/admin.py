from django.contrib import admin

from portal.kit.admin import ReadOnlyAdmin
from repositories.images.models import PushIntent


@admin.register(PushIntent)
class PushIntentAdmin(ReadOnlyAdmin):
    list_display = ["id", "repository", "reference", "digest", "state", "actor_name", "created_at", "leased_until"]
    list_select_related = ["repository"]
    list_filter = ["state"]
    exclude = ["body"]
    ordering = ["-created_at"]
