"""Celery's entrances."""

from celery import shared_task

from repositories.gateway import notifications
from repositories.images import intents


@shared_task(name="repositories.gateway.sweep", time_limit=120)
def sweep() -> None:
    """Notifications first: they tell which intents the registry has seen."""
    notifications.apply()
    intents.sweep()
