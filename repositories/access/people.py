"""Who has access: people and robots in bulk, by the reasons of `reasons` and the caps of `decisions`. Never a rule."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import QuerySet
from django.db.models.expressions import RawSQL
from django.utils import timezone
from django.utils.translation import gettext as _

from portal.accounts.actor import Actor, Credential, CredentialKind, actor_for, actor_for_robot
from portal.accounts.limits import WORDS as ACTION_WORDS
from portal.accounts.models import OrganizationAccessToken, TokenAction, User
from portal.kit.errors import Decision
from repositories.access.decisions import Seen, decide, effective_role
from repositories.access.reasons import Reason, given_to_all, rank, role_word
from repositories.access.roles import Permission, Role
from repositories.models import Repository, Visibility

SESSION = Credential(kind=CredentialKind.SESSION)

# What shows that somebody has the role, whatever their credential is limited to, and on what is archived.
_MARKS = ((Role.ADMIN, Permission.MANAGE_ACCESS), (Role.WRITE, Permission.PUSH), (Role.READ, Permission.VIEW))


@dataclass(frozen=True, slots=True)
class Subject:
    """Somebody whose access is looked at. `actor` is nobody when the account is off."""

    actor: Actor
    user_id: int | None
    robot_id: int | None
    name: str
    """The username; of a robot `acme:label`."""
    full_name: str = ""
    is_confirmed: bool = True
    state: str = "active"
    """`active`, `off` or, of a token, `expired`."""

    @property
    def is_robot(self) -> bool:
        return self.robot_id is not None

    @property
    def key(self) -> "Key":
        return (self.user_id or 0, self.robot_id or 0)


Key = tuple[int, int]
"""A person's and a robot's key, one of which is 0."""


@dataclass(frozen=True, slots=True)
class Who:
    """The people and robots that are looked at, when not all are."""

    users: Collection[int] = ()
    robots: Collection[int] = ()


@dataclass(frozen=True, slots=True)
class Held:
    """What one subject has on one repository: the resulting role, and why."""

    role: int
    reasons: tuple[Reason, ...] = ()


NOTHING = Held(Role.NONE)


@dataclass(frozen=True, slots=True)
class Access:
    """What subjects have on repositories."""

    subjects: Mapping[Key, Subject]
    held: Mapping[tuple[Key, int], Held] = field(repr=False)
    """By subject and the repository's key. A pair that is missing has nothing."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of "Who has access". `caps`: in sentences, why it is less than the reasons give."""

    subject: Subject
    role: int
    reasons: tuple[Reason, ...]
    caps: tuple[str, ...] = ()

    @property
    def role_word(self) -> str:
        return role_word(self.role)


def who_has_access(repository: Repository) -> list[Entry]:
    """Every person and robot that something gives a role on the repository: the highest roles first, then by name.

    Who has none in the end (switched off) is among them, and the cap says so. What visibility gives to everybody is
    not. Three queries, whatever the number of people.
    """
    access = access_to([repository])
    entries = [_entry(access, repository, key) for key, _repository in access.held]
    found = [entry for entry in entries if entry is not None]
    found.sort(key=lambda entry: (-entry.role, entry.subject.is_robot, entry.subject.name))
    return found


def _entry(access: Access, repository: Repository, key: Key) -> Entry | None:
    """None for who has nothing here but what everybody has."""
    subject, held = access.subjects[key], access.held[key, repository.pk]
    if not held.reasons or not subject.actor.credential.covers(repository.full_name):
        return None
    return Entry(subject, held.role, held.reasons, tuple(_caps(subject, held, repository)))


def access_to(repositories: Sequence[Repository], *, who: Who | None = None) -> Access:
    """What everybody, or `who`, has on each of the repositories. Three queries; time and room grow with the pairs."""
    by_key = {row.pk: row for row in repositories}
    reasons: dict[tuple[Key, int], list[Reason]] = {}
    users, robots = (None, None) if who is None else (who.users, who.robots)
    for given in given_to_all(by_key, users=users, robots=robots):
        pair = ((given.user_id or 0, given.robot_id or 0), given.repository_id)
        reasons.setdefault(pair, []).append(given.reason)
    keys = {key for key, _repository in reasons}
    subjects = find_subjects(users=[user for user, _ in keys if user], robots=[robot for _, robot in keys if robot])
    return Access(subjects, _hold_all(subjects, by_key, reasons))


def _hold_all(
    subjects: Mapping[Key, Subject],
    repositories: Mapping[int, Repository],
    reasons: Mapping[tuple[Key, int], list[Reason]],
) -> dict[tuple[Key, int], Held]:
    """As `hold` for each. People who are alike and have the same reasons have the same: it is worked out once."""
    known: dict[tuple[object, ...], Held] = {}
    found = {}
    for (key, pk), given in reasons.items():
        subject = subjects.get(key)
        if subject is None:  # deleted between two statements
            continue
        alike = (subject.robot_id, subject.state, subject.is_confirmed, pk, *map(id, given))
        held = known.get(alike)
        if held is None:
            held = known[alike] = hold(subject, repositories[pk], given)
        found[key, pk] = held
    return found


def hold(subject: Subject, repository: Repository, reasons: Iterable[Reason]) -> Held:
    """The role that the reasons come to for the subject. Costs no query."""
    found = sorted((reason for reason in reasons if reason.role > Role.NONE), key=rank)
    public = [Role.READ] if repository.visibility == Visibility.PUBLIC else []
    full_role = max([*(reason.role for reason in found), *public], default=Role.NONE)
    return Held(role_of(subject, repository, full_role), tuple(found))


