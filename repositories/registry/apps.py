from django.apps import AppConfig


class RegistryConfig(AppConfig):
    name = "repositories.registry"
    label = "registry"
