from django.apps import AppConfig


class GatewayConfig(AppConfig):
    name = "repositories.gateway"
    label = "gateway"
