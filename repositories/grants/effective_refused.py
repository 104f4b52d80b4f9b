"""Refused attempts of docker and its like: what was recorded, and what `access` says of each now."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice

from django.utils import timezone
from django.utils.translation import gettext as _

from portal.accounts.actor import CredentialKind, actor_for
from portal.accounts.credentials import access_token_credential
from portal.accounts.models import OrganizationAccessToken, PersonalAccessToken, User
from portal.events.models import Event
from portal.events.reads import Filters, Part, Scope, Search
from repositories.access import Permission
from repositories.access.people import (
    NOTHING,
    Access,
    Key,
    Subject,
    Who,
    access_to,
    decide_for,
    subject_of_robot,
    subject_of_user,
)
from repositories.models import Repository

DAYS = 14
EVENTS_MAX = 2_000
"""That are grouped; what is older is in the audit log."""
PAGE_SIZE = 25
ACTION = "repo.access_refused"
TOKEN_LABEL = f"{CredentialKind.ACCESS_TOKEN}: "
ACTIONS = {"pull": Permission.PULL, "push": Permission.PUSH, "delete": Permission.DELETE_IMAGES}
"""As docker asks for them."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """The same refusal, however often it came. `actions`: those that were not granted."""

    actor_id: str
    actor_name: str
    credential: str
    address: str
    client: str
    full_name: str
    actions: tuple[str, ...]
    count: int
    first: datetime
    last: datetime

    @property
    def name(self) -> str:
        """The repository's, within the namespace."""
        return self.full_name.partition("/")[2]

    @property
    def asked(self) -> str:
        """What “Check” is asked: the most that was wanted."""
        wanted = next((action for action in ("delete", "push", "pull") if action in self.actions), "pull")
        return "delete-images" if wanted == "delete" else wanted


@dataclass(frozen=True, slots=True)
class Explained:
    """An attempt, and what would come of it now."""

    attempt: Attempt
    why: str
    held: str
    """What they have, and by what: `read (team image-users)`."""
    is_allowed_now: bool = False


def refused_on(repository: Repository) -> list[Attempt]:
    """The last 14 days, newest first. Three queries."""
    since = max(timezone.now() - timedelta(days=DAYS), repository.created_at)
    return _grouped(_read({"target": repository.full_name, "namespace": repository.namespace_name}, since))


def refused_in(namespace: str, since: datetime) -> list[Attempt]:
    """As `refused_on`, of all names in the namespace, of repositories that don't exist too. `since` it was made."""
    return _grouped(_read({"namespace": namespace}, max(timezone.now() - timedelta(days=DAYS), since)))


@dataclass(frozen=True, slots=True)
class FailedLogin:
    """Logins in the organization's name, from one address, whose access token is wrong or dead."""

    address: str
    count: int
    last: datetime


def failed_logins(namespace: str, since: datetime) -> list[FailedLogin]:
    """The last 14 days, newest first. Two queries."""
    since = max(timezone.now() - timedelta(days=DAYS), since)
    found: dict[str, FailedLogin] = {}
    for event in _read({"namespace": namespace, "target": namespace}, since, action="user.login_failed"):
        count = int(event.new.get("count", 1))
        known = found.get(event.address)
        found[event.address] = (
            replace(known, count=known.count + count) if known else FailedLogin(event.address, count, event.at)
        )
    return list(found.values())


def _read(columns: Mapping[str, object], since: datetime, *, action: str = ACTION) -> Iterable[Event]:
    part = Part({**columns, "action": action, "repository_id": None}, since)
    batches = Search(Scope((part,)), Filters(since=since)).batches(EVENTS_MAX)
    return (event for batch in islice(batches, 1) for event in batch)


def _grouped(events: Iterable[Event]) -> list[Attempt]:
    """Events come newest first, and so do the groups."""
    found: dict[tuple[object, ...], Attempt] = {}
    for event in events:
        attempt = _attempt(event)
        who = (event.actor_id, event.actor_name, event.credential, event.address, event.client)
        key = (*who, event.target, attempt.actions)
        known = found.get(key)
        if known is None:
            found[key] = attempt
        else:
            found[key] = replace(known, count=known.count + attempt.count, first=attempt.first)
    return list(found.values())


