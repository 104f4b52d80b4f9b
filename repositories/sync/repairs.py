"""Writes what a look found. Each asks, with the repository held, whether the tag was written since the look began."""

from django.db import transaction
from django.db.models import Count
from django.utils import timezone

from repositories.images.actions import lock_repository, record_found
from repositories.images.models import Manifest, PushIntent, Tag, TagHistory
from repositories.images.placeholder import is_placeholder
from repositories.images.reconcile import read
from repositories.images.untagging import record_lost
from repositories.models import Repository
from repositories.sync.models import Difference, Run

Kind, State = Difference.Kind, Difference.State
BATCH = 500


def touched(repository: Repository, mark: int) -> set[str]:
    """Tags that were written since `mark`, or that somebody is about to write. Two queries.

    The intents first: one that is settled in between has left its history by then.
    """
    open_ones = PushIntent.objects.filter(repository=repository, state=PushIntent.State.OPEN)
    names = set(open_ones.values_list("tag", flat=True))
    return names.union(TagHistory.objects.filter(repository=repository, pk__gt=mark).values_list("tag", flat=True))


def take_over(repository: Repository, run: Run | None, *, tag: str, digest: str, previous: str, mark: int) -> bool:
    """Point the tag to what the registry holds, as found there. False when it was written meanwhile.

    Raises as `reconcile.read`, and Repository.DoesNotExist. What stands in for a tag that is being deleted is not taken
    over.
    """
    parsed = read(repository, digest)
    if is_placeholder(parsed):
        return False
    with transaction.atomic():
        lock_repository(repository.pk)
        if is_touched(repository, tag, mark):
            return False
        if not record_found(repository_id=repository.pk, digest=digest, parsed=parsed, tag=tag, previous=previous):
            return False
        keep(repository, run, Kind.MOVED_TAG if previous else Kind.NEW_TAG, tag=tag, ours=previous, theirs=digest)
    return True


def is_touched(repository: Repository, tag: str, mark: int) -> bool:
    """With the repository held, so that the answer stays true until the end of the transaction."""
    open_ones = PushIntent.objects.filter(repository=repository, tag=tag, state=PushIntent.State.OPEN)
    return open_ones.exists() or TagHistory.objects.filter(repository=repository, tag=tag, pk__gt=mark).exists()


def remove_tag(repository: Repository, difference: Difference, *, mark: int) -> bool:
    """The registry has it no more. False when it was written meanwhile, or points elsewhere."""
    with transaction.atomic():
        lock_repository(repository.pk)
        if is_touched(repository, difference.tag, mark) or _is_decided(difference):
            return False
        if not record_lost(repository_id=repository.pk, tag=difference.tag, digest=difference.ours):
            return False
        settle(difference)
    return True


def _is_decided(difference: Difference) -> bool:
    """Otherwise than we have read: an operator may just have said that it stays."""
    return not Difference.objects.filter(pk=difference.pk, state=difference.state).exists()


def mark_missing(repository: Repository, difference: Difference) -> bool:
    """The registry has the manifest no more. False when it is held again."""
    with transaction.atomic():
        lock_repository(repository.pk)
        rows = Manifest.objects.filter(repository=repository, digest=difference.ours, untagged_at__isnull=False)
        if not rows.filter(missing_since=None).update(missing_since=difference.first_seen_at):
            return False
        settle(difference)
    return True


def find_again(repository: Repository, digests: set[str]) -> None:
    """The registry has these untagged manifests: no mark says otherwise. One query when none does."""
    marked = Manifest.objects.filter(repository=repository, missing_since__isnull=False)
    ids = [pk for pk, digest in marked.values_list("pk", "digest") if digest in digests]
    for start in range(0, len(ids), BATCH):
        Manifest.objects.filter(pk__in=ids[start : start + BATCH]).update(missing_since=None)


def settle(difference: Difference) -> None:
    difference.state, difference.settled_at = State.REPAIRED, timezone.now()
    difference.save(update_fields=["state", "settled_at"])


def recount(repository: Repository, run: Run | None) -> bool:
    """Put the repository's number of tags right. One query when it is."""
    rows = Repository.objects.filter(pk=repository.pk)
    told = rows.annotate(held=Count("tags")).values_list("tag_count", "held").first()
    if told is None or told[0] == told[1]:
        return False
    with transaction.atomic():
        row = lock_repository(repository.pk)
        held = Tag.objects.filter(repository=row).count()
        if held == row.tag_count:
            return False
        rows.update(tag_count=held)
        keep(row, run, Kind.COUNT, ours=str(row.tag_count), theirs=str(held))
    return True


def keep(
    repository: Repository,
    run: Run | None,
    kind: Difference.Kind,
    *,
    tag: str = "",
    ours: str = "",
    theirs: str = "",
) -> None:
    """What was put right at once."""
    Difference.objects.create(
        repository=repository,
        run=run,
        kind=kind,
        state=State.REPAIRED,
        tag=tag,
        ours=ours,
        theirs=theirs,
        settled_at=timezone.now(),
    )
