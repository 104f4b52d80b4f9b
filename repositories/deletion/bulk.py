"""Works a job off: writes its tags down, then deletes or restores one after another. By a task, which may be killed.

Each tag goes through `tag_actions`, with its own push intent, history and event, and with its rights asked anew. What
is done is marked item by item; what a killed worker had done and not marked is known by the job's name in the history.
"""

import logging
import time
from datetime import timedelta

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from portal.accounts.actor import Actor
from portal.kit import jobs
from portal.kit.errors import Conflict, Forbidden, NotFound, Unauthorized, Unavailable
from repositories import access
from repositories.access import Permission
from repositories.deletion import bulk_filter
from repositories.deletion.bulk_actor import actor_of, client_of
from repositories.deletion.bulk_filter import Selection
from repositories.deletion.models import BulkDeletion, BulkItem
from repositories.images import tag_actions
from repositories.images.copying import ManifestGone
from repositories.images.immutability import TagImmutable
from repositories.images.models import Tag, TagHistory
from repositories.images.removal import DeletionOff
from repositories.registry.client import RegistryUnavailable

log = logging.getLogger(__name__)

RUN = "repositories.deletion.bulk"
LEASE = timedelta(seconds=30)
"""A worker that was killed holds its job so long. Whoever takes longer for a tag may be joined by another: harmless."""
AWAY = timedelta(seconds=20)
"""The job waits so long for a registry that doesn't answer."""
LONGEST = 20.0
"""Seconds after which the job goes to the end of the queue, so that it doesn't keep a worker from others."""
WRITTEN = 500
"""Items in one transaction."""
TRIES = 3
MOST = 20
KEPT = timedelta(days=90)
"""So long it can be read what a job did with each tag."""
FORGET_MOST = 2_000

State, Problem, Why = BulkDeletion.State, BulkDeletion.Problem, BulkItem.Why


class LeaseLost(Exception):
    """Another worker has it, or somebody cancelled it."""


def sweep() -> None:
    """Go on with what was left. Two queries when there is nothing."""
    due = BulkDeletion.objects.filter(state=State.RUNNING, leased_until__lte=timezone.now()).order_by("leased_until")
    for pk in list(due.values_list("pk", flat=True)[:MOST]):
        run(pk)
    forget()


def run(pk: int) -> None:
    """Go on with one job, for at most LONGEST. Safe in two workers: the lease decides."""
    job = _claim(pk)
    if job is None:
        return
    try:
        if _work(job, time.monotonic() + LONGEST):
            _end(job, State.DONE)
        else:
            _renew(job, timedelta())
            jobs.enqueue(RUN, job.pk)
    except LeaseLost:
        return
    except RegistryUnavailable:
        BulkDeletion.objects.filter(pk=job.pk).update(leased_until=timezone.now() + AWAY)
    except DeletionOff:
        _end(job, State.STOPPED, Problem.DELETION_OFF)
    except (Unauthorized, Forbidden):
        _end(job, State.STOPPED, Problem.NOT_ALLOWED)


def _claim(pk: int) -> BulkDeletion | None:
    now = timezone.now()
    rows = BulkDeletion.objects.filter(pk=pk, state=State.RUNNING, leased_until__lte=now)
    if not rows.update(leased_until=now + LEASE):
        return None
    return BulkDeletion.objects.select_related("repository__namespace").filter(pk=pk).first()


def _renew(job: BulkDeletion, lease: timedelta = LEASE) -> None:
    """Raises LeaseLost."""
    until = timezone.now() + lease
    mine = BulkDeletion.objects.filter(pk=job.pk, state=State.RUNNING, leased_until=job.leased_until)
    if not mine.update(leased_until=until):
        raise LeaseLost
    job.leased_until = until


def _end(job: BulkDeletion, state: BulkDeletion.State, problem: str = "") -> None:
    rows = BulkDeletion.objects.filter(pk=job.pk, state=State.RUNNING)
    rows.update(state=state, problem=problem, finished_at=timezone.now())


def _work(job: BulkDeletion, ends: float) -> bool:
    """Whether nothing is left. Raises LeaseLost and what ends or delays the job."""
    while time.monotonic() < ends:
        _renew(job)
        if not job.is_selected:
            _write_down(job)
            continue
        item = BulkItem.objects.filter(job=job, state=BulkItem.State.WAITING).order_by("tries", "id").first()
        if item is None:
            return True
        _do(job, item)
    return False


# -- what is to be done -----------------------------------------------------------------------------------------------


