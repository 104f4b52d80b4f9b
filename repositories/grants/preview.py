"""What a change would do to everybody's access, before it is made: who gains what, who loses what.

The change itself is run, in a transaction that is rolled back, and effective access is read before and after it with
the functions that also answer everything else. So no second implementation can disagree with what will be; events and
jobs of the trial are gone with it.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from functools import cached_property

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from orgs.models import Membership, Team
from portal.accounts.actor import Actor
from portal.accounts.models import Namespace, OrganizationAccessToken, User
from portal.kit import patterns
from repositories.access import Reason, Source, role_word, visible
from repositories.access.people import NOTHING, Access, Held, Subject, Who, access_to, hold
from repositories.access.reasons import given_by_team
from repositories.models import Grant, Repository

PAIRS_MAX = 100_000
"""Of a person and a repository, that are compared: about two seconds. What is more is said to be left out."""
EVERYTHING = "*"
ENTRIES_MAX = 1_000
"""Of the gains and of the losses, that the API lists one by one."""
SHOWN = 6
"""Names and repositories of a group; the others are a number."""


@dataclass(frozen=True, slots=True)
class Touched:
    """What a change can touch: nothing else is compared."""

    namespace: Namespace
    pattern: str = EVERYTHING
    who: Who | None = None
    """The people and robots; None: everybody."""
    teams: Sequence[Team] = ()
    """Those whose own grants change, to be named beside the people in them."""


@dataclass(frozen=True, slots=True)
class Changed:
    """One person, robot or team on one repository, before and after."""

    name: str
    kind: str
    """`person`, `robot` or `team`."""
    repository: str
    before: int
    after: int
    why: tuple[Reason, ...]
    """What gives the role afterwards; of a loss, what gave it before. Without its grant: several may be meant."""
    is_outsider: bool = False

    @property
    def is_gain(self) -> bool:
        return self.after > self.before

    @property
    def before_word(self) -> str:
        return role_word(self.before)

    @property
    def after_word(self) -> str:
        return role_word(self.after)

    @property
    def words(self) -> str:
        return ", ".join(reason.words for reason in self.why)


@dataclass(frozen=True, slots=True)
class Group:
    """The same change of several people on the same repositories. `one` of them says what changes."""

    one: Changed
    names: Sequence[str]
    repositories: Sequence[str]

    @property
    def some_names(self) -> Sequence[str]:
        return self.names[:SHOWN]

    @property
    def more_names(self) -> int:
        return max(0, len(self.names) - SHOWN)

    @property
    def some_repositories(self) -> Sequence[str]:
        return self.repositories[:SHOWN]

    @property
    def more_repositories(self) -> int:
        return max(0, len(self.repositories) - SHOWN)


@dataclass(frozen=True)
class Preview:
    """Teams first, then people and robots, by name and repository."""

    gains: Sequence[Changed] = ()
    losses: Sequence[Changed] = ()
    becomes_public: Sequence[str] = ()
    becomes_private: Sequence[str] = ()
    matched: int = 0
    """How many repositories that there are now were compared."""
    truncated: str = ""
    """What was left out, in a sentence; empty when nothing was."""

    @cached_property
    def outsiders(self) -> Sequence[str]:
        """Who gains without belonging to the organization, or beside the owner of a personal namespace."""
        return sorted({change.name for change in self.gains if change.is_outsider})

    @property
    def first_gains(self) -> Sequence[Changed]:
        return self.gains[:ENTRIES_MAX]

    @property
    def first_losses(self) -> Sequence[Changed]:
        return self.losses[:ENTRIES_MAX]

    @property
    def outsiders_gain(self) -> bool:
        return bool(self.outsiders)

    @property
    def is_empty(self) -> bool:
        return not (self.gains or self.losses or self.becomes_public or self.becomes_private)

    @property
    def needs_confirmation(self) -> bool:
        """What was left out may hold an outsider."""
        return bool(self.outsiders or self.becomes_public or self.truncated)

    @cached_property
    def gain_groups(self) -> Sequence[Group]:
        return _grouped(self.gains)

    @cached_property
    def loss_groups(self) -> Sequence[Group]:
        return _grouped(self.losses)


def preview(actor: Actor, change: Callable[[], object], touched: Touched) -> Preview:
    """Whatever `change` raises is raised. Nothing is changed in any case.

    At most 14 queries, two for each of the teams, and those of the change, whatever the number of people; `PAIRS_MAX`
    bounds the time. Half of it passes in the transaction, in which SQLite takes no other writer.
    """
    repositories, truncated = _repositories(actor, touched)
    before = _look(repositories, touched)
    with transaction.atomic():
        change()
        visibility = dict(_matching(touched).values_list("pk", "visibility"))
        after = _look([_as_now(row, visibility[row.pk]) for row in repositories if row.pk in visibility], touched)
        transaction.set_rollback(True)
    turned = [row for row in repositories if visibility.get(row.pk, row.visibility) != row.visibility]
    changes = [*_changes_of_teams(repositories, before, after), *_changes(touched, before, after)]
    return Preview(
        gains=[entry for entry in changes if entry.is_gain],
        losses=[entry for entry in changes if not entry.is_gain],
        becomes_public=[row.full_name for row in turned if row.is_private],
        becomes_private=[row.full_name for row in turned if not row.is_private],
        matched=len(repositories),
        truncated=truncated,
    )


def _repositories(actor: Actor, touched: Touched) -> tuple[list[Repository], str]:
    """Those the actor sees, by name; as many as can be compared with all the people, and what is said of the rest."""
    limit = max(1, PAIRS_MAX // max(1, _count_people(touched)))
    rows = visible(actor).filter(patterns.condition([touched.pattern], "name"), namespace=touched.namespace)
    found = list(rows.order_by("name")[: limit + 1])
    if len(found) <= limit:
        return found, ""
    words = _("Only the first %(count)d repositories, by name, were compared: there are too many to show all at once.")
    return found[:limit], words % {"count": limit}


def _matching(touched: Touched) -> QuerySet[Repository]:
    return Repository.objects.filter(patterns.condition([touched.pattern], "name"), namespace=touched.namespace)


def _count_people(touched: Touched) -> int:
    """No fewer than there are. Three queries at most."""
    if touched.who is not None:
        return len(touched.who.users) + len(touched.who.robots)
    members = Membership.objects.filter(organization__namespace=touched.namespace).count()
    guests = Grant.objects.filter(namespace=touched.namespace, user__isnull=False).values("user").distinct().count()
    return members + guests + OrganizationAccessToken.objects.filter(namespace=touched.namespace).count() + 1


def _as_now(row: Repository, visibility: str) -> Repository:
    now = copy(row)
    now.visibility = visibility
    return now


@dataclass(frozen=True, slots=True)
class _Look:
    """What there is at one moment."""

    repositories: Mapping[int, Repository]
    access: Access
    teams: Mapping[str, Mapping[int, Held]]
    """By the team's name and the repository's key."""


def _look(repositories: Sequence[Repository], touched: Touched) -> _Look:
    teams = {}
    for team in touched.teams:
        given = given_by_team(team.pk, repositories)
        teams[team.name] = {pk: _held_by_team(reasons) for pk, reasons in given.items()}
    return _Look({row.pk: row for row in repositories}, access_to(repositories, who=touched.who), teams)


def _held_by_team(reasons: Sequence[Reason]) -> Held:
    return Held(max((reason.role for reason in reasons), default=0), tuple(reasons))


def _changes_of_teams(repositories: Sequence[Repository], before: _Look, after: _Look) -> Iterator[Changed]:
    why = _Why()
    for name in sorted(before.teams):
        for row in repositories:
            held = before.teams[name].get(row.pk, NOTHING), after.teams[name].get(row.pk, NOTHING)
            if held[0].role != held[1].role:
                yield Changed(name, "team", row.full_name, held[0].role, held[1].role, why.of(*held))


def _changes(touched: Touched, before: _Look, after: _Look) -> Iterator[Changed]:
    subjects = {**before.access.subjects, **after.access.subjects}
    changed = []
    for pair in before.access.held.keys() | after.access.held.keys():
        subject, pk = subjects[pair[0]], pair[1]
        was = before.access.held.get(pair) or _unnamed(before, subject, pk)
        now = after.access.held.get(pair) or _unnamed(after, subject, pk)
        if was.role != now.role:
            changed.append((subject.is_robot, subject.name, before.repositories[pk].full_name, subject, was, now))
    inside = _insiders(touched.namespace, any_of={entry[3].user_id for entry in changed if not entry[0]})
    why = _Why()
    for is_robot, name, full_name, subject, was, now in sorted(changed, key=lambda entry: entry[:3]):
        is_outsider = not is_robot and subject.user_id not in inside
        kind = "robot" if is_robot else "person"
        yield Changed(name, kind, full_name, was.role, now.role, why.of(was, now), is_outsider)


def _unnamed(look: _Look, subject: Subject, pk: int) -> Held:
    """Whom nothing is given has what everybody has: what is public."""
    row = look.repositories.get(pk)
    return NOTHING if row is None else hold(subject, row, ())


def _insiders(namespace: Namespace, *, any_of: Collection[int | None]) -> set[int]:
    """Who belongs to it, as it is without the change. Two queries, none when it is asked about nobody."""
    if not any_of:
        return set()
    members = Membership.objects.filter(organization__namespace=namespace).values_list("user", flat=True)
    return {*members, *User.objects.filter(namespace=namespace).values_list("pk", flat=True)}


class _Why:
    """What gives a role that is gained, or gave one that is lost. Without the grant, since several may have.

    Thousands who are alike share their `Held`, for which it is worked out once.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[int, int], tuple[Reason, ...]] = {}

    def of(self, before: Held, after: Held) -> tuple[Reason, ...]:
        """Both are kept by somebody as long as this is."""
        key = (id(before), id(after))
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = self._work_out(before, after)
        return found

    @staticmethod
    def _work_out(before: Held, after: Held) -> tuple[Reason, ...]:
        more, less = (after, before) if after.role > before.role else (before, after)
        higher = [reason for reason in more.reasons if reason.role > less.role]
        found = dict.fromkeys(Reason(reason.source, reason.role, team=reason.team) for reason in higher)
        # Visibility gives what no reason does.
        return tuple(found) or (Reason(Source.PUBLIC, more.role),)


def _grouped(changes: Iterable[Changed]) -> list[Group]:
    """By what changes first, then by where: so that 40 members who gain the same on 12 repositories are one line."""
    by_subject: dict[tuple[object, ...], list[Changed]] = {}
    for entry in changes:
        what = (entry.kind, entry.is_outsider, entry.before, entry.after, entry.why)
        by_subject.setdefault((*what, entry.name), []).append(entry)
    groups: dict[tuple[object, ...], list[list[Changed]]] = {}
    for subject, entries in by_subject.items():
        groups.setdefault((*subject[:-1], tuple(entry.repository for entry in entries)), []).append(entries)
    return [
        Group(
            one=subjects[0][0],
            names=[entries[0].name for entries in subjects],
            repositories=[entry.repository for entry in subjects[0]],
        )
        for subjects in groups.values()
    ]
