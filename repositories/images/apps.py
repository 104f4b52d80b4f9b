from django.apps import AppConfig


class ImagesConfig(AppConfig):
    name = "repositories.images"
    label = "images"
