"""Every decision about who may do what with a repository. Each rule stands here once, as a query.

Role of the actor (one SQL expression) -> lowered by what caps the actor -> compared with the permission's least role ->
compared with the credential's level. Invisible is 404, visible but forbidden is 403 with the reason.
"""

from dataclasses import dataclass
from enum import IntEnum, StrEnum

from django.db.models import F, IntegerField, QuerySet, Value
from django.db.models.expressions import RawSQL
from django.db.models.functions import Least
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from portal.accounts.actor import Actor, CredentialKind
from portal.accounts.models import CreateOnPush, Namespace, TokenLevel
from portal.kit.errors import Forbidden, NotFound, Unauthorized
from repositories.models import Comment, Repository, Visibility
from repositories.names import is_repository_name


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
    CHANGE_VISIBILITY = "repository:change-visibility"
    WEBHOOKS = "repository:webhooks"
    MODERATE = "repository:moderate"
    """Delete other people's comments."""
    DELETE = "repository:delete"


LEAST_ROLE: dict[Permission, Role] = {
    Permission.VIEW: Role.READ,
    Permission.PULL: Role.READ,
    Permission.STAR: Role.READ,
    Permission.COMMENT: Role.READ,
    Permission.PUSH: Role.WRITE,
    Permission.EDIT: Role.ADMIN,
    Permission.DELETE_IMAGES: Role.ADMIN,
    Permission.CHANGE_VISIBILITY: Role.ADMIN,
    Permission.WEBHOOKS: Role.ADMIN,
    Permission.MODERATE: Role.ADMIN,
    Permission.DELETE: Role.ADMIN,
}

# The least level of an access token. A permission that is absent is for browser sessions and passwords only.
LEAST_LEVEL: dict[Permission, TokenLevel] = {
    Permission.VIEW: TokenLevel.PUBLIC_READ,
    Permission.PULL: TokenLevel.PUBLIC_READ,
    Permission.STAR: TokenLevel.WRITE,
    Permission.COMMENT: TokenLevel.WRITE,
    Permission.PUSH: TokenLevel.WRITE,
    Permission.EDIT: TokenLevel.WRITE,
    Permission.DELETE_IMAGES: TokenLevel.ADMIN,
    Permission.CHANGE_VISIBILITY: TokenLevel.ADMIN,
    Permission.WEBHOOKS: TokenLevel.ADMIN,
    Permission.MODERATE: TokenLevel.ADMIN,
    Permission.DELETE: TokenLevel.ADMIN,
}
CREATE_LEVEL = TokenLevel.WRITE
LEVEL_ORDER = list(TokenLevel)

# What an account without a confirmed e-mail address may not do although its role would allow it.
NEEDS_CONFIRMED = frozenset({Permission.STAR, Permission.COMMENT})

# Whether the user `{user}` (a parameter or a column; NULL is nobody) owns the namespace with the key `{namespace}`.
OWNS_SQL = "EXISTS (SELECT 1 FROM accounts_user owner WHERE owner.namespace_id = {namespace} AND owner.id = {user})"

# The rule of roles, as SQL over one row `{repository}` for the user `{user}`.
# `visible` uses it on querysets, and the token service in its one statement: there is no other.
ROLE_SQL = f"""
CASE
  WHEN {OWNS_SQL.replace("{namespace}", "{repository}.namespace_id")} THEN 3
  WHEN {{repository}}.visibility = 'public'
    THEN 1
  ELSE 0
END
"""


@dataclass(frozen=True)
class Decision:
    """Whether, and if not, why: a sentence for the actor."""

    allowed: bool
    reason: str | Promise = ""


def role_cap(actor: Actor) -> Role:
    """What the actor's role is lowered to, whatever the grants say."""
    return Role.ADMIN if actor.confirmed else Role.READ


def sees_public_only(actor: Actor) -> bool:
    """Whether the credential hides private repositories, the actor's own too."""
    return actor.credential.level == TokenLevel.PUBLIC_READ


