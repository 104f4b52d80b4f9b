"""Which namespaces the actor may know of and create in, and what a push to a missing repository makes."""

from dataclasses import dataclass

from django.db import connection
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext_lazy as _

from orgs.models import MemberRole, Membership, WhoCreates
from portal.accounts.actor import Actor
from portal.accounts.models import CreateOnPush, Namespace
from portal.kit.errors import Decision, NotFound
from repositories.access.decisions import decide_create_in
from repositories.access.rows import visible
from repositories.access.sources import Place, now_parameter, role_sql
from repositories.models import Grant, Visibility
from repositories.names import is_repository_name

# Whether the namespace's rule lets the actor create any repository there. {namespace}, {user}, {robot}: SQL of keys.
CREATES_SQL = """(
    EXISTS (SELECT 1 FROM accounts_user p WHERE p.namespace_id = {namespace} AND p.id = {user})
    OR EXISTS (
        SELECT 1 FROM orgs_organization o JOIN orgs_membership m ON m.organization_id = o.id
        WHERE o.namespace_id = {namespace} AND m.user_id = {user}
        AND (m.role = 3 OR o.who_creates = 'members' OR (o.who_creates = 'editors' AND m.role = 2))
    )
    OR EXISTS (
        SELECT 1 FROM accounts_organizationaccesstoken k
        WHERE k.namespace_id = {namespace} AND k.id = {robot} AND NOT k.for_team
    )
)"""

# Whether who is admin of a repository in the namespace may make it public. A namespace of a person has no such rule.
PUBLISHES_SQL = """(
    NOT EXISTS (SELECT 1 FROM orgs_organization o WHERE o.namespace_id = {namespace} AND o.who_publishes <> 'admins')
    OR EXISTS (
        SELECT 1 FROM orgs_organization o JOIN orgs_membership m ON m.organization_id = o.id
        WHERE o.namespace_id = {namespace} AND m.user_id = {user} AND m.role = 3 AND o.who_publishes = 'owners'
    )
)"""


@dataclass(frozen=True, slots=True)
class Creating:
    """What the database says of one actor who may want to create one name: for `decide_create_in` and the like."""

    by_rule: bool = False
    granted: int = 0
    """The role that teams' and collaborators' grants give on the name."""
    publishes: bool = False
    create_on_push: str = CreateOnPush.OFF


def creating(actor: Actor, namespace: Namespace, name: str) -> Creating:
    """One statement. The same columns are a part of the token service's own."""
    if actor.is_system:
        return Creating(by_rule=True, publishes=True, create_on_push=namespace.create_on_push)
    user, robot = _keys(actor)
    statement = f"SELECT {creating_columns('n.id', 'a.part', user=user, robot=robot)} FROM accounts_namespace n"  # noqa: S608  our own text
    with connection.cursor() as cursor:
        times = [now_parameter()] if actor.user_id is not None else []
        cursor.execute(f"{statement} CROSS JOIN (SELECT %s AS part) a WHERE n.id = %s", [*times, name, namespace.pk])
        row = cursor.fetchone()
    return creating_of(row, namespace.create_on_push) if row else Creating()


def creating_columns(namespace: str, name: str, *, user: str, robot: str, when: str = "") -> str:
    """Three columns for `creating_of`; with a user one parameter, the time now. `when`: a condition without which
    they aren't worked out, and are NULL.
    """
    place = Place(namespace, name, "NULL")
    granted = role_sql(
        place, user="" if user == "NULL" else user, robot="" if robot == "NULL" else robot, granted_only=True
    )
    words = {"namespace": namespace, "user": user, "robot": robot}
    columns = [CREATES_SQL.format(**words), granted, PUBLISHES_SQL.format(**words)]
    return ", ".join(f"CASE WHEN {when} THEN {column} END" if when else column for column in columns)


def creating_of(row: tuple[object, ...], create_on_push: str) -> Creating:
    by_rule, granted, publishes = row[:3]
    return Creating(bool(by_rule), int(str(granted)), bool(publishes), create_on_push)


def _keys(actor: Actor) -> tuple[str, str]:
    user = "NULL" if actor.user_id is None else str(int(actor.user_id))
    robot = "NULL" if actor.robot_id is None else str(int(actor.robot_id))
    return user, robot


