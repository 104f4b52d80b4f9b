"""Events as the audit log reads them: those of one scope, through filters, newest first.

Ten million events are no more than ten here. Every question becomes a few *strands*: parts of one index that hold the
wanted events by descending id, each read no further than the page needs, and merged. `repo` in a namespace is one
strand for each action of that group. What no index holds together (a person *and* an action; the beginning of a
target) is looked for along the best strand, in windows that widen while nothing is found; a page that ends at the last
one says so and leads on. So no page reads more than that, the ten-thousandth as little as the first.

Reads only. Who may read which scope is decided by who makes it: `portal.web.audit.access`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models.expressions import RawSQL

from portal.events.models import Event
from portal.kit.paging import Page, Place

STEPS = (500, 4_500, 15_000)
"""Events that one page looks at where an index alone cannot tell: the next window only when the one before is not
enough. All of them together cost some 50 ms."""
FEW = 5_000
"""Events whose target begins in the same way, below which each of them is looked at rather than the strands."""
SLACK = timedelta(minutes=10)
"""How far the clocks of two machines may be apart: `id` and `at` rise together to within this."""
LAST_CHARACTER = "\U0010ffff"
TABLE = "events_event"
COLUMNS = "id, at, action, actor_id, actor_name, namespace, repository_id, target"

# The equalities that an index of Event answers in the order of id; the first that fits a question is taken.
_INDEXES: tuple[frozenset[str], ...] = tuple(
    frozenset(columns.split())
    for columns in (
        "target",
        "repository_id action",
        "namespace actor_name",
        "namespace action",
        "repository_id",
        "actor_id action",
        "actor_id",
        "namespace",
        "actor_name",
        "action",
        "",
    )
)
# What the columns of an index say about others, so that those need no look.
_IMPLIED = {"repository_id": "namespace", "actor_id": "actor_name"}


@dataclass(frozen=True, slots=True)
class Part:
    """Events whose columns have these values (None: NULL), no older than `since`."""

    columns: Mapping[str, Any]
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose events: those of any part. Without a part there are none."""

    parts: tuple[Part, ...]


def of_namespace(name: str, since: datetime) -> Scope:
    """What happened in a namespace. `since` it was made: the name may have been somebody else's before."""
    return Scope((Part({"namespace": name}, since),))


def of_user(public_id: str, name: str, since: datetime) -> Scope:
    """What a person did anywhere, and what happened in their namespace."""
    return Scope((Part({"actor_id": public_id, "actor_name": name}), *of_namespace(name, since).parts))


def of_repository(pk: int, full_name: str, since: datetime) -> Scope:
    """What happened to a repository. A refusal is noted under its name, by a room that knows no repositories."""
    namespace = full_name.partition("/")[0]
    refused = {"target": full_name, "action": "repo.access_refused", "namespace": namespace, "repository_id": None}
    return Scope((Part({"namespace": namespace, "repository_id": pk}), Part(refused, since)))


EVERYTHING = Scope((Part({}),))


@dataclass(frozen=True, slots=True)
class Filters:
    """What to leave out. An empty one leaves nothing out."""

    person: str = ""
    """The actor's whole name."""
    actions: tuple[str, ...] = ()
    target: str = ""
    """What the target begins with."""
    since: datetime | None = None
    until: datetime | None = None

    def __bool__(self) -> bool:
        return self != Filters()


@dataclass(frozen=True)
class EventPage(Page[Event]):
    """`is_cut`: it ends because the last window did; there may be more further on."""

    is_cut: bool = False


Condition = tuple[str, list[Any]]
"""SQL with its parameters."""


