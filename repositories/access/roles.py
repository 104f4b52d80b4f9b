"""The tables of the policy: roles, permissions, and what each permission needs of role and credential."""

from enum import IntEnum, StrEnum

from portal.accounts.models import TokenAction, TokenLevel


class Role(IntEnum):
    """On a repository, ordered."""

    NONE = 0
    READ = 1
    WRITE = 2
    ADMIN = 3


class Permission(StrEnum):
    VIEW = "repository:view"
    PULL = "repository:pull"
    STAR = "repository:star"
    COMMENT = "repository:comment"
    PUSH = "repository:push"
    EDIT = "repository:edit"
    """Change the description and the overview."""
    DELETE_IMAGES = "repository:delete-images"
    PROTECT_TAGS = "repository:protect-tags"
    """Say which tags are immutable."""
    ARCHIVE = "repository:archive"
    """Make it read-only, and bring it back."""
    RECONCILE = "repository:reconcile"
    """Have it compared with the registry."""
    CHANGE_VISIBILITY = "repository:change-visibility"
    WEBHOOKS = "repository:webhooks"
    MODERATE = "repository:moderate"
    """Delete other people's comments."""
    MANAGE_ACCESS = "repository:manage-access"
    """See who has access and why, share with people and teams, read the audit log."""
    DELETE = "repository:delete"


LEAST_ROLE: dict[Permission, Role] = {
    Permission.VIEW: Role.READ,
    Permission.PULL: Role.READ,
    Permission.STAR: Role.READ,
    Permission.COMMENT: Role.READ,
    Permission.PUSH: Role.WRITE,
    Permission.EDIT: Role.ADMIN,
    Permission.DELETE_IMAGES: Role.ADMIN,
    Permission.PROTECT_TAGS: Role.ADMIN,
    Permission.ARCHIVE: Role.ADMIN,
    Permission.RECONCILE: Role.ADMIN,
    Permission.CHANGE_VISIBILITY: Role.ADMIN,
    Permission.WEBHOOKS: Role.ADMIN,
    Permission.MODERATE: Role.ADMIN,
    Permission.MANAGE_ACCESS: Role.ADMIN,
    Permission.DELETE: Role.ADMIN,
}

# The least level of a personal access token. A permission that is absent is for browser sessions and passwords only.
LEAST_LEVEL: dict[Permission, TokenLevel] = {
    Permission.VIEW: TokenLevel.PUBLIC_READ,
    Permission.PULL: TokenLevel.PUBLIC_READ,
    Permission.STAR: TokenLevel.WRITE,
    Permission.COMMENT: TokenLevel.WRITE,
    Permission.PUSH: TokenLevel.WRITE,
    Permission.EDIT: TokenLevel.WRITE,
    Permission.DELETE_IMAGES: TokenLevel.ADMIN,
    Permission.PROTECT_TAGS: TokenLevel.ADMIN,
    Permission.ARCHIVE: TokenLevel.ADMIN,
    Permission.RECONCILE: TokenLevel.ADMIN,
    Permission.CHANGE_VISIBILITY: TokenLevel.ADMIN,
    Permission.WEBHOOKS: TokenLevel.ADMIN,
    Permission.MODERATE: TokenLevel.ADMIN,
    Permission.MANAGE_ACCESS: TokenLevel.ADMIN,
    Permission.DELETE: TokenLevel.ADMIN,
}
CREATE_LEVEL = TokenLevel.WRITE
LEVEL_ORDER = list(TokenLevel)

# What a token that is limited must have where it wants to do something. Absent: a limited token never may.
# To look is allowed where anything is.
LEAST_ACTION: dict[Permission, TokenAction | None] = {
    Permission.VIEW: None,
    Permission.PULL: TokenAction.PULL,
    Permission.STAR: TokenAction.MANAGE,
    Permission.COMMENT: TokenAction.MANAGE,
    Permission.PUSH: TokenAction.PUSH,
    Permission.EDIT: TokenAction.DESCRIPTION,
    Permission.DELETE_IMAGES: TokenAction.DELETE,
    Permission.PROTECT_TAGS: TokenAction.MANAGE,
    Permission.ARCHIVE: TokenAction.MANAGE,
    Permission.RECONCILE: TokenAction.MANAGE,
    Permission.CHANGE_VISIBILITY: TokenAction.MANAGE,
    Permission.WEBHOOKS: TokenAction.WEBHOOKS,
    Permission.MODERATE: TokenAction.MANAGE,
    Permission.MANAGE_ACCESS: TokenAction.MANAGE,
    Permission.DELETE: TokenAction.MANAGE,
}
CREATE_ACTIONS = frozenset({TokenAction.CREATE, TokenAction.PUSH})

# What everybody may do with a public repository, whatever a token is limited to: nobody at all may, too.
PUBLIC = frozenset({Permission.VIEW, Permission.PULL})

# What an account without a confirmed e-mail address may not do although its role would allow it.
NEEDS_CONFIRMED = frozenset({Permission.STAR, Permission.COMMENT})

# What nobody does with an archived repository, which is there to be pulled.
FROZEN = frozenset(
    {
        Permission.COMMENT,
        Permission.PUSH,
        Permission.EDIT,
        Permission.DELETE_IMAGES,
        Permission.PROTECT_TAGS,
    }
)

# What a person does and no robot.
PERSONAL = frozenset({Permission.STAR, Permission.COMMENT})
