"""Queueing of Celery tasks, by name, after commit."""

import logging
import time
from functools import partial

from celery import current_app
from django.db import transaction

log = logging.getLogger(__name__)

PAUSE = 3.0  # seconds without a try after the broker was away: one that hangs costs every try its whole timeout


def enqueue(name: str, *args: int | str) -> None:
    """Send the task `name` once the current transaction is committed, or at once outside of one.

    A broker that is away is logged and fails nothing: the row is the queue, and a sweep finds it. By name, so that
    actions never import tasks.
    """
    transaction.on_commit(partial(_send, name, args), robust=True)


def _send(name: str, args: tuple[int | str, ...]) -> None:
    if time.monotonic() < _broker.away_until:
        return
    try:
        current_app.send_task(name, args=args, ignore_result=True)
    except Exception as error:  # noqa: BLE001  whatever the broker client raises, the request must not fail
        _broker.away_until = time.monotonic() + PAUSE
        log.warning("Task %s was not queued (%s); a sweep will find its work.", name, type(error).__name__)


class _Broker:
    """What this process knows of the broker."""

    away_until = 0.0


_broker = _Broker()
