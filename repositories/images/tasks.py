"""Celery's entrances."""

from celery import shared_task

from repositories.images import details, pulls


@shared_task(name="repositories.images.read_details", time_limit=60)
def read_details(manifest_id: int) -> None:
    details.read_details(manifest_id)


@shared_task(name="repositories.images.sweep", time_limit=60)
def sweep() -> None:
    details.sweep()


@shared_task(name="repositories.images.forget_pulls", time_limit=600)
def forget_pulls() -> None:
    pulls.forget_old()
