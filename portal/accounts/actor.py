"""Who acts: a user or nobody, and the credential used."""

from dataclasses import dataclass, field, replace
from enum import StrEnum

from portal.accounts.models import TokenLevel, User


class CredentialKind(StrEnum):
    """How the actor proved who they are."""

    NONE = ""
    SESSION = "session"
    PASSWORD = "password"  # noqa: S105  a kind, not a secret
    ACCESS_TOKEN = "personal access token"  # noqa: S105  likewise
    SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class Credential:
    """Lowers what the actor may do, never raises it. `level` only with an access token."""

    kind: CredentialKind = CredentialKind.NONE
    id: int | None = None
    label: str = ""
    level: TokenLevel | None = None


@dataclass(frozen=True, slots=True)
class Actor:
    """Handed to every access function and action. `user_id` is None for nobody.

    `confirmed` tells whether an e-mail address was confirmed; without, access caps every role at read.
    """

    user_id: int | None = None
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
        return self.user_id is None and self.credential.kind is not CredentialKind.SYSTEM

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
