from django.apps import AppConfig

from portal.kit import connections


class AccountsConfig(AppConfig):
    name = "portal.accounts"
    label = "accounts"

    def ready(self) -> None:
        from portal.accounts import signals  # noqa: PLC0415  the models must be there first

        signals.connect()
        connections.connect()
