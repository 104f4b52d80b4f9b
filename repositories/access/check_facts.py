"""What is asked of “Check”, what is read for it, and the shape of its answer."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from django.utils.translation import gettext_lazy

from orgs.models import MemberRole, Organization
from portal.accounts.models import Namespace
from portal.kit.errors import Decision, Text
from repositories.access.decisions import effective_role
from repositories.access.namespaces import Creating
from repositories.access.people import Subject
from repositories.access.reasons import Reason, role_word
from repositories.access.roles import Permission, Role
from repositories.models import Grant, Repository, Visibility


class Asked(StrEnum):
    """What may be asked about. The values are those of the API."""

    PULL = "pull"
    PUSH = "push"
    DELETE_IMAGES = "delete-images"
    PROTECT_TAGS = "protect-tags"
    EDIT = "edit"
    WEBHOOKS = "webhooks"
    CHANGE_VISIBILITY = "change-visibility"
    PUBLISH = "publish"
    MANAGE_ACCESS = "manage-access"
    ARCHIVE = "archive"
    DELETE = "delete"
    CREATE = "create"


ASKED_WORDS: dict[Asked, Text] = {
    Asked.PULL: gettext_lazy("pull"),
    Asked.PUSH: gettext_lazy("push"),
    Asked.DELETE_IMAGES: gettext_lazy("delete images"),
    Asked.PROTECT_TAGS: gettext_lazy("make tags immutable"),
    Asked.EDIT: gettext_lazy("edit the description"),
    Asked.WEBHOOKS: gettext_lazy("manage webhooks"),
    Asked.CHANGE_VISIBILITY: gettext_lazy("make private"),
    Asked.PUBLISH: gettext_lazy("make public"),
    Asked.MANAGE_ACCESS: gettext_lazy("manage access"),
    Asked.ARCHIVE: gettext_lazy("archive the repository"),
    Asked.DELETE: gettext_lazy("delete the repository"),
    Asked.CREATE: gettext_lazy("create the repository"),
}
PERMISSIONS: dict[Asked, Permission] = {
    Asked.PULL: Permission.PULL,
    Asked.PUSH: Permission.PUSH,
    Asked.DELETE_IMAGES: Permission.DELETE_IMAGES,
    Asked.PROTECT_TAGS: Permission.PROTECT_TAGS,
    Asked.EDIT: Permission.EDIT,
    Asked.WEBHOOKS: Permission.WEBHOOKS,
    Asked.CHANGE_VISIBILITY: Permission.CHANGE_VISIBILITY,
    Asked.PUBLISH: Permission.CHANGE_VISIBILITY,
    Asked.MANAGE_ACCESS: Permission.MANAGE_ACCESS,
    Asked.ARCHIVE: Permission.ARCHIVE,
    Asked.DELETE: Permission.DELETE,
}


class Outcome(StrEnum):
    """What a rule came to."""

    GIVES = "gives"
    NOT = "not"
    """It gives nothing here."""
    CAPS = "caps"
    """It takes away, or stands in the way."""


@dataclass(frozen=True, slots=True)
class Looked:
    """A rule that was looked at. `role`: what it gives, as a word."""

    outcome: Outcome
    text: str
    role: str = ""


@dataclass(frozen=True, slots=True)
class Checked:
    """The verdict, and how it came about."""

    subject: Subject
    asked: Asked
    full_name: str
    exists: bool
    allowed: bool
    reason: str
    """Why not; when allowed, what it rests on."""
    role: int
    """The resulting role on the repository; on one that doesn't exist, what it would be on a private one."""
    rules: Sequence[Looked] = field(default=())

    @property
    def role_word(self) -> str:
        return role_word(self.role)

    @property
    def asked_word(self) -> str:
        return str(ASKED_WORDS[self.asked])


@dataclass(frozen=True, slots=True)
class Facts:
    """What was read of one question."""

    subject: Subject
    asked: Asked
    namespace: Namespace
    name: str
    organization: Organization | None
    repository: Repository | None
    """As it is, whether the subject sees it or not."""
    seen: Repository | None
    """As the subject sees it."""
    reasons: Sequence[Reason]
    """What gives the subject a role, were nothing to cap it."""
    member: MemberRole | None
    own_teams: Sequence[str]
    team_grants: Sequence[Reason]
    ended: Sequence[Grant]
    creating: Creating
    publishes: Decision
    asker_is_inside: bool = True
    """Whether who asks belongs to the organization, and may know of teams that have nothing to do with the question."""

    @property
    def full_name(self) -> str:
        return f"{self.namespace.name}/{self.name}"

    @property
    def full_role(self) -> int:
        return max((reason.role for reason in self.reasons), default=Role.NONE)

    @property
    def role(self) -> int:
        if self.subject.state != "active":
            return Role.NONE
        if self.repository is not None:
            return Role.NONE if self.seen is None else self.seen.role
        visibility = Visibility.PRIVATE
        return effective_role(
            self.subject.actor, full_role=self.full_role, full_name=self.full_name, visibility=visibility
        )
