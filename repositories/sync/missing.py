"""What is here and not in the registry: seen twice, some minutes apart, before it goes; and never much at once."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import F, Q, QuerySet, Sum
from django.utils import timezone

from repositories.images.models import Manifest
from repositories.models import Repository
from repositories.sync import repairs
from repositories.sync.models import Difference, Run

Kind, State = Difference.Kind, Difference.State
KINDS = (Kind.MISSING_TAG, Kind.MISSING_MANIFEST)
HANDFUL = 5
"""So many tags may go whatever share of the whole they are."""
LOOKED_FOR = timedelta(days=30)
"""So long a manifest that is missing is looked for: its storage may come back from a backup."""
BATCH = 500


@dataclass(frozen=True, slots=True)
class Missing:
    """Of one look that was complete. `tags`: tag -> digest here; `of_tags`: how many tags we knew."""

    tags: dict[str, str]
    manifests: set[str]
    of_tags: int
    is_emptied: bool = False
    """The registry lists nothing at all: more likely its storage is not there than that somebody meant it."""


@dataclass(slots=True)
class Tracked:
    """Names of tags; manifests are not told. `new` is how many of them were not missing at the last look."""

    removed: list[str] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)
    held: list[str] = field(default_factory=list)
    new: int = 0
    due_at: datetime | None = None


def worth_a_look(repository: Repository) -> QuerySet[Manifest]:
    """Untagged manifests, that nothing else would ask the registry about."""
    rows = Manifest.objects.filter(repository=repository, untagged_at__isnull=False)
    return rows.filter(Q(missing_since=None) | Q(missing_since__gt=timezone.now() - LOOKED_FOR)).order_by("id")


def most_of(tags: int) -> int:
    """How many of so many tags may go without being asked for."""
    return max(HANDFUL, int(tags * settings.RECONCILE_SHARE))


def track(repository: Repository, run: Run | None, missing: Missing, *, started: datetime, mark: int) -> Tracked:
    """Remember what is missing, let go what was missing before, hold what is too much. Two queries for nothing."""
    open_ones = list(Difference.objects.filter(repository=repository, kind__in=KINDS, settled_at=None))
    if not open_ones and not missing.tags and not missing.manifests:
        return Tracked()
    keys = {(Kind.MISSING_TAG, tag, digest) for tag, digest in missing.tags.items()}
    keys |= {(Kind.MISSING_MANIFEST, "", digest) for digest in missing.manifests & _not_told(repository, missing)}
    known = {(Kind(row.kind), row.tag, row.ours): row for row in open_ones}
    _forget([row.pk for key, row in known.items() if key not in keys])
    _see_again([row.pk for key, row in known.items() if key in keys], started)
    fresh = [_difference(repository, run, key, started) for key in sorted(keys - set(known))]
    Difference.objects.bulk_create(fresh, batch_size=BATCH)
    rows = fresh + [row for key, row in known.items() if key in keys]
    _hold_if_too_many(rows, run, missing)
    return _settle(repository, rows, started, mark, new=sum(row.kind == Kind.MISSING_TAG for row in fresh))


def _not_told(repository: Repository, missing: Missing) -> set[str]:
    """Those that are not marked as missing already. One query, if any is missing."""
    if not missing.manifests:
        return set()
    rows = Manifest.objects.filter(repository=repository, untagged_at__isnull=False, missing_since=None)
    return set(rows.values_list("digest", flat=True))


def _difference(
    repository: Repository, run: Run | None, key: tuple[Difference.Kind, str, str], started: datetime
) -> Difference:
    kind, tag, ours = key
    return Difference(
        repository=repository,
        run=run,
        kind=kind,
        state=State.WAITING,
        tag=tag,
        ours=ours,
        first_seen_at=started,
        seen_at=started,
    )


def _forget(ids: list[int]) -> None:
    now = timezone.now()
    for start in range(0, len(ids), BATCH):
        rows = Difference.objects.filter(pk__in=ids[start : start + BATCH], settled_at=None)
        rows.update(state=State.GONE, settled_at=now)


def _see_again(ids: list[int], started: datetime) -> None:
    for start in range(0, len(ids), BATCH):
        rows = Difference.objects.filter(pk__in=ids[start : start + BATCH])
        rows.update(seen_at=started, times_seen=F("times_seen") + 1)


def _hold_if_too_many(rows: list[Difference], run: Run | None, missing: Missing) -> None:
    """Of one repository. What an operator decided about already is not asked again."""
    undecided = [row for row in rows if row.kind == Kind.MISSING_TAG and row.state in (State.WAITING, State.HELD)]
    if missing.is_emptied or len(undecided) > most_of(missing.of_tags):
        hold([row for row in undecided if row.state == State.WAITING], run)


def hold(rows: list[Difference], run: Run | None) -> None:
    ids = [row.pk for row in rows]
    told = {"state": State.HELD} | ({"run": run} if run else {})
    for start in range(0, len(ids), BATCH):
        # Conditional: an operator may have been quicker.
        Difference.objects.filter(pk__in=ids[start : start + BATCH], state=State.WAITING).update(**told)
    for row in rows:
        row.state = State.HELD


def hold_all_of(run: Run) -> int:
    """The run stopped: whatever it found missing is its plan. One query."""
    rows = Difference.objects.filter(run=run, state=State.WAITING, kind=Kind.MISSING_TAG)
    return rows.update(state=State.HELD)


def _settle(repository: Repository, rows: list[Difference], started: datetime, mark: int, *, new: int) -> Tracked:
    """Let go what is ripe: first seen long enough before this look began."""
    before = started - settings.RECONCILE_SECOND_LOOK
    ripe = [row for row in rows if _goes_on(row) and row.first_seen_at <= before]
    _hold_what_is_too_much_for_a_day([row for row in ripe if row.state == State.WAITING])
    tracked = Tracked(new=new)
    for row in ripe:
        if row.state == State.HELD:
            continue
        if row.kind == Kind.MISSING_MANIFEST:
            repairs.mark_missing(repository, row)
        elif repairs.remove_tag(repository, row, mark=mark):
            tracked.removed.append(row.tag)
            _count_removed(row)
    left = [row for row in rows if row.settled_at is None]
    tracked.waiting = [row.tag for row in left if row.tag and _goes_on(row)]
    tracked.held = [row.tag for row in left if row.tag and row.state == State.HELD]
    # What was ripe and is left was written meanwhile: not before as long again.
    firsts = [max(row.first_seen_at, started if row in ripe else row.first_seen_at) for row in left if _goes_on(row)]
    tracked.due_at = min(firsts) + settings.RECONCILE_SECOND_LOOK if firsts else None
    return tracked


def _goes_on(difference: Difference) -> bool:
    return difference.state in (State.WAITING, State.APPROVED)


def _count_removed(difference: Difference) -> None:
    """To the run that found it, which may have ended by now."""
    if difference.run_id is not None:
        Run.objects.filter(pk=difference.run_id).update(removed=F("removed") + 1)


def _hold_what_is_too_much_for_a_day(rows: list[Difference]) -> None:
    """Whatever run they are of. Two queries when a tag is about to go."""
    tags = [row for row in rows if row.kind == Kind.MISSING_TAG]
    if not tags:
        return
    total = Repository.objects.aggregate(tags=Sum("tag_count"))["tags"] or 0
    lately = Difference.objects.filter(
        kind=Kind.MISSING_TAG,
        state=State.REPAIRED,
        decided_at=None,
        settled_at__gt=timezone.now() - timedelta(days=1),
    )
    gone = lately.count()
    if gone + len(tags) > most_of(total + gone):
        hold(tags, None)