def _write_down(job: BulkDeletion) -> None:
    """The next tags of the selection, and how far that is, in one short transaction."""
    if job.is_restore:
        found, cursor = _deleted(job)
    else:
        selection = Selection.of(job.selection, job.selected_at)
        found, cursor = bulk_filter.pairs(job.repository, selection, cursor=job.cursor, most=WRITTEN)
    with transaction.atomic():
        items = [BulkItem(job=job, tag=tag, digest=digest) for tag, digest in found]
        BulkItem.objects.bulk_create(items, ignore_conflicts=True)
        job.cursor, job.is_selected = cursor, not cursor
        job.save(update_fields=["cursor", "is_selected"])
        if job.is_selected:
            job.total = BulkItem.objects.filter(job=job).count()
            job.save(update_fields=["total"])


def _deleted(job: BulkDeletion) -> tuple[list[tuple[str, str]], str]:
    """What the job that is undone deleted, after the item that the cursor names."""
    items = BulkItem.objects.filter(job=job.undoes_id, state=BulkItem.State.DONE, pk__gt=int(job.cursor or 0))
    rows = list(items.order_by("pk").values_list("pk", "tag", "digest")[:WRITTEN])
    return [(tag, digest) for _pk, tag, digest in rows], str(rows[-1][0]) if len(rows) == WRITTEN else ""


# -- one tag ----------------------------------------------------------------------------------------------------------


def _do(job: BulkDeletion, item: BulkItem) -> None:
    """Raises RegistryUnavailable, DeletionOff, Unauthorized, Forbidden (not: immutable)."""
    actor = _allowed(job)
    try:
        _restore(job, item, actor) if job.is_restore else _delete(job, item, actor)
        _mark(item)
    except TagImmutable:
        _mark(item, Why.IMMUTABLE)
    except ManifestGone:
        _mark(item, Why.PURGED)
    except NotFound:
        _mark(item, "" if _was_done(job, item) else Why.GONE)
    except Conflict:
        _mark(item, "" if _was_done(job, item) else Why.TAKEN if job.is_restore else Why.MOVED)
    except (RegistryUnavailable, DeletionOff, Unauthorized, Forbidden):
        raise
    except Unavailable:
        _try_again(item, Why.BUSY)
    except Exception:
        log.exception("Tag %s of job %d failed.", item.tag, job.pk)
        _try_again(item, Why.FAILED)


def _allowed(job: BulkDeletion) -> Actor:
    """Two queries. Raises Unauthorized, Forbidden: also when they may not even know of the repository any more."""
    actor = actor_of(job)
    try:
        access.require(actor, Permission.PUSH if job.is_restore else Permission.DELETE_IMAGES, job.repository)
    except NotFound as error:
        raise Forbidden(error.message) from error
    return actor


def _delete(job: BulkDeletion, item: BulkItem, actor: Actor) -> None:
    tag_actions.delete_tag(actor=actor, repository=job.repository, tag=item.tag, digest=item.digest)


def _restore(job: BulkDeletion, item: BulkItem, actor: Actor) -> None:
    tag_actions.restore_tag(actor=actor, repository=job.repository, tag=item.tag, digest=item.digest)


def _was_done(job: BulkDeletion, item: BulkItem) -> bool:
    """By this job, whose worker was killed before it could say so. One query, two for a restoration."""
    action = TagHistory.Action.RESTORED if job.is_restore else TagHistory.Action.DELETED
    rows = TagHistory.objects.filter(repository=job.repository, tag=item.tag, digest=item.digest)
    if not rows.filter(action=action, client=client_of(job)).exists():
        return False
    there = Tag.objects.filter(repository=job.repository, name=item.tag, manifest__digest=item.digest)
    return not job.is_restore or there.exists()


def _mark(item: BulkItem, why: str = "") -> None:
    """Done, or skipped because. Counted once, whoever comes first."""
    state = BulkItem.State.SKIPPED if why else BulkItem.State.DONE
    column = "skipped" if why else "done"
    with transaction.atomic():
        rows = BulkItem.objects.filter(pk=item.pk, state=BulkItem.State.WAITING)
        if rows.update(state=state, why=why):
            BulkDeletion.objects.filter(pk=item.job_id).update(**{column: F(column) + 1})


def _try_again(item: BulkItem, why: BulkItem.Why) -> None:
    """After the others; in the end it is skipped."""
    if item.tries + 1 >= TRIES:
        _mark(item, why)
    else:
        BulkItem.objects.filter(pk=item.pk).update(tries=F("tries") + 1)


def forget() -> None:
    """Drop the items of old jobs, a batch at a time. The jobs stay, with their counts."""
    old = BulkItem.objects.filter(job__finished_at__lt=timezone.now() - KEPT).order_by("pk")
    BulkItem.objects.filter(pk__in=list(old.values_list("pk", flat=True)[:FORGET_MOST])).delete()
