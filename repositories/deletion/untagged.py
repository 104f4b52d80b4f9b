"""What a repository holds without a tag: since when and why, and what can be done about it. Reads only."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import OuterRef, QuerySet, Subquery

from repositories.images.models import Manifest, Tag, TagHistory
from repositories.images.reads import platforms_of
from repositories.models import Repository

ENDS = frozenset([TagHistory.Action.DELETED, TagHistory.Action.LOST])


@dataclass(frozen=True, slots=True)
class Untagged:
    """`tag` is the last that it had, empty when it never had one; `end` is what took it away, where that is known."""

    manifest: Manifest
    platforms: list[str]
    tag: str = ""
    end: TagHistory | None = None
    is_tag_free: bool = False
    """Nothing else has the tag's name now, so that the tag can be restored."""

    @property
    def was_deleted(self) -> bool:
        """The tag was, or it is gone; else it was moved to another image."""
        return self.end is not None and self.end.action in ENDS


def untagged_rows(repository: Repository) -> QuerySet[Manifest]:
    """For `keyset(rows, by="-untagged_at")`, on an index of its own. Two queries."""
    rows = Manifest.objects.filter(repository=repository, untagged_at__isnull=False)
    return rows.prefetch_related("entries").defer("layers", "config", "annotations")


def explain(repository: Repository, rows: Sequence[Manifest]) -> list[Untagged]:
    """What each had as its last tag, and how it lost it. Four queries for a page of any length."""
    last = _last_rows(repository, [row.pk for row in rows])
    ends = _ends(list(last.values()))
    names = {row.tag for row in last.values()}
    taken = set(Tag.objects.filter(repository=repository, name__in=names).values_list("name", flat=True))
    return [_explained(row, last.get(row.digest), ends, taken) for row in rows]


def _explained(row: Manifest, last: TagHistory | None, ends: dict[int, TagHistory], taken: set[str]) -> Untagged:
    if last is None:
        return Untagged(row, platforms_of(row))
    end = last if last.action in ENDS else ends.get(last.pk)
    return Untagged(row, platforms_of(row), last.tag, end, last.tag not in taken)


def _last_rows(repository: Repository, manifests: list[int]) -> dict[str, TagHistory]:
    """Digest -> the last thing that happened to a tag with it. Two queries."""
    told = TagHistory.objects.filter(repository=OuterRef("repository"), digest=OuterRef("digest")).order_by("-id")
    ids = Manifest.objects.filter(pk__in=manifests).values_list(Subquery(told.values("pk")[:1]), flat=True)
    rows = TagHistory.objects.filter(repository=repository, pk__in=[pk for pk in ids if pk]).select_related("actor")
    return {row.digest: row for row in rows}


def _ends(rows: list[TagHistory]) -> dict[int, TagHistory]:
    """Of each the row by which its tag went on to another image. One query, and one more when there are such."""
    moves = TagHistory.objects.filter(
        repository=OuterRef("repository"),
        tag=OuterRef("tag"),
        previous_digest=OuterRef("digest"),
        pk__gt=OuterRef("pk"),
    ).order_by("pk")
    pairs = dict(
        TagHistory.objects.filter(pk__in=[row.pk for row in rows if row.action not in ENDS])
        .annotate(end=Subquery(moves.values("pk")[:1]))
        .values_list("pk", "end")
    )
    ends = TagHistory.objects.select_related("actor").in_bulk([end for end in pairs.values() if end])
    return {pk: ends[end] for pk, end in pairs.items() if end in ends}
