"""From a role to a decision: what caps the actor, what the credential allows. Nothing here costs a query."""

from dataclasses import dataclass
from typing import Protocol

from django.utils.translation import gettext_lazy as _

from portal.accounts.actor import Actor, CredentialKind
from portal.accounts.models import TokenLevel
from portal.kit.errors import Decision
from repositories.access.roles import (
    CREATE_ACTIONS,
    CREATE_LEVEL,
    FROZEN,
    LEAST_ACTION,
    LEAST_LEVEL,
    LEAST_ROLE,
    LEVEL_ORDER,
    NEEDS_CONFIRMED,
    PERSONAL,
    PUBLIC,
    Permission,
    Role,
)
from repositories.models import Comment, Visibility


class SeenRepository(Protocol):
    """A row that `visible` returned, or what the token service read. `role` is the actor's, capped."""

    @property
    def role(self) -> int: ...
    @property
    def full_name(self) -> str: ...
    @property
    def visibility(self) -> str: ...
    @property
    def is_archived(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Seen:
    """A SeenRepository that is no row: one that was read by other means, or that doesn't exist yet."""

    role: int
    full_name: str
    visibility: str = ""
    is_archived: bool = False


def role_cap(actor: Actor) -> Role:
    """What the actor's role is lowered to, whatever the grants say."""
    return Role.ADMIN if actor.confirmed else Role.READ


def sees_public_only(actor: Actor) -> bool:
    """Whether the credential hides private repositories, the actor's own too."""
    return actor.credential.level == TokenLevel.PUBLIC_READ


def effective_role(actor: Actor, *, full_role: int, full_name: str, visibility: str) -> int:
    """The role that `visible` would give to a repository where `role_sql` says `full_role`; NONE: invisible.

    For rows that were read in a statement of their own. A property test compares it with `visible`.
    """
    public = visibility == Visibility.PUBLIC
    if sees_public_only(actor) and not public:
        return Role.NONE
    if not actor.credential.covers(full_name):
        return Role.READ if public else Role.NONE
    return min(full_role, role_cap(actor))


def decide(actor: Actor, permission: Permission, repository: SeenRepository) -> Decision:
    """Whether the actor has the permission on a repository that they see with `repository.role`."""
    if actor.is_system:
        return Decision(allowed=True)
    if permission in NEEDS_CONFIRMED and actor.is_anonymous:
        return Decision(allowed=False, reason=_("Sign in to do this."))
    if permission in NEEDS_CONFIRMED and not actor.confirmed:
        return Decision(allowed=False, reason=_("Confirm your e-mail address to do this."))
    if permission in PERSONAL and actor.user_id is None:
        return Decision(allowed=False, reason=_("Only a person does this."))
    if permission in PUBLIC and repository.visibility == Visibility.PUBLIC:
        return Decision(allowed=True)
    covered = _decide_limits(actor, permission, repository.full_name)
    if not covered.allowed:
        return covered
    if repository.role < LEAST_ROLE[permission]:
        if not actor.is_anonymous and not actor.confirmed:
            return Decision(
                allowed=False, reason=_("Confirm your e-mail address: until then you may only look and pull.")
            )
        role = LEAST_ROLE[permission].name.lower()
        return Decision(allowed=False, reason=_("You need the role “%(role)s” on this repository.") % {"role": role})
    if repository.is_archived and permission in FROZEN:
        return Decision(allowed=False, reason=_("The repository is archived: it can be pulled and not changed."))
    return _decide_level(actor, LEAST_LEVEL.get(permission))


def _decide_limits(actor: Actor, permission: Permission, full_name: str) -> Decision:
    credential = actor.credential
    if credential.limits is None:
        return Decision(allowed=True)
    words = {"label": credential.label, "name": full_name}
    if not credential.covers(full_name):
        return Decision(
            allowed=False, reason=_("The access token “%(label)s” is limited to other repositories.") % words
        )
    if permission in LEAST_ACTION and credential.covers(full_name, LEAST_ACTION[permission]):
        return Decision(allowed=True)
    return Decision(
        allowed=False, reason=_("The access token “%(label)s” is limited, and may not do this in %(name)s.") % words
    )


def _decide_level(actor: Actor, least: TokenLevel | None) -> Decision:
    """Organization access tokens have no level: their limits say everything."""
    credential = actor.credential
    if credential.kind is not CredentialKind.ACCESS_TOKEN:
        return Decision(allowed=True)
    if least is None:
        return Decision(allowed=False, reason=_("An access token cannot do this. Sign in with your password."))
    if credential.level is None or LEVEL_ORDER.index(credential.level) < LEVEL_ORDER.index(least):
        reason = _("The access token “%(label)s” lacks the level “%(level)s”.")
        return Decision(allowed=False, reason=reason % {"label": credential.label, "level": least.label})
    return Decision(allowed=True)


def decide_create_in(actor: Actor, full_name: str, *, by_rule: bool, granted: int = 0) -> Decision:
    """Whether the actor may create the repository `full_name`, which needn't be a whole name yet (`acme/`).

    `by_rule`: the namespace's rule lets them create any; `granted`: what grants give them on this name.
    """
    if actor.is_system:
        return Decision(allowed=True)
    if not by_rule and granted < Role.WRITE:
        return Decision(allowed=False, reason=_("You may not create repositories in this namespace."))
    if not actor.confirmed:
        return Decision(allowed=False, reason=_("Confirm your e-mail address before you create a repository."))
    credential = actor.credential
    if credential.limits is not None and not any(credential.covers(full_name, a) for a in CREATE_ACTIONS):
        reason = _("The access token “%(label)s” is limited, and may not create %(name)s.")
        return Decision(allowed=False, reason=reason % {"label": credential.label, "name": full_name})
    return _decide_level(actor, CREATE_LEVEL)


def may_delete_comment(actor: Actor, comment: Comment, repository: SeenRepository) -> bool:
    """Its author may, and the repository's admin."""
    own = actor.user_id is not None and comment.author_id == actor.user_id
    return decide(actor, Permission.COMMENT if own else Permission.MODERATE, repository).allowed


class Can:
    """What the actor can do with a repository that `visible` returned: `can.push` in templates."""

    def __init__(self, actor: Actor, repository: SeenRepository) -> None:
        self._actor = actor
        self._repository = repository

    def __getattr__(self, name: str) -> bool:
        try:
            permission = Permission[name.upper()]
        except KeyError as error:
            raise AttributeError(name) from error
        return decide(self._actor, permission, self._repository).allowed
