"""What somebody can reach: the repositories that `visible` gives them, each with its reasons and caps."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from django.db.models import Q, QuerySet

from orgs.models import Team
from portal.accounts.actor import Actor
from portal.accounts.models import Namespace
from portal.kit import patterns
from repositories.access.namespaces import namespaces_of
from repositories.access.people import Subject, archived_words, limit_words, role_of, unconfirmed_words
from repositories.access.reasons import Reason, given_by_team, of_repositories, role_word
from repositories.access.roles import Role
from repositories.access.rows import shared_with, visible
from repositories.models import Grant, Repository, Visibility

CHUNK = 500
"""Of an export: the reasons of so many repositories are read at once."""


@dataclass(frozen=True, slots=True)
class Reached:
    """A repository with the resulting role, and why."""

    repository: Repository
    role: int
    reasons: Sequence[Reason]
    caps: Sequence[str] = ()

    @property
    def role_word(self) -> str:
        return role_word(self.role)


def reached(subject: Subject, *, namespace: Namespace | None = None) -> QuerySet[Repository]:
    """What the subject sees in the namespace or, without one, wherever they have more than everybody has.

    One query when it is evaluated. Nothing for who is switched off.
    """
    rows = visible(subject.actor).select_related("namespace")
    if subject.state != "active":
        return rows.none()
    if namespace is not None:
        return rows.filter(namespace=namespace)
    own = Q(visibility=Visibility.PRIVATE) | Q(namespace__in=namespaces_of(subject.actor))
    shared = shared_with(subject.actor).order_by().values("pk")
    return rows.filter(own | Q(pk__in=shared))


def explain(subject: Subject, repositories: Sequence[Repository]) -> list[Reached]:
    """Rows of `reached`, each with its reasons. One query."""
    given = of_repositories(subject.actor, repositories)
    reasons = {pk: [reason for reason in found if reason.role > Role.NONE] for pk, found in given.items()}
    return [
        Reached(row, role_of(subject, row, row.role), reasons[row.pk], _caps(subject, reasons[row.pk], row))
        for row in repositories
    ]


def _caps(subject: Subject, reasons: Sequence[Reason], row: Repository) -> list[str]:
    words = [limit_words(subject.actor, row.full_name)]
    full_role = max((reason.role for reason in reasons), default=Role.NONE)
    if not subject.is_confirmed and full_role > Role.READ:
        words.append(unconfirmed_words())
    if row.is_archived and full_role > Role.READ:
        words.append(archived_words())
    return [text for text in words if text]


def reached_by_team(actor: Actor, team: Team) -> QuerySet[Repository]:
    """The repositories that the team's grants match, of those that the actor who looks sees. Two queries."""
    granted = Grant.objects.filter(team=team).values_list("pattern", flat=True)
    rows = visible(actor).select_related("namespace").filter(namespace=team.organization.namespace_id)
    return rows.filter(patterns.condition(granted, "name"))


def explain_team(team: Team, repositories: Sequence[Repository]) -> list[Reached]:
    """Rows of `reached_by_team`, with what the team's grants give. One query."""
    found = given_by_team(team.pk, repositories)
    return [Reached(row, _highest(found[row.pk]), found[row.pk]) for row in repositories]


def _highest(reasons: Iterable[Reason]) -> int:
    return max((reason.role for reason in reasons), default=Role.NONE)


def chunks(rows: QuerySet[Repository]) -> Iterator[list[Repository]]:
    """All of them by name, `CHUNK` at a time, for an export. One query each."""
    last = ""
    while found := list(rows.filter(full_name__gt=last).order_by("full_name")[:CHUNK]):
        yield found
        last = found[-1].full_name
