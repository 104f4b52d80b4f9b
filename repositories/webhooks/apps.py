from django.apps import AppConfig


class WebhooksConfig(AppConfig):
    name = "repositories.webhooks"
    label = "webhooks"
