"""The policy of rights once more, without the product: plain loops over plain rows, nothing imported from it.

It is slow, obvious, and says what docs and issue say. The property test compares the product with it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

NONE, READ, WRITE, ADMIN = range(4)

# Permission -> least role, least level of a personal access token, what a limited token must have there.
POLICY = {
    "view": (READ, "repo:public_read", None),
    "pull": (READ, "repo:public_read", "pull"),
    "star": (READ, "repo:write", "manage"),
    "comment": (READ, "repo:write", "manage"),
    "push": (WRITE, "repo:write", "push"),
    "edit": (ADMIN, "repo:write", "description"),
    "delete_images": (ADMIN, "repo:admin", "delete"),
    "protect_tags": (ADMIN, "repo:admin", "manage"),
    "archive": (ADMIN, "repo:admin", "manage"),
    "change_visibility": (ADMIN, "repo:admin", "manage"),
    "webhooks": (ADMIN, "repo:admin", "webhooks"),
    "moderate": (ADMIN, "repo:admin", "manage"),
    "reconcile": (ADMIN, "repo:admin", "manage"),
    "manage_access": (ADMIN, "repo:admin", "manage"),
    "delete": (ADMIN, "repo:admin", "manage"),
}
LEVELS = ["repo:public_read", "repo:read", "repo:write", "repo:admin"]
CHANGES = {"comment", "push", "edit", "delete_images", "protect_tags"}
"""What is over once a repository is archived."""
TOKEN_WORDS = {"pull": "pull", "push": "push", "delete": "delete_images"}
"""The registry's word -> the permission."""


@dataclass
class Person:
    name: str
    confirmed: bool = True
    active: bool = True


@dataclass
class Organization:
    name: str
    base: int
    who_creates: str
    who_publishes: str
    members: dict[str, str] = field(default_factory=dict)
    """Name -> owner, editor or member."""
    teams: dict[str, set[str]] = field(default_factory=dict)
    """Team -> names of its members."""