def effective_role(actor: Actor, *, full_role: int, visibility: str) -> int:
    """The role that `visible` would give to a row of this visibility where ROLE_SQL says `full_role`; NONE: invisible.

    For rows that were read in the token service's own statement. A property test compares it with `visible`.
    """
    if sees_public_only(actor) and visibility != Visibility.PUBLIC:
        return Role.NONE
    return min(full_role, role_cap(actor))


def visible(actor: Actor) -> QuerySet[Repository]:
    """The repositories that the actor may know of, each with `role`. One query when it is evaluated.

    Raises TypeError for a missing actor.
    """
    if not isinstance(actor, Actor):
        raise TypeError(f"An actor is needed, not {actor!r}.")
    if actor.is_system:
        return _with_role(Repository.objects.all(), Value(int(Role.ADMIN), output_field=IntegerField()))
    sql = ROLE_SQL.format(repository="repositories_repository", user="%s")
    role = RawSQL(sql, [actor.user_id], output_field=IntegerField())  # noqa: S611  our own text, one parameter
    rows = Repository.objects.annotate(full_role=role).filter(full_role__gte=Role.READ)
    if sees_public_only(actor):
        rows = rows.filter(visibility=Visibility.PUBLIC)
    return _with_role(rows, Least(F("full_role"), Value(int(role_cap(actor))), output_field=IntegerField()))


def _with_role(rows: QuerySet[Repository], role: Value | Least) -> QuerySet[Repository]:
    """Django's stubs refuse an annotation of a declared name; the declaration is what gives `role` its type."""
    annotation = {"role": role}
    return rows.annotate(**annotation)


def decide(actor: Actor, permission: Permission, *, role: int) -> Decision:
    """Whether an actor whose role (capped) on a visible repository is `role` has the permission. Costs no query."""
    if actor.is_system:
        return Decision(allowed=True)
    if permission in NEEDS_CONFIRMED and actor.is_anonymous:
        return Decision(allowed=False, reason=_("Sign in to do this."))
    if permission in NEEDS_CONFIRMED and not actor.confirmed:
        return Decision(allowed=False, reason=_("Confirm your e-mail address to do this."))
    if role < LEAST_ROLE[permission]:
        if not actor.is_anonymous and not actor.confirmed:
            return Decision(
                allowed=False, reason=_("Confirm your e-mail address: until then you may only look and pull.")
            )
        return Decision(
            allowed=False,
            reason=_("You need the role “%(role)s” on this repository.")
            % {"role": LEAST_ROLE[permission].name.lower()},
        )
    return _decide_credential(actor, LEAST_LEVEL.get(permission))


def _decide_credential(actor: Actor, least: TokenLevel | None) -> Decision:
    credential = actor.credential
    if credential.kind is not CredentialKind.ACCESS_TOKEN:
        return Decision(allowed=True)
    if least is None:
        return Decision(allowed=False, reason=_("An access token cannot do this. Sign in with your password."))
    if credential.level is None or LEVEL_ORDER.index(credential.level) < LEVEL_ORDER.index(least):
        reason = _("The access token “%(label)s” lacks the level “%(level)s”.")
        return Decision(allowed=False, reason=reason % {"label": credential.label, "level": least.label})
    return Decision(allowed=True)


def allowed(actor: Actor, permission: Permission, repository: Repository) -> bool:
    """Whether the actor has the permission, asked afresh from the database: one query."""
    row = visible(actor).filter(pk=repository.pk).first()
    return row is not None and decide(actor, permission, role=row.role).allowed


def require(actor: Actor, permission: Permission, repository: Repository) -> Repository:
    """The repository as the actor sees it now. One query. Raises NotFound or Forbidden, as `fetch_repository`."""
    return _checked(actor, permission, visible(actor).filter(pk=repository.pk))


def fetch_repository(actor: Actor, namespace: str, name: str, permission: Permission = Permission.VIEW) -> Repository:
    """The repository with `role`, for an actor who has the permission. One query.

    Raises NotFound when it does not exist or may not be known of, Forbidden (or Unauthorized, for nobody) otherwise.
    """
    rows = visible(actor).select_related("namespace").filter(full_name=f"{namespace}/{name}")
    return _checked(actor, permission, rows)


