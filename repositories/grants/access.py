"""Who may share what, and which grants the actor may know of.

The rules themselves stand in `repositories.access` (one repository: its admins) and in `orgs.access` (everything that
matches a pattern: owners and editors). What is added here is who may be shown what a team or a member has.
"""

from collections.abc import Collection

from django.db.models import F, QuerySet
from django.utils.translation import gettext_lazy as _

from orgs.access import (
    LEAST_MEMBER_ROLE,
    OrgPermission,
    decide as decide_in_organization,
    require as require_in_organization,
    visible_organizations,
)
from orgs.models import Membership, Organization, Team, TeamMember, TeamRobot
from portal.accounts.actor import Actor
from portal.accounts.models import User
from portal.kit.errors import Decision, Forbidden, NotFound, Unauthorized
from portal.kit.paging import BIGGEST_ID
from repositories.access import Permission, decide, visible
from repositories.access.people import Who
from repositories.models import Grant, Repository


def require_to_grant(actor: Actor, namespace_id: int, pattern: str) -> Repository | None:
    """The repository of exactly this name, if there is one, for an actor who may grant on the pattern.

    Runs in a transaction. Locks the repository, and before it the organization for whoever grants everywhere, until its
    end: two changes of one grant come one after the other, and none outlives a repository that is deleted meanwhile.
    Six queries at most. Raises NotFound, Forbidden, Unauthorized.
    """
    named = Repository.objects.filter(namespace_id=namespace_id, name=pattern).select_related("namespace")
    refusal = _refusal(actor, _seen(actor, namespace_id, pattern))
    if refusal is not None and refusal.allowed:
        _lock(named)
        return _still(actor, _seen(actor, namespace_id, pattern))
    if actor.is_anonymous:
        raise Unauthorized(_("Sign in to do this."))
    _require_everywhere(actor, namespace_id, refusal)
    _lock(named)
    return named.first()


def _seen(actor: Actor, namespace_id: int, name: str) -> Repository | None:
    return visible(actor).select_related("namespace").filter(namespace_id=namespace_id, name=name).first()


def _refusal(actor: Actor, seen: Repository | None) -> Decision | None:
    return None if seen is None else decide(actor, Permission.MANAGE_ACCESS, seen)


def _lock(rows: QuerySet[Repository]) -> None:
    list(rows.select_related(None).select_for_update().values_list("pk"))


def _still(actor: Actor, seen: Repository | None) -> Repository:
    """As it is after the wait for the lock."""
    decision = _refusal(actor, seen)
    if seen is None or decision is None:
        raise NotFound(_("There is no such repository, or you may not see it."))
    if not decision.allowed:
        raise Forbidden(decision.reason)
    return seen


def _require_everywhere(actor: Actor, namespace_id: int, refusal: Decision | None) -> None:
    """`refusal`: of the repository, when the actor sees it."""
    organization = Organization.objects.filter(namespace_id=namespace_id).first()
    if organization is None:
        raise (
            Forbidden(refusal.reason) if refusal else NotFound(_("There is no such repository, or you may not see it."))
        )
    try:
        require_in_organization(actor, OrgPermission.GRANT, organization)
    except (NotFound, Forbidden) as error:
        if refusal is not None:
            raise Forbidden(refusal.reason) from error
        raise


def organization_of(actor: Actor, repository: Repository) -> Organization | None:
    """The organization whose teams the actor may grant to: None in a person's namespace, and for guests. One query."""
    return visible_organizations(actor).filter(namespace_id=repository.namespace_id).first()


def may_grant_everywhere(actor: Actor, organization: Organization) -> Decision:
    """Whether by pattern too. For an organization that came from `orgs.access`. Costs no query."""
    role = organization.member_role
    return decide_in_organization(actor, OrgPermission.GRANT, member_role=role, name=organization.name)


def require_to_see_member(actor: Actor, organization: Organization, member: Membership) -> None:
    """Owners and editors may know what a member reaches, who sees all of it; and the member. Raises Forbidden.

    `organization` came from `orgs.access`. Costs no query.
    """
    if actor.user_id == member.user_id or may_grant_everywhere(actor, organization).allowed:
        return
    raise Forbidden(_("Owners and editors see what a member can reach, and the member themselves."))