@dataclass
class Repository:
    namespace: str
    name: str
    public: bool
    archived: bool = False

    @property
    def full_name(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass
class Grant:
    """To a team of the namespace's organization, or to a person, who has it for good or until some day."""

    namespace: str
    pattern: str
    role: int
    team: str = ""
    person: str = ""
    ends: str = "never"
    """never, past, future"""


@dataclass
class Token:
    """Of a person, with a level; or an organization's or a team's robot, always limited."""

    label: str
    person: str = ""
    organization: str = ""
    team: str | None = None
    """Of a robot: the team whose grants it has; "" when that team is gone; None: it is the organization's own."""
    level: str = ""
    limits: list[tuple[str, set[str]]] | None = None
    state: str = "on"
    """on, off, past: only one that is on lets anybody in."""


@dataclass(frozen=True)
class Caller:
    """Nobody; a person by session or password; a person or robot by token."""

    person: str = ""
    token: str = ""


@dataclass
class World:
    create_on_push: dict[str, str] = field(default_factory=dict)
    """Namespace -> off, private, public. Every namespace is here."""
    people: dict[str, Person] = field(default_factory=dict)
    organizations: dict[str, Organization] = field(default_factory=dict)
    repositories: dict[str, Repository] = field(default_factory=dict)
    grants: list[Grant] = field(default_factory=list)
    tokens: dict[str, Token] = field(default_factory=dict)

    def callers(self) -> Iterator[Caller]:
        yield Caller()
        for name in self.people:
            yield Caller(person=name)
        for label, token in self.tokens.items():
            yield Caller(person=token.person, token=label)


def matches(pattern: str, name: str) -> bool:
    if pattern[-1:] == "*":
        return name[: len(pattern) - 1] == pattern[:-1]
    return pattern == name


def is_refused(world: World, caller: Caller) -> bool:
    """Whether the credential itself is turned away."""
    if caller.person and not world.people[caller.person].active:
        return True
    return bool(caller.token) and world.tokens[caller.token].state != "on"


# -- The role ----------------------------------------------------------------------------------------------------------


def reasons(world: World, caller: Caller, namespace: str, name: str) -> list[tuple[str, int]]:
    """(what, role) for every rule that gives something on a repository of this name, public visibility aside."""
    token = world.tokens.get(caller.token)
    if token is not None and token.organization:
        return list(_of_robot(world, token, namespace, name))
    return list(_of_person(world, caller.person, namespace, name)) if caller.person else []


def _of_robot(world: World, robot: Token, namespace: str, name: str) -> Iterator[tuple[str, int]]:
    if robot.organization != namespace:
        return
    if robot.team is None:
        yield "robot", ADMIN
        return
    for grant in world.grants:
        if robot.team and grant.namespace == namespace and grant.team == robot.team and matches(grant.pattern, name):
            yield "team", grant.role


def _of_person(world: World, person: str, namespace: str, name: str) -> Iterator[tuple[str, int]]:
    if person == namespace:
        yield "owner", ADMIN
    organization = world.organizations.get(namespace)
    if organization is not None:
        kind = organization.members.get(person)
        if kind == "owner":
            yield "organization owner", ADMIN
        if kind == "editor":
            yield "editor", ADMIN
        if kind == "member":
            yield "base permission", organization.base
    for grant in world.grants:
        if grant.namespace != namespace or not matches(grant.pattern, name):
            continue
        if grant.team and organization is not None and person in organization.teams[grant.team]:
            yield "team", grant.role
        if grant.person == person and grant.ends != "past":
            yield "collaborator", grant.role


def full_role(world: World, caller: Caller, repository: Repository) -> int:
    """The highest that anything gives, before what caps it."""
    found = [role for _what, role in reasons(world, caller, repository.namespace, repository.name)]
    if repository.public:
        found.append(READ)
    return max(found, default=NONE)


def role(world: World, caller: Caller, repository: Repository) -> int:
    """What the caller has in the end; NONE: they cannot know that it exists."""
    if caller.person and not world.people[caller.person].active:
        return READ if repository.public else NONE
    found = full_role(world, caller, repository)
    if caller.person and not world.people[caller.person].confirmed:
        found = min(found, READ)
    token = world.tokens.get(caller.token)
    if token is not None:
        if token.level == "repo:public_read" and not repository.public:
            return NONE
        if token.limits is not None and not _has_place(token, repository.full_name):
            return READ if repository.public else NONE
    return found


def _has_place(token: Token, full_name: str) -> bool:
    return any(matches(path, full_name) for path, _actions in token.limits or [])


def _may_there(token: Token, full_name: str, *wanted: str | None) -> bool:
    for path, actions in token.limits or []:
        if matches(path, full_name) and any(word is None or word in actions for word in wanted):
            return True
    return False


# -- What one may do ---------------------------------------------------------------------------------------------------


def is_allowed(world: World, caller: Caller, permission: str, repository: Repository) -> bool:
    has = role(world, caller, repository)
    least, level, action = POLICY[permission]
    if has == NONE:
        return False
    token = world.tokens.get(caller.token)
    person = world.people.get(caller.person)
    if permission in {"star", "comment"} and (person is None or not person.active or not person.confirmed):
        return False
    if repository.public and permission in {"view", "pull"}:
        return True
    if has < least or (repository.archived and permission in CHANGES):
        return False
    if token is None:
        return True
    if token.limits is not None and not _may_there(token, repository.full_name, action):
        return False
    return bool(token.organization) or LEVELS.index(token.level) >= LEVELS.index(level)


def may_create(world: World, caller: Caller, namespace: str, name: str) -> bool:
    """By the rule of the namespace, or by a grant of write on a pattern that the name falls under."""
    if namespace not in world.create_on_push or caller == Caller():
        return False
    token = world.tokens.get(caller.token)
    if caller.person and not (world.people[caller.person].active and world.people[caller.person].confirmed):
        return False
    granted = [had for what, had in reasons(world, caller, namespace, name) if what in {"team", "collaborator"}]
    if max(granted, default=NONE) < WRITE and not _creates_by_rule(world, caller, namespace):
        return False
    if token is None:
        return True
    if token.limits is not None and not _may_there(token, f"{namespace}/{name}", "create", "push"):
        return False
    return bool(token.organization) or LEVELS.index(token.level) >= LEVELS.index("repo:write")


def _creates_by_rule(world: World, caller: Caller, namespace: str) -> bool:
    token = world.tokens.get(caller.token)
    if token is not None and token.organization:
        return token.organization == namespace and token.team is None
    if caller.person == namespace:
        return True
    organization = world.organizations.get(namespace)
    if organization is None:
        return False
    kind = organization.members.get(caller.person)
    if kind == "owner":
        return True
    if kind == "editor":
        return organization.who_creates in {"editors", "members"}
    return kind == "member" and organization.who_creates == "members"


def may_publish(world: World, caller: Caller, namespace: str) -> bool:
    """Whether, as admin of a repository there, they may make it public."""
    organization = world.organizations.get(namespace)
    if organization is None or organization.who_publishes == "admins":
        return True
    return organization.who_publishes == "owners" and organization.members.get(caller.person) == "owner"


_COMPONENT = "[a-z0-9]+((\\.|_|__|-+)[a-z0-9]+)*"
_RESERVED = "tags manifests blobs uploads referrers groups immutabletags collaborators comments stars webhooks privacy"


def visibility_on_push(world: World, caller: Caller, namespace: str, name: str) -> str | None:
    """private, public, or None where a push to a name that is free is refused."""
    policy = world.create_on_push.get(namespace, "off")
    if policy == "off" or not re.fullmatch(f"{_COMPONENT}(/{_COMPONENT})*", name):
        return None
    if set(name.split("/")) & {*_RESERVED.split(), "images"}:
        return None
    if not may_create(world, caller, namespace, name):
        return None
    return "public" if policy == "public" and may_publish(world, caller, namespace) else "private"


def token_actions(world: World, caller: Caller, full_name: str) -> set[str]:
    """What a registry token for pull, push and delete comes down to."""
    repository = world.repositories.get(full_name)
    if repository is not None:
        return {word for word, wanted in TOKEN_WORDS.items() if is_allowed(world, caller, wanted, repository)}
    namespace, _slash, name = full_name.partition("/")
    return {"pull", "push"} if visibility_on_push(world, caller, namespace, name) else set()


def knows_namespace(world: World, caller: Caller, name: str) -> bool:
    """A person is known to everybody; an organization to who belongs to it or sees a repository of it."""
    organization = world.organizations.get(name)
    if organization is None:
        return name in world.people
    token = world.tokens.get(caller.token)
    if token is not None and token.organization == name:
        return True
    if caller.person in organization.members and world.people[caller.person].active:
        return True
    return any(role(world, caller, row) > NONE for row in world.repositories.values() if row.namespace == name)