@dataclass(frozen=True)
class _Strand:
    """Part of an index (`exact`), narrowed (`cheap`: true of nearly all there), and what must be looked at (`rest`)."""

    exact: list[Condition]
    cheap: list[Condition]
    rest: list[Condition]
    is_short: bool = False
    """All of it is less than a window, in any order."""

    def ids(self, place: Place, limit: int, window: int) -> Condition:
        """The first `limit` events from `place` on; of what must be looked at, those within the window."""
        where, parameters = _all([*self.exact, *self.cheap, *_from(place)])
        if not self.rest:
            return f"SELECT id FROM {TABLE} WHERE {where} ORDER BY id {_way(place)} LIMIT {limit}", parameters  # noqa: S608  our own words
        order = f"LIMIT {FEW}" if self.is_short else f"ORDER BY id {_way(place)} LIMIT {window}"
        seen = f"SELECT {COLUMNS} FROM {TABLE} WHERE {where} {order}"  # noqa: S608  likewise
        wanted, more = _all(self.rest)
        sql = f"SELECT id FROM ({seen}) AS seen WHERE {wanted} ORDER BY id {_way(place)} LIMIT {limit}"  # noqa: S608  likewise
        return sql, [*parameters, *more]

    def end_of_window(self, place: Place, window: int) -> Condition:
        """The last event that `ids` looks at, if the strand goes on behind it. Reads the index only."""
        where, parameters = _all([*self.exact, *self.cheap, *_from(place)])
        order = f"ORDER BY id {_way(place)} LIMIT 1 OFFSET {window - 1}"
        return f"SELECT id FROM {TABLE} WHERE {where} {order}", parameters  # noqa: S608  likewise


class Search:
    """The events of a scope through filters. Two queries more than it needs without them when a time is given, one for
    a target."""

    def __init__(self, scope: Scope, filters: Filters) -> None:
        self._filters = filters
        self._bounds = list(_time_bounds(filters))
        is_short = bool(filters.target) and self._is_rare(filters.target)
        self._strands = [strand for part in scope.parts for strand in self._of_part(part, is_short=is_short)]

    def page(self, *, cursor: str = "", size: int = 50) -> EventPage:
        """One query, or two for each window that is needed. Raises Invalid for a cursor that we did not make."""
        place = Place.of(cursor)
        found, stop = self._look(place, size + 1)
        more, rows = len(found) > size, found[:size]
        onward = rows[-1].pk if more else stop
        if place.beyond is None:
            back = None
        elif rows:
            back = rows[0].pk
        else:  # the neighbour itself belongs to the way back
            back = place.beyond + (1 if place.backward else -1)
        before, after = (onward, back) if place.backward else (back, onward)
        return EventPage(
            rows=rows[::-1] if place.backward else rows,
            next=Place(after).cursor,
            previous=Place(before, backward=True).cursor,
            is_cut=onward is not None and not more,
        )

    def _look(self, place: Place, limit: int) -> tuple[list[Event], int | None]:
        """As `_read`, in as many windows as it takes, or may take."""
        found: list[Event] = []
        stop: int | None = None
        for window in STEPS:
            more, stop = self._read(place, limit - len(found), window)
            found += more
            if stop is None or len(found) == limit:
                break
            place = Place(stop, place.backward)
        return found, stop

    def batches(self, size: int = 1000) -> Iterator[list[Event]]:
        """All of them, newest first, in batches of `size` at most. One query each, two where a window is needed; no
        transaction, and no cursor that is kept open: what happens meanwhile is newer, and not among them."""
        place: Place | None = Place()
        while place is not None:
            found, stop = self._read(place, size, STEPS[-1])
            if found:
                yield found
            onward = found[-1].pk if len(found) == size else stop
            place = None if onward is None else Place(onward)

    def _read(self, place: Place, limit: int, window: int) -> tuple[list[Event], int | None]:
        """The next events, and where the nearest window ended: nothing behind it is among them."""
        if not self._strands:
            return [], None
        stop = self._end_of_windows(place, window)
        ids, parameters = _union([strand.ids(place, limit, window) for strand in self._strands])
        sql = f"SELECT id FROM ({ids}) AS found ORDER BY id {_way(place)} LIMIT {limit}"  # noqa: S608  our own words
        rows = Event.objects.filter(pk__in=RawSQL(sql, parameters))  # noqa: S611  likewise
        found = list(rows.order_by("pk" if place.backward else "-pk"))
        if stop is None:
            return found, None
        return [row for row in found if (row.pk <= stop if place.backward else row.pk >= stop)], stop

    def _end_of_windows(self, place: Place, window: int) -> int | None:
        ends = [strand.end_of_window(place, window) for strand in self._strands if strand.rest and not strand.is_short]
        if not ends:
            return None
        ids, parameters = _union(ends)
        nearest = "MIN" if place.backward else "MAX"
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {nearest}(id) FROM ({ids}) AS ends", parameters)  # noqa: S608  our own words
            (end,) = cursor.fetchone()
        return end  # type: ignore[no-any-return]

    def _is_rare(self, target: str) -> bool:
        """Whether few enough events have a target that begins so to look at each. One query, on the index."""
        bounds = [(sql, values) for sql, values in self._bounds if sql.startswith("id ")]
        where, parameters = _all([_begins_with(target), *bounds])
        few = f"SELECT 1 FROM {TABLE} WHERE {where} LIMIT {FEW}"  # noqa: S608  our own words
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT COUNT(*) FROM ({few}) AS few", parameters)  # noqa: S608  likewise
            (count,) = cursor.fetchone()
        return bool(count < FEW)

    def _of_part(self, part: Part, *, is_short: bool) -> Iterator[_Strand]:
        """None when the filters contradict the part."""
        known = dict(part.columns)
        actions = self._filters.actions
        if "action" in known:
            only = known.pop("action")
            if actions and only not in actions:
                return
            actions = (only,)
        person = self._filters.person
        if person and known.setdefault("actor_name", person) != person:
            return
        cheap = [*self._bounds, *([(f"{_at()} >= %s", [_stored(part.since)])] if part.since else [])]
        if is_short:
            rest = [*_equal(known), *_one_of(actions)] or [("1 = 1", [])]
            yield _Strand([_begins_with(self._filters.target)], cheap, rest, is_short=True)
            return
        yield from self._along_index(known, actions, cheap)

    def _along_index(
        self, known: dict[str, Any], actions: tuple[str, ...], cheap: list[Condition]
    ) -> Iterator[_Strand]:
        given = {name for name, value in known.items() if value is not None} | ({"action"} if actions else set())
        index = next(columns for columns in _INDEXES if columns <= given)
        implied = {_IMPLIED.get(name, "") for name in index}
        exact = _equal({name: known[name] for name in index if name != "action"})
        rest = _equal({name: value for name, value in known.items() if name not in index | implied})
        if self._filters.target:
            rest.append(_begins_with(self._filters.target))
        if "action" in index:
            yield from (_Strand([*exact, ("action = %s", [action])], cheap, rest) for action in actions)
        else:
            yield _Strand(exact, cheap, [*rest, *_one_of(actions)])


