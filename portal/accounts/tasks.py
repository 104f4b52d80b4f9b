"""Celery's entrances. Each may run twice, or not at all: the next one does it."""

from celery import shared_task

from portal.accounts import actions, last_use


@shared_task(name="portal.accounts.flush_last_use", time_limit=60)
def flush_last_use() -> None:
    last_use.flush()


@shared_task(name="portal.accounts.free_unconfirmed_names", time_limit=300)
def free_unconfirmed_names() -> None:
    actions.free_unconfirmed_names()
