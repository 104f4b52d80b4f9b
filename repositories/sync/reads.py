"""What pages and API show of the comparison with the registry. Whoever calls has asked `sync.access`."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, QuerySet, Sum

from repositories.models import Repository
from repositories.sync.models import Difference, RegistryInstance, RepositorySync, Run

Kind, State = Difference.Kind, Difference.State
MISSING = (Kind.MISSING_TAG, Kind.MISSING_MANIFEST)


@dataclass(frozen=True, slots=True)
class Held:
    """Part of a plan that waits for an operator: `missing` of the repository's `tags` would go."""

    repository_id: int
    full_name: str
    tags: int
    missing: int


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that is held. `repositories` and `tags` count all of it, `rows` are the largest ones."""

    repositories: int
    tags: int
    rows: list[Held]


def open_round() -> Run | None:
    """The round that is under way. One query."""
    return Run.objects.filter(repository=None, state=Run.State.RUNNING).first()


def last_round() -> Run | None:
    """The last one that ended. One query."""
    return Run.objects.filter(repository=None).exclude(state=Run.State.RUNNING).order_by("-id").first()


def run_rows() -> QuerySet[Run]:
    """All runs, for `keyset(rows, by="-id")`. One query."""
    return Run.objects.select_related("repository", "requested_by")


def difference_rows(
    *, repository: Repository | None = None, states: tuple[Difference.State, ...] = ()
) -> QuerySet[Difference]:
    """For `keyset(rows, by="-id")`; all states when none is named. One query."""
    rows = Difference.objects.select_related("repository", "run")
    rows = rows.filter(repository=repository) if repository else rows
    return rows.filter(state__in=states) if states else rows


def counts() -> dict[str, int]:
    """State -> how many differences, of those that are not settled. One query."""
    rows = Difference.objects.filter(state__in=Difference.OPEN).order_by().values_list("state")
    return {str(state): 0 for state in Difference.OPEN} | dict(rows.annotate(count=Count("id")))


def held_plan(*, most: int = 100) -> Plan:
    """What an operator is asked about. Two queries."""
    rows = Difference.objects.filter(state=State.HELD, kind=Kind.MISSING_TAG).order_by()
    grouped = rows.values("repository", "repository__full_name", "repository__tag_count").annotate(missing=Count("id"))
    largest = [
        Held(row["repository"], row["repository__full_name"], row["repository__tag_count"], row["missing"])
        for row in grouped.order_by("-missing", "repository__full_name")[:most]
    ]
    total = rows.aggregate(tags=Count("id"), repositories=Count("repository", distinct=True))
    return Plan(total["repositories"], total["tags"], largest)


def sync_of(repository: Repository) -> RepositorySync | None:
    """When it was compared last. One query."""
    return RepositorySync.objects.filter(repository=repository).first()


def open_run_of(repository: Repository) -> Run | None:
    """The look at it that somebody asked for and that is not over. One query."""
    return Run.objects.filter(repository=repository, state=Run.State.RUNNING).first()


def failing() -> QuerySet[RepositorySync]:
    """Repositories whose last look was not complete. One query."""
    return RepositorySync.objects.filter(failures__gt=0).select_related("repository").order_by("-looked_at")


def last_instance() -> tuple[str, datetime] | None:
    """The registry process that was seen last for the first time. One query."""
    return RegistryInstance.objects.order_by("-id").values_list("instance", "first_seen_at").first()


def tags_known() -> tuple[int, int]:
    """Repositories, and tags by their counters. One query."""
    told = Repository.objects.aggregate(repositories=Count("id"), tags=Sum("tag_count"))
    return told["repositories"], told["tags"] or 0
