from django.contrib import admin
from django.core.paginator import Paginator
from django.utils.functional import cached_property

from portal.events.models import Event
from portal.kit.admin import ReadOnlyAdmin


class UncountedPaginator(Paginator):  # type: ignore[type-arg]  # generic for the type checker only
    """The newest number stands for the count, which would read all of a table that only grows."""

    @cached_property
    def count(self) -> int:
        newest = Event.objects.order_by("-id").values_list("id", flat=True).first()
        return newest or 0


@admin.register(Event)
class EventAdmin(ReadOnlyAdmin):
    """The newest ones at a glance. What filters and searches any number of them is the audit log's own page."""

    list_display = ["at", "action", "actor_name", "credential", "address", "target"]
    ordering = ["-id"]
    paginator = UncountedPaginator