def _checked(actor: Actor, permission: Permission, rows: QuerySet[Repository]) -> Repository:
    repository = rows.first()
    if repository is None:
        raise NotFound(_("There is no such repository, or you may not see it."))
    decision = decide(actor, permission, role=repository.role)
    if decision.allowed:
        return repository
    if actor.is_anonymous:
        raise Unauthorized(_("Sign in to do this."))
    raise Forbidden(decision.reason)


def decide_create(actor: Actor, namespace: Namespace | None) -> Decision:
    """Whether the actor may create repositories in a namespace. One query at most. None: no such namespace."""
    return decide_create_in(actor, owns=not actor.is_anonymous and namespace is not None and _owns(actor, namespace))


def decide_create_in(actor: Actor, *, owns: bool) -> Decision:
    """As `decide_create`, for who asked the database already whether the actor owns the namespace. Costs no query."""
    if not owns:
        return Decision(allowed=False, reason=_("You may not create repositories in this namespace."))
    if not actor.confirmed:
        return Decision(allowed=False, reason=_("Confirm your e-mail address before you create a repository."))
    return _decide_credential(actor, CREATE_LEVEL)


def _owns(actor: Actor, namespace: Namespace) -> bool:
    return actor.is_system or namespaces_owned(actor).filter(pk=namespace.pk).exists()


def fetch_namespace(name: str) -> Namespace:
    """The namespace with `user`: anybody may know that a person exists. A held name is nobody's. One query.

    Raises NotFound.
    """
    namespace = Namespace.objects.select_related("user").filter(name=name, user__isnull=False).first()
    if namespace is None:
        raise NotFound(_("There is nobody of this name."))
    return namespace


def namespaces_owned(actor: Actor) -> QuerySet[Namespace]:
    """Where the actor may create repositories, e-mail and credential set aside: what the create form offers."""
    if actor.user_id is None:
        return Namespace.objects.none()
    return Namespace.objects.filter(user__id=actor.user_id)


def visibility_on_push(actor: Actor, full_name: str) -> Visibility | None:
    """How a repository is made that doesn't exist yet and that the actor pushes to; None: the push is refused.

    Two queries. A repository that exists is none of this function's business, visible or not.
    """
    namespace = Namespace.objects.filter(name=full_name.partition("/")[0]).first()
    if namespace is None or actor.is_anonymous:
        return None
    owns = _owns(actor, namespace)
    return visibility_on_push_in(actor, full_name, owns=owns, create_on_push=namespace.create_on_push)


def visibility_on_push_in(actor: Actor, full_name: str, *, owns: bool, create_on_push: str) -> Visibility | None:
    """As `visibility_on_push`, with what the database says of the namespace. Costs no query."""
    if create_on_push == CreateOnPush.OFF:
        return None
    if not decide_create_in(actor, owns=owns).allowed or not is_repository_name(full_name):
        return None
    return Visibility.PUBLIC if create_on_push == CreateOnPush.PUBLIC else Visibility.PRIVATE


def may_delete_comment(actor: Actor, comment: Comment, *, role: int) -> bool:
    """Its author may, and the repository's admin. `role` is the actor's on the comment's repository."""
    own = actor.user_id is not None and comment.author_id == actor.user_id
    if own:
        return _decide_credential(actor, LEAST_LEVEL[Permission.COMMENT]).allowed
    return decide(actor, Permission.MODERATE, role=role).allowed


class Can:
    """What the actor can do with a repository that `visible` returned: `can.push` in templates. Costs no query."""

    def __init__(self, actor: Actor, repository: Repository) -> None:
        self._actor = actor
        self._role = repository.role

    def __getattr__(self, name: str) -> bool:
        try:
            permission = Permission[name.upper()]
        except KeyError as error:
            raise AttributeError(name) from error
        return decide(self._actor, permission, role=self._role).allowed