def role_of(subject: Subject, repository: Repository, full_role: int) -> int:
    """`full_role`, after whatever caps the subject. Costs no query.

    Of a limited token and on an archived repository: what can be done, so that who could push there is a reader now,
    and an admin, who brings it back, is an admin still.
    """
    actor = subject.actor
    if subject.state != "active":
        return Role.NONE
    name, visibility = repository.full_name, repository.visibility
    role = effective_role(actor, full_role=full_role, full_name=name, visibility=visibility)
    if role == Role.NONE or (actor.credential.limits is None and not repository.is_archived):
        return role
    seen = Seen(role, name, visibility, is_archived=repository.is_archived)
    return next((mark for mark, permission in _MARKS if decide(actor, permission, seen).allowed), Role.NONE)


def decide_for(subject: Subject, repository: Repository, reasons: Iterable[Reason], permission: Permission) -> Decision:
    """As `decide`, of somebody whose reasons were read in bulk, and whose credential caps them. Costs no query."""
    if subject.state != "active":
        return Decision(allowed=False, reason=off_words(subject))
    public = Role.READ if repository.visibility == Visibility.PUBLIC else Role.NONE
    full_role = max((reason.role for reason in reasons), default=Role.NONE)
    name, visibility = repository.full_name, repository.visibility
    role = effective_role(subject.actor, full_role=max(full_role, public), full_name=name, visibility=visibility)
    if role == Role.NONE:
        words = {"name": subject.name, "repository": name}
        return Decision(
            allowed=False, reason=_("%(name)s cannot see %(repository)s: to them it does not exist.") % words
        )
    return decide(subject.actor, permission, Seen(role, name, visibility, is_archived=repository.is_archived))


def off_words(subject: Subject) -> str:
    """Why somebody can do nothing at all."""
    words = {"name": subject.name}
    if not subject.is_robot:
        return _("The account of %(name)s is switched off.") % words
    if subject.state == "expired":
        return _("The access token %(name)s has expired.") % words
    return _("The access token %(name)s is switched off.") % words


def _caps(subject: Subject, held: Held, repository: Repository) -> Iterable[str]:
    if subject.state == "off":
        yield _("the access token is switched off") if subject.is_robot else _("the account is switched off")
    if subject.state == "expired":
        yield _("the access token has expired")
    if not subject.is_confirmed and held.reasons[0].role > Role.READ:
        yield unconfirmed_words()
    if repository.is_archived and held.reasons[0].role > Role.READ:
        yield archived_words()
    if subject.is_robot:
        yield limit_words(subject.actor, repository.full_name)


def archived_words() -> str:
    return _("archived: pulled and not changed, until an admin brings it back")


def unconfirmed_words() -> str:
    return _("e-mail address not confirmed: no more than read")


def limit_words(actor: Actor, full_name: str) -> str:
    """What a limited token may do there: `limited to: pull, push`. Empty when it is not limited there."""
    if actor.credential.limits is None:
        return ""
    actions = {action for limit in actor.credential.limits if limit.covers(full_name) for action in limit.actions}
    words = ", ".join(str(ACTION_WORDS[action]) for action in TokenAction if action in actions)
    return _("limited to: %(actions)s") % {"actions": words} if words else _("not limited to this repository")


def find_subjects(*, users: Collection[int] = (), robots: Collection[int] = ()) -> dict[Key, Subject]:
    """People and robots by their keys; who is gone is missing. Two queries at most."""
    now = timezone.now()
    people = [subject_of_user(user, confirmed=user.confirmed) for user in _users(users)]  # type: ignore[attr-defined]  # annotated
    tokens = [subject_of_robot(token, now) for token in _robots(robots)]
    return {subject.key: subject for subject in [*people, *tokens]}


def _users(keys: Collection[int]) -> QuerySet[User]:
    people = User.objects.with_confirmed().filter(pk__in=_literal(keys))
    return people.only("public_id", "username", "full_name", "is_active", "is_superuser") if keys else people.none()


def _robots(keys: Collection[int]) -> QuerySet[OrganizationAccessToken]:
    tokens = OrganizationAccessToken.objects.select_related("namespace")
    return tokens.filter(pk__in=_literal(keys)) if keys else tokens.none()


def _literal(keys: Iterable[int]) -> RawSQL:
    """Whole numbers of ours within the text: SQLite takes few parameters, and a list may hold thousands."""
    values = ", ".join(f"({int(key)})" for key in keys) or "(NULL)"
    return RawSQL(f"SELECT * FROM (VALUES {values}) AS given", [])  # noqa: S608, S611  whole numbers


def subject_of_user(user: User, *, confirmed: bool) -> Subject:
    """A person as they are in the browser: no access token caps them. Costs no query."""
    return Subject(
        actor=actor_for(user, confirmed=confirmed, credential=SESSION),
        user_id=user.pk,
        robot_id=None,
        name=user.username,
        full_name=user.full_name,
        is_confirmed=confirmed,
        state="active" if user.is_active else "off",
    )


def subject_of_robot(token: OrganizationAccessToken, now: datetime) -> Subject:
    """An organization's access token, whose `namespace` was selected with it. Costs no query."""
    actor = actor_for_robot(token)
    return Subject(actor=actor, user_id=None, robot_id=token.pk, name=actor.name, state=token.state(now))
