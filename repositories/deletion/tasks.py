"""Celery's entrances."""

from celery import shared_task

from repositories.deletion import purge


@shared_task(name="repositories.deletion.purge", time_limit=180)
def purge_due() -> None:
    purge.purge_due()