def decide_create(actor: Actor, namespace: Namespace | None, name: str = "") -> Decision:
    """Whether the actor may create this repository. One query at most. None: no such namespace."""
    if namespace is None:
        return decide_create_in(actor, "", by_rule=False)
    found = creating(actor, namespace, name)
    full_name = f"{namespace.name}/{name}"
    return decide_create_in(actor, full_name, by_rule=found.by_rule, granted=found.granted)


def decide_publish(actor: Actor, namespace: Namespace) -> Decision:
    """Whether an actor who is admin of a repository there may make it public, by the organization's rule. One query."""
    if creating(actor, namespace, "").publishes:
        return Decision(allowed=True)
    return Decision(
        allowed=False, reason=_("The rules of %(name)s don't let you make repositories public.") % {"name": namespace}
    )


def fetch_namespace(actor: Actor, name: str) -> Namespace:
    """The namespace with `user` and `organization`, one of which it has. Anybody may know that a person exists; an
    organization is known to those who belong to it or see a repository of it. A held name is nobody's. One query.

    Raises NotFound.
    """
    known = Q(user__isnull=False)
    known |= Q(organization__isnull=False) & (
        _belongs(actor) | Q(Exists(visible(actor).filter(namespace=OuterRef("pk"))))
    )
    rows = Namespace.objects.select_related("user", "organization")
    namespace = rows.filter(known, name=name).first()
    if namespace is None:
        raise NotFound(_("There is nobody of this name."))
    return namespace


def _belongs(actor: Actor) -> Q:
    if actor.user_id is not None:
        return Q(pk__in=Namespace.objects.filter(organization__memberships__user=actor.user_id))
    if actor.robot_id is not None:
        return Q(pk__in=Namespace.objects.filter(access_tokens=actor.robot_id))
    return Q(pk__in=[])  # nobody: a filter on None would find the organizations without tokens


def namespaces_of(actor: Actor) -> QuerySet[Namespace]:
    """The actor's own, and those of the organizations they belong to."""
    if actor.user_id is None:
        return Namespace.objects.filter(access_tokens=actor.robot_id) if actor.robot_id else Namespace.objects.none()
    organizations = Namespace.objects.filter(organization__memberships__user=actor.user_id)
    return Namespace.objects.filter(Q(user=actor.user_id) | Q(pk__in=organizations))


def namespaces_to_create_in(actor: Actor) -> QuerySet[Namespace]:
    """Where the actor may create some repository, e-mail and credential set aside: what the create form offers."""
    if actor.user_id is None:
        return namespaces_of(actor)
    rule = Q(role=MemberRole.OWNER) | Q(organization__who_creates=WhoCreates.MEMBERS)
    rule |= Q(organization__who_creates=WhoCreates.EDITORS, role=MemberRole.EDITOR)
    by_rule = Membership.objects.filter(rule, user=actor.user_id).values("organization__namespace")
    grants = Grant.objects.filter(role__gte=Grant.Role.WRITE)
    by_grant = grants.filter(Q(user=actor.user_id) | Q(team__team_members__membership__user=actor.user_id))
    return Namespace.objects.filter(Q(user=actor.user_id) | Q(pk__in=by_rule) | Q(pk__in=by_grant.values("namespace")))


def visibility_on_push(actor: Actor, full_name: str) -> Visibility | None:
    """How a repository is made that doesn't exist yet and that the actor pushes to; None: the push is refused.

    Two queries. A repository that exists is none of this function's business, visible or not.
    """
    owner, _slash, name = full_name.partition("/")
    namespace = Namespace.objects.filter(name=owner).first()
    if namespace is None or actor.is_anonymous:
        return None
    return visibility_on_push_in(actor, full_name, creating(actor, namespace, name))


def visibility_on_push_in(actor: Actor, full_name: str, found: Creating) -> Visibility | None:
    """As `visibility_on_push`, with what the database says. Costs no query.

    Who may not publish makes a private one, whatever the namespace prefers.
    """
    if found.create_on_push == CreateOnPush.OFF or not is_repository_name(full_name):
        return None
    if not decide_create_in(actor, full_name, by_rule=found.by_rule, granted=found.granted).allowed:
        return None
    public = found.create_on_push == CreateOnPush.PUBLIC and found.publishes
    return Visibility.PUBLIC if public else Visibility.PRIVATE
