from django.contrib import admin

from portal.kit.admin import ReadOnlyAdmin
from repositories.webhooks.models import BuildStatus, Delivery, Webhook


@admin.register(Webhook)
class WebhookAdmin(ReadOnlyAdmin):
    list_display = ["name", "repository", "namespace", "host", "format", "is_active", "disabled_by", "failing_since"]
    list_select_related = ["repository", "namespace"]
    list_filter = ["is_active", "disabled_by", "format"]
    search_fields = ["name", "host", "repository__full_name", "namespace__name"]
    # Also what is encrypted: it is of no use here. People write tokens into templates.
    exclude = ["encrypted_url", "encrypted_headers", "encrypted_secret", "encrypted_old_secret", "template"]
    readonly_fields = ["host"]
    ordering = ["-id"]


@admin.register(Delivery)
class DeliveryAdmin(ReadOnlyAdmin):
    list_display = [
        "public_id",
        "webhook",
        "event_type",
        "summary",
        "state",
        "attempt_count",
        "last_status",
        "created_at",
    ]
    list_select_related = ["webhook"]
    list_filter = ["state", "event_type"]
    exclude = ["body", "claim"]
    raw_id_fields = ["webhook", "redelivery_of"]
    ordering = ["-id"]


@admin.register(BuildStatus)
class BuildStatusAdmin(ReadOnlyAdmin):
    list_display = ["repository", "tag", "context", "state", "webhook_name", "reported_at"]
    list_select_related = ["repository"]
    list_filter = ["state"]
    search_fields = ["repository__full_name", "tag", "context"]
    ordering = ["-id"]
