"""Celery's entrances. Each does one thing with a row, and may run twice or not at all: the sweep finds what is left."""

from threading import BoundedSemaphore

from celery import shared_task

from repositories.webhooks import deliveries

# Of the 16 threads that a worker has (deploy/): receivers that hang must not keep images from being read and pushes
# from being settled. Whoever finds no room leaves the delivery to the next sweep.
_room = BoundedSemaphore(12)


@shared_task(name="repositories.webhooks.fan_out", time_limit=60)
def fan_out(event_id: int) -> None:
    deliveries.fan_out(event_id)


@shared_task(name="repositories.webhooks.deliver", time_limit=60)
def deliver(webhook_id: int) -> None:
    if not _room.acquire(blocking=False):
        return
    try:
        deliveries.deliver(webhook_id)
    finally:
        _room.release()


@shared_task(name="repositories.webhooks.sweep", time_limit=60)
def sweep() -> None:
    deliveries.sweep()
