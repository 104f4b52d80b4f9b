"""Celery's entrances. Each does one thing with a row, and may run twice or not at all: the sweep finds what is left."""

from typing import Any

from celery import shared_task
from celery.signals import worker_shutdown

from repositories.webhooks import deliveries, fanout
from repositories.webhooks.sender import sender, stop

STOP_WITHIN = 8.0
"""Seconds that requests under way have to end when a worker stops."""


@shared_task(name="repositories.webhooks.fan_out", time_limit=60)
def fan_out(event_id: int) -> None:
    if fanout.fan_out(event_id):
        sender().wake()


@shared_task(name="repositories.webhooks.deliver", time_limit=60)
def deliver() -> None:
    sender().wake()


@shared_task(name="repositories.webhooks.sweep", time_limit=60)
def sweep() -> None:
    """What lost its wake-up: events not dealt with, deliveries that are due, leases that ran out.

    Without a write when there is nothing to do; beat runs it every 2 s.
    """
    fanout.fan_out_unread()
    deliveries.settle_switched_off()
    deliveries.bring_forward()
    sender().wake()


@worker_shutdown.connect
def _stop(**_kwargs: Any) -> None:
    stop(within=STOP_WITHIN)
