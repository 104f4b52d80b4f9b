from django.apps import AppConfig


class SyncConfig(AppConfig):
    name = "repositories.sync"
    label = "sync"
