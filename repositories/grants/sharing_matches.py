"""Which repositories a pattern matches now."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Count, IntegerField, QuerySet, Value

from orgs.models import Organization
from portal.accounts.actor import Actor
from portal.kit import patterns
from repositories.access import visible
from repositories.grants.access import may_grant_everywhere
from repositories.models import Repository

NAMES_SHOWN = 3


@dataclass(frozen=True)
class Matches:
    """`names`: the first few, in order."""

    count: int
    names: Sequence[str]

    @property
    def more(self) -> int:
        return self.count - len(self.names)


def repositories_in(actor: Actor, organization: Organization) -> QuerySet[Repository]:
    """Those that the actor sees. Who may grant everywhere sees them all, which needn't be asked of each of 10,000."""
    rows = Repository.objects if may_grant_everywhere(actor, organization).allowed else visible(actor)
    return rows.filter(namespace=organization.namespace_id)


def matches_of(actor: Actor, organization: Organization, wanted: Sequence[str]) -> dict[str, Matches]:
    """Of each pattern, among the repositories that the actor sees. Two queries, none for no patterns."""
    if not wanted:
        return {}
    rows = repositories_in(actor, organization)
    counts = rows.aggregate(
        **{f"n{place}": Count("pk", filter=patterns.condition([text], "name")) for place, text in enumerate(wanted)}
    )
    names: dict[int, list[str]] = {place: [] for place in range(len(wanted))}
    first, *others = [_first(rows, text, place) for place, text in enumerate(wanted)]
    for place, name in first.union(*others, all=True):  # flat: SQLite's parser takes few levels
        names[place].append(name)
    return {text: Matches(counts[f"n{place}"], sorted(names[place])) for place, text in enumerate(wanted)}


def _first(rows: QuerySet[Repository], pattern: str, place: int) -> QuerySet[Repository, tuple[int, str]]:
    """SQLite takes no LIMIT in a part of a union, but in a SELECT within it."""
    first = rows.filter(patterns.condition([pattern], "name")).order_by("name").values("pk")[:NAMES_SHOWN]
    found = Repository.objects.filter(pk__in=first).annotate(place=Value(place, output_field=IntegerField()))
    return found.order_by().values_list("place", "name")
