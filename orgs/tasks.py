"""Celery's entrances. Each does one thing with a row, and may run twice or not at all: the sweep finds what is left."""

from celery import shared_task

from orgs.invitations import sending


@shared_task(name="orgs.send_invitation", time_limit=60)
def send_invitation(pk: int) -> None:
    sending.send(pk)


@shared_task(name="orgs.sweep_invitations", time_limit=120)
def sweep_invitations() -> None:
    sending.sweep()
