"""What happened to tags: filtered, and with what can be done about it. For a repository that access has let through."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils.http import urlencode

from repositories.images.immutability import covering_rule
from repositories.images.models import Manifest, Tag, TagHistory
from repositories.models import Repository

Action = TagHistory.Action
GONE = frozenset({Action.DELETED, Action.LOST})
"""After these the tag points nowhere."""


@dataclass(frozen=True, slots=True)
class Filters:
    """Empty: all. `digest` is what the tag pointed to since then."""

    tag: str = ""
    action: str = ""
    person: str = ""
    digest: str = ""
    until: datetime | None = None

    def __bool__(self) -> bool:
        return any((self.tag, self.action, self.person, self.digest, self.until))


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of the history, with what is true of it now. The addresses are empty where there is nothing to do."""

    row: TagHistory
    is_current: bool
    """The tag points to this digest now."""
    is_there: bool
    """The registry has the image, as far as is known here."""
    restorable_until: datetime | None
    compare_url: str = ""
    roll_back_url: str = ""
    restore_url: str = ""

    @property
    def moved(self) -> bool:
        return bool(self.row.previous_digest) and self.row.previous_digest != self.row.digest


def history_of(repository: Repository, filters: Filters) -> QuerySet[TagHistory]:
    """For `keyset(rows, by="-id")`. One query, with an index for each filter alone."""
    rows = TagHistory.objects.filter(repository=repository).select_related("actor")
    wanted = {"tag": filters.tag, "action": filters.action, "actor_name": filters.person, "digest": filters.digest}
    rows = rows.filter(**{column: value for column, value in wanted.items() if value})
    return rows.filter(at__lte=filters.until) if filters.until else rows


def entries_of(repository: Repository, rows: Sequence[TagHistory], *, may_push: bool) -> list[Entry]:
    """The rows, the newest first, with what is true of them now. Two queries, none for no rows.

    The way back to an image stands at the first row that has it.
    """
    if not rows:
        return []
    names = {row.tag for row in rows}
    now = dict(Tag.objects.filter(repository=repository, name__in=names).values_list("name", "manifest__digest"))
    digests = {digest for row in rows for digest in (row.digest, row.previous_digest) if digest}
    known = Manifest.objects.filter(repository=repository, digest__in=digests)
    there = {manifest.digest: manifest for manifest in known.only("digest", "missing_since", "delete_after")}
    firsts = {(row.tag, row.digest): row.pk for row in reversed(rows)}
    return [
        _entry(repository, row, now, there, has_way_back=may_push and firsts[row.tag, row.digest] == row.pk)
        for row in rows
    ]


def _entry(
    repository: Repository,
    row: TagHistory,
    now: Mapping[str, str],
    known: Mapping[str, Manifest],
    *,
    has_way_back: bool,
) -> Entry:
    image, current = known.get(row.digest), now.get(row.tag)
    is_there = image is not None and image.missing_since is None
    compared = row.previous_digest not in ("", row.digest) and {row.digest, row.previous_digest} <= set(known)
    roll_back, restore = _ways_back(repository, row, current) if has_way_back and is_there else ("", "")
    return Entry(
        row=row,
        is_current=current == row.digest and row.action not in GONE,
        is_there=is_there,
        restorable_until=image.delete_after if image is not None else None,
        compare_url=compare_url(repository, row.previous_digest, row.digest) if compared else "",
        roll_back_url=roll_back,
        restore_url=restore,
    )


def _ways_back(repository: Repository, row: TagHistory, current: str | None) -> tuple[str, str]:
    """Where a tag that is there is rolled back, and where one that is gone is restored; one of them is empty."""
    if current is None:
        return "", _tag_url("repository_tag_restore", repository, row)
    if current == row.digest or covering_rule(repository, row.tag) is not None:
        return "", ""
    return _tag_url("repository_tag_roll_back", repository, row), ""


def compare_url(repository: Repository, old: str, new: str) -> str:
    address = reverse("repository_compare", args=[repository.namespace_name, repository.name])
    return f"{address}?{urlencode({'from': old, 'to': new})}"


def _tag_url(name: str, repository: Repository, row: TagHistory) -> str:
    address = reverse(name, args=[repository.namespace_name, repository.name, row.tag])
    return f"{address}?{urlencode({'digest': row.digest})}"


def previous_digest(repository: Repository, tag: str) -> str:
    """What the tag pointed to before it came to point where it does; "" when it never pointed elsewhere. Two queries.

    The default of a roll back, so that two of them one after the other change nothing.
    """
    current = current_digest(repository, tag)
    if current is None:
        return ""
    elsewhere = ~Q(digest=current) | ~Q(previous_digest__in=["", current])
    rows = TagHistory.objects.filter(elsewhere, repository=repository, tag=tag)
    last = rows.order_by("-id").values_list("digest", "previous_digest").first()
    if last is None:
        return ""
    digest, previous = last
    return previous if digest == current else digest


def last_digest(repository: Repository, tag: str) -> str:
    """What a tag that is gone pointed to last; "" when there was no such tag. One query."""
    rows = TagHistory.objects.filter(repository=repository, tag=tag, action__in=GONE)
    return rows.order_by("-id").values_list("digest", flat=True).first() or ""


def digest_at(repository: Repository, tag: str, moment: datetime) -> str | None:
    """What the tag pointed to at that moment; None: there was no such tag. One query."""
    rows = TagHistory.objects.filter(repository=repository, tag=tag, at__lte=moment)
    last = rows.order_by("-id").values_list("digest", "action").first()
    if last is None or last[1] in GONE:
        return None
    return last[0]


def current_digest(repository: Repository, tag: str) -> str | None:
    """None: there is no such tag. One query."""
    return Tag.objects.filter(repository=repository, name=tag).values_list("manifest__digest", flat=True).first()


def is_known(repository: Repository, tag: str) -> bool:
    """Whether there is, or was, such a tag. Two queries at most."""
    if TagHistory.objects.filter(repository=repository, tag=tag).exists():
        return True
    return Tag.objects.filter(repository=repository, name=tag).exists()
