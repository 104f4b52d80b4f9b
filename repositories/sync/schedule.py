"""When a round begins: once a day, and when the registry was started anew, for its notifications may be lost."""

from collections.abc import Iterable
from datetime import timedelta

from django.conf import settings
from django.db.models import F
from django.utils import timezone

from portal.accounts.actor import SYSTEM
from portal.kit import jobs
from repositories.sync.actions import WORK, request_reconcile
from repositories.sync.models import Difference, RegistryInstance, RepositorySync, Run

AFTER_FAILURE = timedelta(minutes=10)
"""Between a round that the registry did not answer and the next one."""
KEPT = timedelta(days=30)
"""So long what was put right can be read, and runs."""
BATCH = 500


def sweep() -> None:
    """Begin a round that is due, and wake workers for what waits. Five queries when there is nothing to do."""
    open_runs = list(Run.objects.filter(state=Run.State.RUNNING).order_by("id"))
    if not any(run.is_round for run in open_runs) and _is_time():
        request_reconcile(actor=SYSTEM, trigger=Run.Trigger.SCHEDULE)
    now = timezone.now()
    for run in open_runs:
        if run.leased_until is None or run.leased_until <= now:
            jobs.enqueue(WORK, run.pk)
    if RepositorySync.objects.filter(due_at__lte=now).exists():
        jobs.enqueue(WORK, 0)
    forget()


def _is_time() -> bool:
    last = Run.objects.filter(repository=None).order_by("-id").first()
    if last is None:
        return True
    now = timezone.now()
    if last.state == Run.State.FAILED:
        return (last.finished_at or last.started_at) <= now - min(AFTER_FAILURE, settings.RECONCILE_EVERY)
    return last.started_at <= now - settings.RECONCILE_EVERY


def note_instances(instances: Iterable[str]) -> None:
    """Notifications came from these processes of the registry: a new one means a round. One query for known ones.

    The first one of all means none: nothing can be lost yet.
    """
    told = {instance for instance in instances if instance}
    if not told:
        return
    new = told - set(RegistryInstance.objects.filter(instance__in=told).values_list("instance", flat=True))
    if not new:
        return
    is_first = not RegistryInstance.objects.exists()
    rows = [RegistryInstance(instance=instance) for instance in sorted(new)]
    RegistryInstance.objects.bulk_create(rows, ignore_conflicts=True)
    if not is_first:
        _begin_anew()


def _begin_anew() -> None:
    """A round that is under way looks at everything once more: what it saw may be older than what was lost."""
    under_way = Run.objects.filter(repository=None, state=Run.State.RUNNING)
    if not under_way.update(since=timezone.now(), total=F("total") + F("repositories")):
        request_reconcile(actor=SYSTEM, trigger=Run.Trigger.INSTANCE)


def forget() -> None:
    """Drop what was settled long ago, a batch at a time."""
    before = timezone.now() - KEPT
    old = Difference.objects.filter(settled_at__lt=before).order_by("settled_at").values_list("pk", flat=True)
    if ids := list(old[:BATCH]):
        Difference.objects.filter(pk__in=ids).delete()
    runs = Run.objects.filter(finished_at__lt=before).order_by("id").values_list("pk", flat=True)
    if ids := list(runs[:BATCH]):
        Run.objects.filter(pk__in=ids).delete()
