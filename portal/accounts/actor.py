"""Who acts: a user or nobody, and the credential used."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from portal.accounts.models import OrganizationAccessToken, TokenAction, TokenLevel, User
from portal.kit import patterns


class CredentialKind(StrEnum):
    """How the actor proved who they are."""

    NONE = ""
    SESSION = "session"
    PASSWORD = "password"  # noqa: S105  a kind, not a secret
    ACCESS_TOKEN = "personal access token"  # noqa: S105  likewise
    ORGANIZATION_TOKEN = "organization access token"  # noqa: S105  likewise
    SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class Limit:
    """One place where an access token may do something. `path`: `acme/api`, `acme/payments/*`, or `acme` for itself."""

    path: str
    actions: frozenset[TokenAction]

    def covers(self, full_name: str) -> bool:
        """A repository's full name, or an organization's name."""
        return patterns.matches(self.path, full_name)


@dataclass(frozen=True, slots=True)
class Credential:
    """Lowers what the actor may do, never raises it.

    `level` only with a personal access token. `limits` is None for a credential that is not limited, else the only
    places where it may do anything that nobody else may.
    """

    kind: CredentialKind = CredentialKind.NONE
    id: int | None = None
    label: str = ""
    level: TokenLevel | None = None
    limits: tuple[Limit, ...] | None = None

    @property
    def is_token(self) -> bool:
        return self.kind in {CredentialKind.ACCESS_TOKEN, CredentialKind.ORGANIZATION_TOKEN}

    def covers(self, full_name: str, action: TokenAction | None = None) -> bool:
        """Whether the limits allow the action there; any action, when none is named."""
        if self.limits is None:
            return True
        return any(limit.covers(full_name) and (action is None or action in limit.actions) for limit in self.limits)


def limits_of(stored: Sequence[Any] | None) -> tuple[Limit, ...] | None:
    """What `AccessToken.limits` says. An action that is not known any more is none."""
    if stored is None:
        return None
    known = set(TokenAction.values)
    return tuple(
        Limit(entry["path"], frozenset(TokenAction(action) for action in entry["actions"] if action in known))
        for entry in stored
    )


@dataclass(frozen=True, slots=True)
class Actor:
    """Handed to every access function and action. A person has `user_id`, a robot `robot_id`, nobody neither.

    `confirmed` tells whether an e-mail address was confirmed; without, access caps every role at read.
    """

    user_id: int | None = None
    robot_id: int | None = None
    """The key of the organization access token."""
    public_id: str = ""
    name: str = ""
    confirmed: bool = False
    is_operator: bool = False
    credential: Credential = field(default_factory=Credential)
    address: str = ""
    client: str = ""

    @property
    def credential_label(self) -> str:
        if self.credential.label:
            return f"{self.credential.kind}: {self.credential.label}"
        return str(self.credential.kind)

    @property
    def is_anonymous(self) -> bool:
        return self.user_id is None and self.robot_id is None and not self.is_system

    @property
    def is_system(self) -> bool:
        return self.credential.kind is CredentialKind.SYSTEM

    def seen_from(self, *, address: str, client: str) -> "Actor":
        return replace(self, address=address, client=client[:256])


ANONYMOUS = Actor()
SYSTEM = Actor(name="system", confirmed=True, credential=Credential(kind=CredentialKind.SYSTEM))


def actor_for(user: User, *, confirmed: bool, credential: Credential) -> Actor:
    """The actor of a user that was authenticated. An inactive user is nobody."""
    if not user.is_active:
        return ANONYMOUS
    return Actor(
        user_id=user.pk,
        public_id=user.public_id,
        name=user.username,
        confirmed=confirmed,
        is_operator=user.is_superuser,
        credential=credential,
    )


def actor_for_robot(token: OrganizationAccessToken) -> Actor:
    """The actor of an organization access token, whose `namespace` was selected with it."""
    return Actor(
        robot_id=token.pk,
        public_id=token.public_id.hex,
        name=token.actor_name,
        confirmed=True,
        credential=Credential(
            kind=CredentialKind.ORGANIZATION_TOKEN,
            id=token.pk,
            label=token.label,
            limits=limits_of(token.limits) or (),
        ),
    )
