"""Celery's entrances. Each does one thing with a row, and may run twice or not at all: the sweep finds what is left."""

from typing import Any

from celery import shared_task
from celery.signals import worker_ready, worker_shutdown, worker_shutting_down

from repositories.webhooks import counting, fanout, mails, retention, sender
from repositories.webhooks.sending import DEADLINE

STOP_WITHIN = DEADLINE + 0.5
"""Seconds in which whatever is under way ends when a worker is asked to stop. Whoever asks has to wait a bit longer."""


@shared_task(name="repositories.webhooks.fan_out", time_limit=60)
def fan_out(event_id: int) -> None:
    if fanout.fan_out(event_id):
        sender.sender().wake()


@shared_task(name="repositories.webhooks.deliver", time_limit=60)
def deliver() -> None:
    sender.sender().wake()


@shared_task(name="repositories.webhooks.sweep", time_limit=60)
def sweep() -> None:
    """By beat, every 2 s; a worker does the same by itself while there is no broker."""
    sender.sweep()
    sender.sender().wake()


@shared_task(name="repositories.webhooks.mail_paused", time_limit=300)
def mail_paused(webhook_id: int) -> None:
    mails.send(webhook_id)


@shared_task(name="repositories.webhooks.sweep_mails", time_limit=300)
def sweep_mails() -> None:
    mails.sweep()


@shared_task(name="repositories.webhooks.count_attempts", time_limit=60)
def count_attempts() -> None:
    counting.count_attempts()


@shared_task(name="repositories.webhooks.clear_log", time_limit=120)
def clear_log() -> None:
    retention.clear_log()


@worker_ready.connect
def _start(**_kwargs: Any) -> None:
    sender.sender().wake()


@worker_shutting_down.connect
def _begin_to_stop(**_kwargs: Any) -> None:
    """At once: a request that begins now would have to be cut off."""
    sender.claim_no_more()


@worker_shutdown.connect
def _stop(**_kwargs: Any) -> None:
    sender.stop(within=STOP_WITHIN)
