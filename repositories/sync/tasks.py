"""Celery's entrances. Either may run twice or not at all: the rows are the queue."""

from threading import BoundedSemaphore

from celery import shared_task

from repositories.sync import runs, schedule

# Of the 16 threads that a worker has (deploy/): each asks the registry over four connections.
_room = BoundedSemaphore(2)


@shared_task(name="repositories.sync.sweep", time_limit=60)
def sweep() -> None:
    schedule.sweep()


@shared_task(name="repositories.sync.work", time_limit=3600)
def work(run_id: int) -> None:
    """A run, or 0 for what fell due."""
    if not _room.acquire(blocking=False):
        return
    try:
        if run_id:
            runs.work_on(run_id)
        else:
            runs.work_on_due()
    finally:
        _room.release()
