from django.apps import AppConfig


class DeletionConfig(AppConfig):
    name = "repositories.deletion"
    label = "deletion"
