from django.apps import AppConfig


class RepositoriesConfig(AppConfig):
    name = "repositories"
    label = "repositories"

    def ready(self) -> None:
        from repositories import converters  # noqa: PLC0415  not before the apps are loaded

        converters.register()