def _attempt(event: Event) -> Attempt:
    return Attempt(
        actor_id=event.actor_id,
        actor_name=event.actor_name,
        credential=event.credential,
        address=event.address,
        client=event.client,
        full_name=event.target,
        actions=tuple(action for action in event.new.get("actions", []) if action in ACTIONS),
        count=int(event.new.get("count", 1)),
        first=event.at,
        last=event.at,
    )


def explain(attempts: Sequence[Attempt]) -> list[Explained]:
    """As of now. Seven queries, whatever the number of attempts."""
    names = {attempt.full_name for attempt in attempts}
    repositories = {row.full_name: row for row in Repository.objects.filter(full_name__in=names)}
    subjects = _subjects(attempts)
    users = {subject.user_id for subject in subjects.values() if subject.user_id}
    robots = {subject.robot_id for subject in subjects.values() if subject.robot_id}
    access = access_to(list(repositories.values()), who=Who(users, robots))
    return [_explain(attempt, subjects.get(_who(attempt)), repositories, access) for attempt in attempts]


def _who(attempt: Attempt) -> tuple[str, str]:
    return attempt.actor_id, attempt.credential


def _explain(
    attempt: Attempt, subject: Subject | None, repositories: Mapping[str, Repository], access: Access
) -> Explained:
    if subject is None:
        return Explained(attempt, _("The account or the access token is gone."), "")
    row = repositories.get(attempt.full_name)
    if row is None:
        return Explained(attempt, _("There is no such repository."), "")
    key: Key = subject.key
    held = access.held.get((key, row.pk), NOTHING)
    decisions = [decide_for(subject, row, held.reasons, ACTIONS[action]) for action in attempt.actions]
    denied = [decision for decision in decisions if not decision.allowed]
    reasons = ", ".join(f"{reason.role_word} ({reason.words})" for reason in held.reasons[:3])
    if not denied:
        return Explained(attempt, _("Allowed now: the rights have changed since."), reasons, is_allowed_now=True)
    return Explained(attempt, str(denied[-1].reason), reasons)


def _subjects(attempts: Sequence[Attempt]) -> dict[tuple[str, str], Subject]:
    """Each with the credential that was used, if it is still there. Three queries."""
    ids = {attempt.actor_id for attempt in attempts if attempt.actor_id}
    now = timezone.now()
    people = {user.public_id: user for user in User.objects.with_confirmed().filter(public_id__in=ids)}
    keys = [key for key in map(_uuid, ids) if key is not None]
    robots = OrganizationAccessToken.objects.select_related("namespace").filter(public_id__in=keys)
    by_id = {token.public_id.hex: subject_of_robot(token, now) for token in robots}
    tokens = _tokens(attempts, list(people.values()))
    found = {}
    for attempt in attempts:
        user = people.get(attempt.actor_id)
        if user is not None:
            token = tokens.get((user.pk, attempt.credential))
            if token is None and attempt.credential.startswith(TOKEN_LABEL):
                continue
            found[_who(attempt)] = _person(user, token, now)
        elif attempt.actor_id in by_id:
            found[_who(attempt)] = by_id[attempt.actor_id]
    return found


def _person(user: User, token: PersonalAccessToken | None, now: datetime) -> Subject:
    subject = subject_of_user(user, confirmed=user.confirmed)  # type: ignore[attr-defined]  # annotated
    if token is None:
        return subject
    credential = access_token_credential(token.pk, token.label, token.level, token.limits)
    actor = actor_for(user, confirmed=subject.is_confirmed, credential=credential)
    return replace(subject, actor=actor, state=subject.state if subject.state != "active" else token.state(now))


def _tokens(attempts: Sequence[Attempt], people: Sequence[User]) -> dict[tuple[int, str], PersonalAccessToken]:
    """By owner and by how events name them; of several with one label the newest."""
    labels = {attempt.credential.removeprefix(TOKEN_LABEL) for attempt in attempts}
    rows = PersonalAccessToken.objects.filter(user__in=[user.pk for user in people], label__in=labels).order_by("pk")
    return {(row.user_id, f"{TOKEN_LABEL}{row.label}"): row for row in rows}


def _uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(hex=text)
    except ValueError:
        return None
