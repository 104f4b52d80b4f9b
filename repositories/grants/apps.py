from django.apps import AppConfig


class GrantsConfig(AppConfig):
    """No models of its own: they are the repositories'. Fills the places that the organization's pages leave."""

    name = "repositories.grants"
    label = "grants"

    def ready(self) -> None:
        from orgs import slots  # noqa: PLC0415  not before the apps are loaded
        from repositories.grants import effective_parts  # noqa: PLC0415  likewise
        from repositories.grants.sharing_teams import part_of_team  # noqa: PLC0415  likewise

        slots.register(slots.Slot.TEAM, part_of_team)
        slots.register(slots.Slot.TEAM, effective_parts.part_of_team)
        slots.register(slots.Slot.TEAM_DELETE, effective_parts.before_team_deletion)
        slots.register(slots.Slot.MEMBER, effective_parts.part_of_member)
        slots.register(slots.Slot.MEMBER_ROLE, effective_parts.before_role)
        slots.register(slots.Slot.MEMBER_REMOVE, effective_parts.before_removal)
