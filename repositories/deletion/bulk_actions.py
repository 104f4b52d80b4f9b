"""What people do with jobs: start, cancel, undo. The work itself is `bulk`'s."""

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from portal.accounts.actor import Actor
from portal.events.record import record
from portal.kit import jobs
from portal.kit.errors import Conflict, Invalid, NotFound
from repositories import access
from repositories.access import Permission
from repositories.deletion import bulk_filter
from repositories.deletion.bulk_filter import Selection
from repositories.deletion.models import BulkDeletion
from repositories.models import Repository
from repositories.registry.verify import credential_claim

RUN = "repositories.deletion.bulk"
Kind, State = BulkDeletion.Kind, BulkDeletion.State


def start_deletion(*, actor: Actor, repository: Repository, selection: Selection, expected: int | None) -> BulkDeletion:
    """Have the tags deleted by a worker. `expected`: how many the person was told of, if they were.

    Raises Invalid (fields), NotFound, Forbidden, Conflict: there are more by now, or another job runs there.
    """
    row = access.require(actor, Permission.DELETE_IMAGES, repository)
    chosen = bulk_filter.check(selection)
    total = bulk_filter.count(row, chosen).total
    if not total:
        raise Invalid(_("No tag matches. Nothing was deleted."))
    if expected is not None and total > expected:
        raise Conflict(
            _("%(total)d tags match by now, not %(expected)d. Look at them again.")
            % {"total": total, "expected": expected}
        )
    columns = {"selection": chosen.stored(), "selected_at": chosen.as_of, "total": total}
    return _start(actor, row, BulkDeletion(kind=Kind.DELETE, **columns))


def start_restoration(*, actor: Actor, repository: Repository, job_id: int) -> BulkDeletion:
    """Bring back all that a job deleted. Raises NotFound, Forbidden, Conflict (too late, or another job runs)."""
    row = access.require(actor, Permission.PUSH, repository)
    job = get_job(row, job_id)
    if not job.can_be_undone:
        raise Conflict(_("Nothing can be restored: it is running, deleted nothing, or is too long ago."))
    return _start(actor, row, BulkDeletion(kind=Kind.RESTORE, undoes=job, total=job.done))


def _start(actor: Actor, repository: Repository, job: BulkDeletion) -> BulkDeletion:
    """One at a time in a repository: the unique constraint decides."""
    job.repository = repository
    job.actor_id, job.actor_public_id, job.actor_name = actor.user_id, actor.public_id, actor.name
    job.credential, job.address = actor.credential_label[:160], actor.address
    job.credential_claim = credential_claim(actor.credential)
    try:
        with transaction.atomic():
            job.save(force_insert=True)
            told = {"job": job.pk, "tags": job.total, "selection": _told(job)}
            _record(f"repo.bulk.{job.kind}", actor, repository, told)
            jobs.enqueue(RUN, job.pk)
    except IntegrityError as error:
        raise Conflict(_("Another deletion of many tags is under way in this repository. Wait for its end.")) from error
    return job


def _told(job: BulkDeletion) -> dict[str, object]:
    """The event keeps how many names there were, not all of them: each tag has an event of its own."""
    if job.undoes_id is not None:
        return {"job": job.undoes_id}
    selection = dict(job.selection)
    return {"names": len(selection["names"])} if "names" in selection else selection


def cancel(*, actor: Actor, repository: Repository, job_id: int) -> BulkDeletion:
    """End it; what is done stays done. One that has ended stays as it is. Raises NotFound, Forbidden."""
    with transaction.atomic():
        row = access.require(actor, Permission.DELETE_IMAGES, repository)
        job = get_job(row, job_id)
        running = BulkDeletion.objects.filter(pk=job.pk, state=State.RUNNING)
        if running.update(state=State.CANCELLED, finished_at=timezone.now()):
            _record("repo.bulk.cancel", actor, row, {"job": job.pk})
    return get_job(row, job_id)


def jobs_of(repository: Repository) -> QuerySet[BulkDeletion]:
    """The newest first."""
    return BulkDeletion.objects.filter(repository=repository).order_by("-id")


def get_job(repository: Repository, job_id: int) -> BulkDeletion:
    """Raises NotFound."""
    job = BulkDeletion.objects.filter(repository=repository, pk=job_id).select_related("actor", "undoes").first()
    if job is None:
        raise NotFound(_("There is no such deletion in this repository."))
    return job


def _record(action: str, actor: Actor, repository: Repository, told: dict[str, object]) -> None:
    record(
        action,
        actor=actor,
        namespace=repository.namespace_name,
        repository_id=repository.pk,
        target=repository.full_name,
        new=told,
    )
