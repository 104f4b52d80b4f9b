"""Works through what is to be compared: a round, one repository that somebody asked for, and what fell due.

Whoever works goes on until its time is over, and wakes the next; any of them may be killed at any point.
"""

import logging
import time
from collections.abc import Callable

from django.db.models import F, Q, Sum
from django.utils import timezone
from django.utils.translation import gettext as _

from portal.kit import jobs
from repositories.models import Repository
from repositories.registry.client import RegistryUnavailable
from repositories.sync import leases, missing
from repositories.sync.actions import WORK
from repositories.sync.compare import Report, compare
from repositories.sync.leases import Lease, LeaseLost
from repositories.sync.looking import Looker
from repositories.sync.models import RepositorySync, Run
from repositories.sync.pace import Pace

log = logging.getLogger(__name__)

TURN = 45.0
"""Seconds that one task works."""
GIVEN_UP_AFTER = 3
"""Repositories in a row that could not be compared: the registry is away, and asking on would only wait."""
BATCH = 1000

State = Run.State
Looked = tuple[Repository, Report | RegistryUnavailable]
Told = Callable[[Repository, Report | RegistryUnavailable], None]

pace = Pace()
"""Of this process, since all of its workers ask the same registry."""


def work_on(run_id: int, *, told: Told | None = None, turn: float = TURN) -> bool:
    """Claim the run and work on it for so many seconds; whether it is over, or was nobody's to work on.

    `told` hears of each repository that was looked at.
    """
    if not leases.claim_run(run_id):
        return not Run.objects.filter(pk=run_id, state=State.RUNNING).exists()
    try:
        with Looker(pace) as looker:
            is_over = _Worker(run_id, looker, told).work(time.monotonic() + turn)
    finally:
        leases.release_run(run_id)
    if not is_over:
        jobs.enqueue(WORK, run_id)
    return is_over


class _Worker:
    def __init__(self, run_id: int, looker: Looker, told: Told | None) -> None:
        self._run_id = run_id
        self._looker = looker
        self._told = told
        self._failed = 0

    def work(self, ends: float) -> bool:
        """Whether the run is over. False when time is, or when what is left is in other hands."""
        run, renewed = self._run(), time.monotonic()
        if run is not None and run.is_round and not run.total:
            _prepare(run)
            run = self._run()
        while run is not None and run.state == State.RUNNING:
            if time.monotonic() >= ends:
                return False
            if time.monotonic() - renewed > leases.RENEWED_EVERY:
                leases.renew_run(run.pk)
                renewed = time.monotonic()
            lease, is_left = _next(run)
            if lease is None:
                return not is_left and _finish(run)
            run = self._look(run, lease)
        return True

    def _run(self) -> Run | None:
        """None when it was deleted with its repository."""
        return Run.objects.filter(pk=self._run_id).first()

    def _look(self, asked: Run, lease: Lease) -> Run | None:
        """The run as it is after that. None when it is over."""
        result = look(lease, asked, self._looker)
        if result is not None and self._told:
            self._told(*result)
        run = self._run()
        if run is None:
            return None
        self._failed = self._failed + 1 if _is_failure(result) else 0
        return None if self._is_over(run) else run

    def _is_over(self, run: Run) -> bool:
        if self._failed >= GIVEN_UP_AFTER:
            return _end(run, State.FAILED, str(RegistryUnavailable.default))
        if run.is_round and run.missing > missing.most_of(run.tags_total):
            missing.hold_all_of(run)
            return _end(run, State.STOPPED, _too_much(run))
        return not run.is_round and run.repositories > 0 and _finish(run)


def _is_failure(result: Looked | None) -> bool:
    return result is not None and isinstance(result[1], RegistryUnavailable)


def _prepare(run: Run) -> None:
    """A row for each repository, and what the round's share is a share of."""
    while rows := list(Repository.objects.filter(sync=None).order_by("id").values_list("pk", flat=True)[:BATCH]):
        RepositorySync.objects.bulk_create([RepositorySync(repository_id=pk) for pk in rows], ignore_conflicts=True)
    total = RepositorySync.objects.filter(looked_at__lt=run.since).count()
    tags = Repository.objects.aggregate(tags=Sum("tag_count"))["tags"] or 0
    Run.objects.filter(pk=run.pk).update(total=total, tags_total=tags)


def _next(run: Run) -> tuple[Lease | None, bool]:
    """The repository that was looked at least recently of those that the run has before it, claimed.

    And whether any is left, when there is none that could be claimed.
    """
    if run.repository_id is not None:
        RepositorySync.objects.get_or_create(repository_id=run.repository_id)
        lease = leases.claim(run.repository_id)
        return lease, lease is None
    before = RepositorySync.objects.filter(looked_at__lt=run.since).order_by("looked_at", "pk")
    for pk in before.filter(leases.is_free(timezone.now())).values_list("pk", flat=True)[:5]:
        if lease := leases.claim(pk):
            return lease, True
    return None, before.exists()


def look(lease: Lease, run: Run | None, looker: Looker) -> Looked | None:
    """Compare the claimed repository and count it. None when it was deleted, or is another worker's by now."""
    repository = Repository.objects.filter(pk=lease.repository_id).first()
    if repository is None:
        return None
    try:
        report = compare(repository, run=run, looker=looker, alive=lease.renew)
    except RegistryUnavailable as error:
        lease.failed(str(error))
        _count(run, repositories=1, errors=1)
        return repository, error
    except (LeaseLost, Repository.DoesNotExist):
        return None
    except Exception:
        # One repository that cannot be compared keeps no other waiting.
        log.exception("Repository %d could not be compared.", repository.pk)
        lease.failed(_("An error of Moorage's own. Its log says more."))
        _count(run, repositories=1, errors=1)
        return None
    lease.done(due_at=report.due_at)
    _count(
        run,
        repositories=1,
        tags=report.tags,
        added=len(report.added),
        moved=len(report.moved),
        missing=report.new_missing,
        recounted=int(report.recounted),
    )
    return repository, report


def _count(run: Run | None, **counts: int) -> None:
    if run is not None:
        Run.objects.filter(pk=run.pk).update(**{name: F(name) + count for name, count in counts.items() if count})


def _finish(run: Run) -> bool:
    if run.repository_id is not None and run.errors:
        error = RepositorySync.objects.filter(pk=run.repository_id).values_list("error", flat=True).first()
        return _end(run, State.FAILED, error or "")
    if run.repository_id is not None and run.differences.filter(state="held").exists():
        return _end(run, State.STOPPED, _too_much(run))
    return _end(run, State.DONE, "")


def _too_much(run: Run) -> str:
    text = _("%(missing)d tags are missing in the registry: too many to let them go. Nothing was removed.")
    return text % {"missing": run.missing}


def _end(run: Run, state: Run.State, error: str) -> bool:
    rows = Run.objects.filter(pk=run.pk, state=State.RUNNING)
    rows.update(state=state, error=error, finished_at=timezone.now(), leased_until=None)
    return True


def work_on_due(*, turn: float = TURN) -> None:
    """Second looks, and other tries after an error."""
    ends, failed = time.monotonic() + turn, 0
    with Looker(pace) as looker:
        for pk in _due():
            if time.monotonic() >= ends or failed >= GIVEN_UP_AFTER:
                return
            if lease := leases.claim(pk):
                failed = failed + 1 if _is_failure(look(lease, None, looker)) else 0


def _due() -> list[int]:
    now = timezone.now()
    rows = RepositorySync.objects.filter(Q(leases.is_free(now)), due_at__lte=now).order_by("due_at")
    return list(rows.values_list("pk", flat=True)[:BATCH])
