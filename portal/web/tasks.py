"""The worker's heartbeat."""

from celery import shared_task
from celery.signals import worker_ready

from portal.web.health import record_heartbeat


@shared_task(name="portal.web.heartbeat")
def heartbeat() -> None:
    record_heartbeat()


@worker_ready.connect
def beat_at_once(**_: object) -> None:
    """Ready as soon as it is, not five seconds later when beat sends the first task."""
    record_heartbeat()
