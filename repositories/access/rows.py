"""Which repositories the actor may know of, each with their role; and the one that was asked for."""

from collections.abc import Sequence
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Case, Expression, F, IntegerField, Q, QuerySet, Value, When
from django.db.models.expressions import Combinable, RawSQL
from django.db.models.functions import Least
from django.db.models.sql.compiler import SQLCompiler
from django.utils.translation import gettext_lazy as _

from portal.accounts.actor import Actor
from portal.kit import patterns
from portal.kit.errors import Forbidden, NotFound, Unauthorized
from repositories.access.decisions import decide, role_cap, sees_public_only
from repositories.access.narrow import candidates, everywhere
from repositories.access.roles import Permission, Role
from repositories.access.sources import Place, now_parameter, role_sql
from repositories.models import Repository, Visibility

_OWN_NAMESPACES = """
    SELECT namespace_id FROM accounts_user WHERE id = {user}
    UNION ALL SELECT o.namespace_id FROM orgs_membership m JOIN orgs_organization o ON o.id = m.organization_id
        WHERE m.user_id = {user}
"""
_SHARED_NAMESPACES = "SELECT namespace_id FROM repositories_grant WHERE user_id = {user}"


def visible(actor: Actor) -> QuerySet[Repository]:
    """The repositories that the actor may know of, each with `role`. One query when it is evaluated.

    Raises TypeError for a missing actor.
    """
    _require_actor(actor)
    if actor.is_system:
        return _with_role(Repository.objects.all(), Value(int(Role.ADMIN), output_field=IntegerField()))
    public = Q(visibility=Visibility.PUBLIC)
    if actor.is_anonymous or sees_public_only(actor):
        return _seen(actor, public)
    # In this order: the role is asked for, row by row, only where the cheaper questions leave it open.
    granted = Q(pk__in=candidates(actor)) & Q(full_role__gte=Role.READ)
    return _seen(actor, public | Q(namespace__in=everywhere(actor)) | granted)


def _one(actor: Actor, **which: Any) -> Repository | None:
    """The one of `visible` that `which` names. One query, and cheaper than there: nothing needs narrowing down."""
    _require_actor(actor)
    rows = visible(actor) if actor.is_system or sees_public_only(actor) else _seen(actor, Q())
    row = rows.select_related("namespace__organization").filter(**which).first()
    return row if row is not None and row.role >= Role.READ else None


def _require_actor(actor: object) -> None:
    """Whoever forgets to pass one gets nothing, not everything."""
    if not isinstance(actor, Actor):
        raise TypeError(f"An actor is needed, not {actor!r}.")


def _seen(actor: Actor, which: Q) -> QuerySet[Repository]:
    """The rows with `role`, and of those what the credential leaves. `which` may use `full_role`."""
    public = Q(visibility=Visibility.PUBLIC)
    rows = Repository.objects.alias(full_role=_FullRole(actor)).filter(which)
    capped: Combinable = F("full_role")  # once in the statement, since it would be computed as often as it stands there
    if role_cap(actor) < Role.ADMIN:
        capped = Least(capped, Value(int(role_cap(actor))), output_field=IntegerField())
    if actor.credential.limits is not None:
        covered = patterns.condition([limit.path for limit in actor.credential.limits], "full_name")
        rows = rows.filter(public | covered)
        capped = Case(When(covered, then=capped), default=Value(int(Role.READ)), output_field=IntegerField())
    return _with_role(rows, capped)


def shared_with(actor: Actor) -> QuerySet[Repository]:
    """Those of `visible` that are shared with a person where they neither own the namespace nor belong to it: they are
    a collaborator there. One query when it is evaluated.
    """
    if actor.user_id is None:
        return visible(actor).none()
    user = str(int(actor.user_id))
    there = RawSQL(_SHARED_NAMESPACES.replace("{user}", user), [])  # noqa: S611  our own text and a whole number
    own = RawSQL(_OWN_NAMESPACES.replace("{user}", user), [])  # noqa: S611  likewise
    rows = visible(actor).filter(namespace__in=there).exclude(namespace__in=own)
    return rows.annotate(shared=_FullRole(actor, granted_only=True)).filter(shared__gte=Role.READ)


class _FullRole(Expression):
    """`role_sql` for one actor over the rows of a queryset, whatever they are called in its statement."""

    def __init__(self, actor: Actor, *, granted_only: bool = False) -> None:
        super().__init__(output_field=IntegerField())
        self._granted_only = granted_only
        self._columns: list[Any] = [F("namespace_id"), F("name"), F("visibility")]
        # Keys are whole numbers of ours, so that the statement's text may hold them.
        self._user = "" if actor.user_id is None else str(int(actor.user_id))
        self._robot = "" if actor.robot_id is None else str(int(actor.robot_id))

    def get_source_expressions(self) -> list[Any]:
        return self._columns

    def set_source_expressions(self, exprs: Sequence[Any]) -> None:
        self._columns = list(exprs)

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> tuple[str, Any]:
        place = Place(*(compiler.compile(column)[0] for column in self._columns))
        sql = role_sql(place, user=self._user, robot=self._robot, granted_only=self._granted_only)
        return sql, [now_parameter()] if self._user else []


def _with_role(rows: QuerySet[Repository], role: Combinable) -> QuerySet[Repository]:
    """Django's stubs refuse an annotation of a declared name; the declaration is what gives `role` its type."""
    annotation = {"role": role}
    return rows.annotate(**annotation)


def allowed(actor: Actor, permission: Permission, repository: Repository) -> bool:
    """Whether the actor has the permission, asked afresh from the database: one query."""
    row = _one(actor, pk=repository.pk)
    return row is not None and decide(actor, permission, row).allowed


def require(actor: Actor, permission: Permission, repository: Repository) -> Repository:
    """The repository as the actor sees it now. One query. Raises NotFound or Forbidden, as `fetch_repository`."""
    return _checked(actor, permission, _one(actor, pk=repository.pk))


def fetch_repository(actor: Actor, namespace: str, name: str, permission: Permission = Permission.VIEW) -> Repository:
    """The repository with `role`, its namespace and organization, for an actor who has the permission. One query.

    Raises NotFound when it does not exist or may not be known of, Forbidden (or Unauthorized, for nobody) otherwise.
    """
    return _checked(actor, permission, _one(actor, full_name=f"{namespace}/{name}"))


def _checked(actor: Actor, permission: Permission, repository: Repository | None) -> Repository:
    if repository is None:
        raise NotFound(_("There is no such repository, or you may not see it."))
    decision = decide(actor, permission, repository)
    if decision.allowed:
        return repository
    if actor.is_anonymous:
        raise Unauthorized(_("Sign in to do this."))
    raise Forbidden(decision.reason)
