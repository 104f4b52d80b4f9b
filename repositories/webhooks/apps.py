from importlib import import_module

from django.apps import AppConfig


class WebhooksConfig(AppConfig):
    name = "repositories.webhooks"
    label = "webhooks"

    def ready(self) -> None:
        import_module("repositories.webhooks.checks")  # registers
        import_module("repositories.webhooks.lifecycle").connect()
