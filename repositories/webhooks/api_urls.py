"""Under /v2/. Declared without the trailing slash: `kit.middleware.HubSlashes` serves both forms."""

from collections.abc import Iterator

from django.urls import URLPattern, path

from repositories.webhooks.api import catalogue, deliveries, operator, views

PLACES = {
    "api": "repositories/<namespace:namespace>/<repository:repository>",
    "api_namespace": "namespaces/<namespace:namespace>",
}


def _below(place: str, prefix: str) -> Iterator[URLPattern]:
    """The same for a repository's webhooks and a namespace's."""
    every = f"{place}/webhooks"
    one = f"{every}/<int:webhook_id>"
    log = f"{one}/deliveries"
    delivery = f"{log}/<slug:delivery_id>"
    yield path(every, views.Webhooks.as_view(), name=f"{prefix}_webhooks")
    yield path(f"{every}/preview", catalogue.Previews.as_view(), name=f"{prefix}_webhook_preview")
    yield path(one, views.OneWebhook.as_view(), name=f"{prefix}_webhook")
    yield path(f"{one}/rotate-secret", views.RotateSecret.as_view(), name=f"{prefix}_webhook_rotate")
    yield path(f"{one}/ping", views.Ping.as_view(), name=f"{prefix}_webhook_ping")
    yield path(f"{one}/resume", views.Resume.as_view(), name=f"{prefix}_webhook_resume")
    yield path(f"{one}/redeliver", views.RedeliverMany.as_view(), name=f"{prefix}_webhook_redeliver")
    yield path(log, deliveries.Deliveries.as_view(), name=f"{prefix}_deliveries")
    yield path(delivery, deliveries.OneDelivery.as_view(), name=f"{prefix}_delivery")
    yield path(f"{delivery}/redeliver", deliveries.Redeliver.as_view(), name=f"{prefix}_redeliver")


urlpatterns = [
    *(pattern for prefix, place in PLACES.items() for pattern in _below(place, prefix)),
    path("webhooks/events", catalogue.Events.as_view(), name="api_webhook_events"),
    path("webhooks/formats", catalogue.Formats.as_view(), name="api_webhook_formats"),
    path("registry/webhooks", operator.Operating.as_view(), name="api_registry_webhooks"),
]
