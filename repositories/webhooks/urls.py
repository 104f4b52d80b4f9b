from django.urls import path

from repositories.webhooks import delivery_views, views

ALL = "<namespace:namespace>/<repository:name>/-/webhooks"
ONE = f"{ALL}/<int:webhook_id>"
DELIVERY = f"{ONE}/deliveries/<slug:delivery_id>"

urlpatterns = [
    path(ALL, views.webhooks, name="repository_webhooks"),
    path(ONE, delivery_views.webhook, name="repository_webhook"),
    path(f"{ONE}/edit", views.edit_webhook, name="repository_webhook_edit"),
    path(f"{ONE}/switch", views.switch_webhook, name="repository_webhook_switch"),
    path(f"{ONE}/delete", views.delete_webhook, name="repository_webhook_delete"),
    path(DELIVERY, delivery_views.delivery, name="repository_delivery"),
    path(f"{DELIVERY}/redeliver", delivery_views.redeliver, name="repository_redeliver"),
]
