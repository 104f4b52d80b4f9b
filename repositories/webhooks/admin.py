from django.contrib import admin

from portal.kit.admin import ReadOnlyAdmin
from repositories.webhooks.models import Delivery, Webhook


@admin.register(Webhook)
class WebhookAdmin(ReadOnlyAdmin):
    list_display = ["name", "repository", "host", "is_active", "disabled_by", "created_at"]
    list_select_related = ["repository"]
    search_fields = ["name", "host", "repository__full_name"]
    exclude = ["encrypted_url"]
    ordering = ["-id"]


@admin.register(Delivery)
class DeliveryAdmin(ReadOnlyAdmin):
    list_display = ["public_id", "webhook", "summary", "state", "attempt_count", "next_attempt_at", "created_at"]
    list_select_related = ["webhook"]
    list_filter = ["state"]
    exclude = ["body"]
    ordering = ["-id"]
