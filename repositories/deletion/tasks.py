"""Celery's entrances. Each may run twice or not at all: the rows say what is left."""

import uuid

from celery import shared_task

from repositories.deletion import bulk, purge, removal


@shared_task(name="repositories.deletion.purge", time_limit=180)
def purge_due() -> None:
    purge.purge_due()


@shared_task(name="repositories.deletion.remove_repository", time_limit=180)
def remove_repository(removed_id: str) -> None:
    removal.remove(uuid.UUID(removed_id))


@shared_task(name="repositories.deletion.sweep_removals", time_limit=900)
def sweep_removals() -> None:
    removal.sweep()


@shared_task(name="repositories.deletion.bulk", time_limit=180)
def run_bulk(job_id: int) -> None:
    bulk.run(job_id)


@shared_task(name="repositories.deletion.sweep_bulk", time_limit=900)
def sweep_bulk() -> None:
    bulk.sweep()