def _time_bounds(filters: Filters) -> Iterator[Condition]:
    """The wanted time, and as ids what certainly lies outside of it, so that no strand reads there."""
    if filters.since:
        yield f"{_at()} >= %s", [_stored(filters.since)]
        before = Event.objects.filter(at__lt=filters.since - SLACK).order_by("-at").values_list("pk", flat=True)
        yield from (("id > %s", [pk]) for pk in before[:1])
    if filters.until:
        yield f"{_at()} <= %s", [_stored(filters.until)]
        after = Event.objects.filter(at__gt=filters.until + SLACK).order_by("at").values_list("pk", flat=True)
        yield from (("id < %s", [pk]) for pk in after[:1])


def _from(place: Place) -> list[Condition]:
    if place.beyond is None:
        return []
    return [(f"id {'>' if place.backward else '<'} %s", [place.beyond])]


def _way(place: Place) -> str:
    return "ASC" if place.backward else "DESC"


def _equal(values: Mapping[str, Any]) -> list[Condition]:
    return [(f"{name} IS NULL", []) if value is None else (f"{name} = %s", [value]) for name, value in values.items()]


def _one_of(actions: tuple[str, ...]) -> list[Condition]:
    return [(f"action IN ({', '.join(['%s'] * len(actions))})", list(actions))] if actions else []


def _begins_with(text: str) -> Condition:
    """In the words that each database has an index for."""
    if connection.vendor == "postgresql":
        return "target LIKE %s", [connection.ops.prep_for_like_query(text) + "%"]
    return "target >= %s AND target < %s", [text, text + LAST_CHARACTER]


def _all(conditions: Sequence[Condition]) -> Condition:
    """Every one of them; a strand through everything has none."""
    return " AND ".join(sql for sql, _values in conditions) or "1 = 1", [
        v for _sql, values in conditions for v in values
    ]


def _union(selects: Sequence[Condition]) -> Condition:
    """Each once. SQLite takes a sorted SELECT as part of a union only inside another one."""
    sql = " UNION ".join(f"SELECT id FROM ({sql}) AS strand" for sql, _values in selects)  # noqa: S608  our own words
    return sql, [value for _sql, values in selects for value in values]


def _at() -> str:
    """The time, as something to look at. SQLite would take its index where the strand's own is far better."""
    return "at" if connection.vendor == "postgresql" else "+at"


def _stored(moment: datetime) -> Any:
    """As the database keeps it: SQLite, as text in UTC."""
    return connection.ops.adapt_datetimefield_value(moment)