def require_to_see_team(actor: Actor, team: Team) -> None:
    """What a team is granted is known to owners and editors, with any credential that shows them the organization, and
    to its own members: a grant names repositories that others may not know of. `team` came from `orgs.access`. One
    query at most. Raises Forbidden.
    """
    if team.organization.member_role >= LEAST_MEMBER_ROLE[OrgPermission.GRANT]:
        return
    if not TeamMember.objects.filter(team=team, membership__user=actor.user_id).exists():
        raise Forbidden(_("Owners, editors and the team's own members see what a team is granted."))


def grants_of_team(team: Team) -> QuerySet[Grant]:
    """Of a team that the actor may see, in order of name. One query when it is evaluated."""
    return Grant.objects.filter(team=team, namespace=team.organization.namespace_id).order_by("pattern")


def fetch_team_grant(team: Team, pattern: str) -> Grant:
    """One query. Raises NotFound."""
    return _one(grants_of_team(team).filter(pattern=pattern.replace("\0", "")), team)


def fetch_team_grant_by_id(team: Team, grant_id: int) -> Grant:
    return _one(grants_of_team(team).filter(pk=grant_id), team)


def _one(rows: QuerySet[Grant], team: Team) -> Grant:
    grant = rows.select_related("namespace").first()
    if grant is None:
        raise NotFound(_("The team %(team)s has no such grant.") % {"team": team.name})
    grant.team = team
    return grant


def team_grants_in(organization: Organization, teams: Collection[Team]) -> QuerySet[Grant]:
    """Of these teams, anywhere in an organization that came with the permission to grant. One query when evaluated."""
    return Grant.objects.filter(namespace=organization.namespace_id, team__in=[team.pk for team in teams])


def patterns_of_teams(organization: Organization, query: str = "") -> QuerySet[Grant, str]:
    """What is granted to teams and is no repository's name: patterns, and names of repositories to come. In order."""
    names = Repository.objects.filter(namespace=organization.namespace_id).values("name")
    rows = Grant.objects.filter(namespace=organization.namespace_id, team__isnull=False, pattern__icontains=query)
    return rows.exclude(pattern__in=names).order_by("pattern").values_list("pattern", flat=True).distinct()


def people_of(teams: Collection[Team]) -> Who:
    """Whose access changes with the teams' grants: their people and robots. Two queries."""
    keys = [team.pk for team in teams]
    users = TeamMember.objects.filter(team__in=keys).values_list("membership__user", flat=True)
    return Who(users=list(users), robots=list(TeamRobot.objects.filter(team__in=keys).values_list("token", flat=True)))


def grants_on(repository: Repository) -> QuerySet[Grant]:
    """On exactly this repository, which came with the permission to manage access. One query when it is evaluated."""
    rows = Grant.objects.filter(namespace=repository.namespace_id, pattern=repository.name)
    return rows.select_related("namespace", "user", "team")


def collaborators(repository: Repository) -> QuerySet[Grant]:
    """Those of `grants_on` that are people's, each with `username`. Ended ones too."""
    return grants_on(repository).filter(user__isnull=False).annotate(username=F("user__username"))


def fetch_collaborator(repository: Repository, username: str) -> Grant:
    """One query. Raises NotFound."""
    grant = collaborators(repository).filter(user__username=username.lower()).first()
    if grant is None:
        raise NotFound(_("%(name)s is no collaborator.") % {"name": username})
    return grant


def team_grants(repository: Repository) -> QuerySet[Grant]:
    """Those of `grants_on` that are teams'."""
    return grants_on(repository).filter(team__isnull=False)


def fetch_group_grant(repository: Repository, group_id: int) -> Grant:
    """A team's, by the team's key, which is Docker Hub's `group_id`. One query. Raises NotFound."""
    known = group_id <= BIGGEST_ID  # SQLite takes no longer number
    grant = team_grants(repository).filter(team=group_id).first() if known else None
    if grant is None:
        raise NotFound(_("The repository is not granted to this team."))
    return grant


def fetch_grant(repository: Repository, grant_id: int) -> Grant:
    """One query. Raises NotFound."""
    grant = grants_on(repository).filter(pk=grant_id).first()
    if grant is None:
        raise NotFound(_("This grant is gone: somebody else has removed it."))
    return grant


def find_person(username: str) -> User | None:
    """Somebody to share with: whoever has an account that is switched on. One query."""
    name = username.strip().lower().replace("\0", "")
    return User.objects.filter(username=name, is_active=True).first()
