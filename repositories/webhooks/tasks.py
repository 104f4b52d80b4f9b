"""Celery's entrances. Each does one thing with a row, and may run twice or not at all: the sweep finds what is left."""

from celery import shared_task

from repositories.webhooks import deliveries


@shared_task(name="repositories.webhooks.fan_out", time_limit=60)
def fan_out(event_id: int) -> None:
    deliveries.fan_out(event_id)


@shared_task(name="repositories.webhooks.deliver", time_limit=60)
def deliver(webhook_id: int) -> None:
    deliveries.deliver(webhook_id)


@shared_task(name="repositories.webhooks.sweep", time_limit=60)
def sweep() -> None:
    deliveries.sweep()
