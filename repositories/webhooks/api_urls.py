"""Under /v2/. Declared without the trailing slash: `kit.middleware.HubSlashes` serves both forms."""

from django.urls import path

from repositories.webhooks.api import operator, views

ALL = "repositories/<namespace:namespace>/<repository:repository>/webhooks"
ONE = f"{ALL}/<int:webhook_id>"
DELIVERY = f"{ONE}/deliveries/<slug:delivery_id>"

urlpatterns = [
    path(ALL, views.Webhooks.as_view(), name="api_webhooks"),
    path(ONE, views.OneWebhook.as_view(), name="api_webhook"),
    path(f"{ONE}/deliveries", views.Deliveries.as_view(), name="api_deliveries"),
    path(DELIVERY, views.OneDelivery.as_view(), name="api_delivery"),
    path(f"{DELIVERY}/redeliver", views.Redeliver.as_view(), name="api_redeliver"),
    path("registry/webhooks", operator.Operating.as_view(), name="api_registry_webhooks"),
]
