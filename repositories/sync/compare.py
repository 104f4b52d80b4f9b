"""Compares one repository with the registry, and puts right what can be put right at once.

What is here and not there waits (`missing`). An error or half an answer changes nothing (Portus issues 663, 1664).
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from django.utils import timezone
from django.utils.translation import gettext as _

from repositories.images import manifests
from repositories.images.models import Tag, TagHistory
from repositories.models import Repository
from repositories.registry import client
from repositories.sync import missing, repairs
from repositories.sync.looking import Looker, Seen
from repositories.sync.models import Run


@dataclass(slots=True)
class Report:
    """Names of tags; `skipped` says why, for a person. `tags` is how many the registry has."""

    tags: int = 0
    added: list[str] = field(default_factory=list)
    moved: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)
    """Missing in the registry; a second look is needed."""
    held: list[str] = field(default_factory=list)
    """Missing, and for an operator to decide about."""
    new_missing: int = 0
    """Of these, how many were not missing at the last look."""
    skipped: dict[str, str] = field(default_factory=dict)
    recounted: bool = False
    due_at: datetime | None = None
    """When it must be looked at again."""


@dataclass(frozen=True, slots=True)
class Ours:
    """What we knew before the registry was asked. `mark` is the last line of the tags' history: whatever tag has a
    later one, or an open push intent, was written meanwhile, and this look says nothing about it."""

    mark: int
    tags: dict[str, str]
    manifests: list[str]


def compare(
    repository: Repository, *, run: Run | None, looker: Looker, alive: Callable[[], None] = lambda: None
) -> Report:
    """One look. Five queries when nothing differs, and a request for the listing, each tag and each untagged manifest.

    Raises RegistryUnavailable: what was added by then stays, and nothing else was changed. Repository.DoesNotExist when
    it was deleted meanwhile.
    """
    started = timezone.now()
    ours = _ours(repository)
    seen = looker.look(repository.full_name, tags=ours.tags, manifests=ours.manifests, alive=alive)
    report = Report(tags=len(seen.held), skipped=dict.fromkeys(seen.strays, _("no name of a tag")))
    differing = seen.absent.union(tag for tag, digest in seen.held.items() if digest != ours.tags.get(tag))
    touched = differing & repairs.touched(repository, ours.mark) if differing else set[str]()
    report.skipped |= dict.fromkeys(sorted(touched), _("being written"))
    for tag in sorted(differing - touched - seen.absent):
        _take_over(repository, run, ours, tag, seen.held[tag], report)
        alive()
    _track(repository, run, ours, seen, touched, started, report)
    report.recounted = repairs.recount(repository, run)
    return report


def _ours(repository: Repository) -> Ours:
    """The mark first: a tag that is written between these queries is left to the next look."""
    mark = TagHistory.objects.filter(repository=repository).order_by("-id").values_list("pk", flat=True).first() or 0
    tags = dict(Tag.objects.filter(repository=repository).values_list("name", "manifest__digest"))
    return Ours(mark, tags, list(missing.worth_a_look(repository).values_list("digest", flat=True)))


def _take_over(repository: Repository, run: Run | None, ours: Ours, tag: str, digest: str, report: Report) -> None:
    """A tag that the registry has and we have not, or that points elsewhere here."""
    previous = ours.tags.get(tag, "")
    try:
        if previous and client.head_manifest(repository.full_name, tag).digest != digest:
            report.skipped[tag] = _("it moved while it was looked at")
        elif not repairs.take_over(repository, run, tag=tag, digest=digest, previous=previous, mark=ours.mark):
            report.skipped[tag] = _("being written")
        else:
            (report.moved if previous else report.added).append(tag)
    except (client.ManifestUnknown, client.TooLarge, manifests.ManifestInvalid) as error:
        report.skipped[tag] = str(error)


def _track(
    repository: Repository,
    run: Run | None,
    ours: Ours,
    seen: Seen,
    touched: set[str],
    started: datetime,
    report: Report,
) -> None:
    gone = {tag: ours.tags[tag] for tag in sorted(seen.absent - touched) if tag in ours.tags}
    for tag in sorted(seen.absent - touched - set(ours.tags)):
        report.skipped[tag] = str(client.ManifestUnknown.default)
    tracked = missing.track(
        repository,
        run,
        missing.Missing(
            tags=gone,
            # Where the tags are gone, too, this says nothing new, and would be said of each image.
            manifests=set() if seen.is_empty and ours.tags else seen.absent_manifests,
            of_tags=len(ours.tags),
            is_emptied=seen.is_empty and bool(gone),
        ),
        started=started,
        mark=ours.mark,
    )
    report.removed, report.waiting, report.held = tracked.removed, tracked.waiting, tracked.held
    report.new_missing, report.due_at = tracked.new, tracked.due_at
    if ours.manifests:
        repairs.find_again(repository, set(ours.manifests) - seen.absent_manifests)
