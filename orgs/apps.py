from django.apps import AppConfig


class OrgsConfig(AppConfig):
    name = "orgs"
    label = "orgs"

    def ready(self) -> None:
        from orgs import slots  # noqa: PLC0415  the models must be there first
        from orgs.token_views import robots_of_team  # noqa: PLC0415  likewise

        slots.register(slots.Slot.TEAM, robots_of_team)
