"""Celery's entrances."""

from celery import shared_task

from repositories.gateway import intents, notifications


@shared_task(name="repositories.gateway.sweep", time_limit=120)
def sweep() -> None:
    """Notifications first: they tell which intents the registry has seen."""
    notifications.apply()
    intents.sweep()
