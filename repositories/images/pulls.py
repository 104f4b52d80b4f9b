"""Counts pulls: by tag and day (UTC), by tag, by repository. From what the registry tells, a batch at a time.

A pull is a GET of a manifest by tag, or by digest unless an index of the repository names that digest: it is then one
platform of a pull that was counted already. A GET by digest counts for the tag that points to it if there is exactly
one (containerd asks for a tag's digest by HEAD and gets that), and for the repository alone if there are several.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from django.db.models import Count, F, Min
from django.utils import timezone

from repositories.images.models import IndexEntry, Tag, TagPulls
from repositories.models import Repository

KEPT = timedelta(days=400)
"""So long a tag's pulls by day are kept; its total and its repository's stay for good."""
FORGET_MOST = 5_000
RECENT = timedelta(days=30)

Named = tuple[int, str]
"""The key of a repository, and a tag or a digest in it."""


@dataclass(frozen=True, slots=True)
class Pull:
    """A GET of a manifest. `repository` is its full name; `tag` is empty for a GET by digest."""

    repository: str
    tag: str
    digest: str
    at: datetime


@dataclass(slots=True)
class _Tally:
    repositories: Counter[int] = field(default_factory=Counter)
    tags: dict[Named, Counter[date]] = field(default_factory=lambda: defaultdict(Counter))
    last: dict[Named, datetime] = field(default_factory=dict)

    def add(self, repository: int, tag: str, at: datetime) -> None:
        self.repositories[repository] += 1
        if tag:
            self.tags[repository, tag][_day(at)] += 1
            self.last[repository, tag] = max(at, self.last.get((repository, tag), at))


def count_pulls(pulls: Sequence[Pull]) -> None:
    """Add them, each once. Inside the caller's transaction, which also remembers that they were counted.

    Some ten queries for each hundred tags, whatever the number of pulls. What they count for is looked up first: the
    repositories' rows are locked for as long as it takes to write some sums, since a push waits for its own.
    """
    keys = dict(
        Repository.objects.filter(full_name__in={pull.repository for pull in pulls}).values_list("full_name", "pk")
    )
    tally = _tally([(keys[pull.repository], pull) for pull in pulls if pull.repository in keys])
    if not tally.repositories:
        return
    _lock(tally)
    _write_days(tally)
    _write_tags(tally)
    _write_repositories(tally)


def _tally(pulls: Sequence[tuple[int, Pull]]) -> _Tally:
    by_digest = {(repository, pull.digest) for repository, pull in pulls if not pull.tag}
    children, only_tags = _children(by_digest), _only_tags(by_digest)
    tally = _Tally()
    for repository, pull in pulls:
        if pull.tag:
            tally.add(repository, pull.tag, pull.at)
        elif (repository, pull.digest) not in children:
            tally.add(repository, only_tags.get((repository, pull.digest), ""), pull.at)
    return tally


def _children(digests: set[Named]) -> set[Named]:
    """Those that an index of their repository names. One query."""
    if not digests:
        return set()
    repositories, names = zip(*digests, strict=True)
    rows = IndexEntry.objects.filter(digest__in=set(names), index__repository__in=set(repositories))
    return set(rows.values_list("index__repository", "digest"))


def _only_tags(digests: set[Named]) -> dict[Named, str]:
    """Of the digests to which one tag points, that tag. One query."""
    if not digests:
        return {}
    repositories, names = zip(*digests, strict=True)
    rows = Tag.objects.filter(manifest__digest__in=set(names), manifest__repository__in=set(repositories))
    told = rows.values_list("manifest__repository", "manifest__digest").annotate(Count("pk"), Min("name"))
    return {(repository, digest): name for repository, digest, number, name in told if number == 1}


def _day(at: datetime) -> date:
    """A registry whose clock is ahead writes into no day that has not begun."""
    return min(at, timezone.now()).date()


def _lock(tally: _Tally) -> None:
    """The first lock of all, as every push takes it, and in one order: nobody can wait for a row of ours while we wait
    for one of theirs, and two tasks that count never read the same sums."""
    rows = Repository.objects.select_for_update(no_key=True).filter(pk__in=tally.repositories)
    list(rows.order_by("pk").values_list("pk", flat=True))


def _write_days(tally: _Tally) -> None:
    oldest = (timezone.now() - KEPT).date()
    told = {
        (repository, tag, day): number
        for (repository, tag), days in tally.tags.items()
        for day, number in days.items()
        if day >= oldest
    }
    if not told:
        return
    repositories, tags, days = zip(*told, strict=True)
    known = TagPulls.objects.filter(repository__in=set(repositories), tag__in=set(tags), day__in=set(days))
    before = {
        (repository, tag, day): n for repository, tag, day, n in known.values_list("repository", "tag", "day", "count")
    }
    rows = [
        TagPulls(repository_id=key[0], tag=key[1], day=key[2], count=number + before.get(key, 0))
        for key, number in sorted(told.items())
    ]
    TagPulls.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["repository", "tag", "day"], update_fields=["count"]
    )


def _write_tags(tally: _Tally) -> None:
    if not tally.tags:
        return
    repositories, names = zip(*tally.tags, strict=True)
    rows = Tag.objects.filter(repository__in=set(repositories), name__in=set(names))
    written = []
    for tag in rows.only("repository_id", "name", "pull_count", "last_pulled_at").order_by("pk"):
        key = (tag.repository_id, tag.name)
        if key in tally.tags:
            tag.pull_count += tally.tags[key].total()
            tag.last_pulled_at = max(tally.last[key], tag.last_pulled_at or tally.last[key])
            written.append(tag)
    Tag.objects.bulk_update(written, ["pull_count", "last_pulled_at"], batch_size=100)


def _write_repositories(tally: _Tally) -> None:
    """One query for all that were pulled equally often."""
    equally: dict[int, list[int]] = defaultdict(list)
    for repository, number in tally.repositories.items():
        equally[number].append(repository)
    for number, mine in equally.items():
        Repository.objects.filter(pk__in=mine).update(pull_count=F("pull_count") + number)


# -- Reading -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Recent:
    """A tag's pulls of the last thirty days: day by day, today last, and together."""

    days: Sequence[int]

    @property
    def total(self) -> int:
        return sum(self.days)


def recent_pulls(repository: Repository, tags: Iterable[str]) -> dict[str, Recent]:
    """Of each of the tags. One query, for at most thirty rows a tag."""
    today = timezone.now().date()
    first = today - RECENT + timedelta(days=1)
    found = {tag: [0] * RECENT.days for tag in tags}
    rows = TagPulls.objects.filter(repository=repository, tag__in=list(found), day__gte=first, day__lte=today)
    for tag, day, number in rows.values_list("tag", "day", "count"):
        found[tag][(day - first).days] = number
    return {tag: Recent(days) for tag, days in found.items()}


def forget_old() -> int:
    """Drop the days that are too long ago; how many rows that were. They stand first, each being written as it came."""
    before, forgotten = (timezone.now() - KEPT).date(), 0
    while True:
        first = TagPulls.objects.order_by("pk").values_list("pk", "day")[:FORGET_MOST]
        old = [pk for pk, day in first if day < before]
        TagPulls.objects.filter(pk__in=old).delete()
        forgotten += len(old)
        if len(old) < FORGET_MOST:
            return forgotten
