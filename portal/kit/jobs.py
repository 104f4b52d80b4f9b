"""Queueing of Celery tasks, by name, after commit."""

import logging
from functools import partial

from celery import current_app
from django.db import transaction

log = logging.getLogger(__name__)


def enqueue(name: str, *args: int | str) -> None:
    """Send the task `name` once the current transaction is committed, or at once outside of one.

    A broker that is away is logged and fails nothing: the row is the queue, and a sweep finds it. By name, so that
    actions never import tasks.
    """
    transaction.on_commit(partial(_send, name, args), robust=True)


def _send(name: str, args: tuple[int | str, ...]) -> None:
    try:
        current_app.send_task(name, args=args, ignore_result=True)
    except Exception as error:  # noqa: BLE001  whatever the broker client raises, the request must not fail
        log.warning("Task %s was not queued (%s); a sweep will find its work.", name, type(error).__name__)
