"""What people do about the comparison with the registry. Each asks access first."""

from collections.abc import Sequence

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone

from portal.accounts.actor import Actor
from portal.events.record import record
from portal.kit import jobs
from repositories.models import Repository
from repositories.sync import access
from repositories.sync.models import Difference, RepositorySync, Run

WORK = "repositories.sync.work"
"""Wakes a worker; the sweep finds a run whose wake-up was lost."""

State = Difference.State


def request_reconcile(
    *,
    actor: Actor,
    repository: Repository | None = None,
    trigger: Run.Trigger = Run.Trigger.BUTTON,
    wake: bool = True,
) -> Run:
    """Have one repository compared, or all: the new run, or the one that is open already.

    `wake` is off where the caller does the work itself. Raises NotFound, Forbidden, Unauthorized.
    """
    if repository is None:
        access.require_operator(actor)
    else:
        repository = access.require_reconcile(actor, repository)
    try:
        with transaction.atomic():
            run = _open(actor, repository, trigger)
            if wake:
                jobs.enqueue(WORK, run.pk)
            return run
    except IntegrityError:
        return Run.objects.get(repository=repository, state=Run.State.RUNNING)


def _open(actor: Actor, repository: Repository | None, trigger: Run.Trigger) -> Run:
    """Raises IntegrityError when one is open."""
    run = Run.objects.create(
        trigger=trigger, repository=repository, requested_by_id=actor.user_id, requested_by_name=actor.name
    )
    if not actor.is_system:
        record(
            "repo.reconcile",
            actor=actor,
            namespace=repository.namespace_name if repository else "",
            repository_id=repository.pk if repository else None,
            target=repository.full_name if repository else "",
        )
    return run


def approve(*, actor: Actor, difference_ids: Sequence[int]) -> int:
    """Let what is held or was dismissed go, if it is still missing at the next look, which is due at once.

    How many were approved. Operators only: raises NotFound, Unauthorized.
    """
    rows = Difference.objects.filter(pk__in=difference_ids, state__in=[State.HELD, State.DISMISSED])
    return _record_decision(actor, rows, State.APPROVED, "repo.reconcile.approve")


def dismiss(*, actor: Actor, difference_ids: Sequence[int]) -> int:
    """Leave what is held as it is, however often it is found missing; how many. As `approve`."""
    rows = Difference.objects.filter(pk__in=difference_ids, state__in=[State.HELD, State.APPROVED])
    return _record_decision(actor, rows, State.DISMISSED, "repo.reconcile.dismiss")


def approve_all(*, actor: Actor, repository: Repository | None = None) -> int:
    """Everything that is held, or what is of one repository. As `approve`."""
    return _record_decision(actor, _held(repository), State.APPROVED, "repo.reconcile.approve")


def dismiss_all(*, actor: Actor, repository: Repository | None = None) -> int:
    """Everything that is held, or what is of one repository. As `dismiss`."""
    return _record_decision(actor, _held(repository), State.DISMISSED, "repo.reconcile.dismiss")


def _held(repository: Repository | None) -> QuerySet[Difference]:
    rows = Difference.objects.filter(state=State.HELD)
    return rows.filter(repository=repository) if repository else rows


def _record_decision(actor: Actor, rows: QuerySet[Difference], state: Difference.State, action: str) -> int:
    """One transaction and one event for each repository, so that a plan of many thousand keeps no push waiting."""
    access.require_operator(actor)
    decided = 0
    for repository in list(Repository.objects.filter(pk__in=rows.order_by().values("repository")).only("full_name")):
        with transaction.atomic():
            decided += _record_decision_in(actor, repository, rows.filter(repository=repository), state, action)
    return decided


def _record_decision_in(
    actor: Actor, repository: Repository, rows: QuerySet[Difference], state: Difference.State, action: str
) -> int:
    now = timezone.now()
    count = rows.update(state=state, decided_by_id=actor.user_id, decided_by_name=actor.name, decided_at=now)
    if not count:
        return 0
    record(
        action,
        actor=actor,
        namespace=repository.namespace_name,
        repository_id=repository.pk,
        target=repository.full_name,
        new={"tags": count},
    )
    if state == State.APPROVED:
        RepositorySync.objects.filter(repository=repository).update(due_at=now)
        jobs.enqueue(WORK, 0)
    return count
