"""Every decision about who may do what with an organization: its people, teams, rules. Not with its repositories.

The actor's role in the organization (one query) -> compared with the permission's least role -> compared with what the
credential allows. An organization is known to its members and its robots only; whoever may see a repository of it sees
its name there, which `repositories.access.fetch_namespace` decides.
"""

from enum import StrEnum

from django.db.models import Case, Count, F, IntegerField, Q, QuerySet, Value, When
from django.utils.translation import gettext_lazy as _

from orgs.models import MemberRole, Membership, Organization, Team, TeamMember
from portal.accounts.actor import Actor, CredentialKind
from portal.accounts.models import TokenAction, TokenLevel
from portal.kit import patterns
from portal.kit.errors import Decision, Forbidden, NotFound, Unauthorized


class OrgPermission(StrEnum):
    VIEW = "organization:view"
    """See the organization, its members and teams."""
    GRANT = "organization:grant"
    """Give teams and people roles on its repositories."""
    EDIT_DEFAULTS = "organization:edit-defaults"
    """Default visibility, and what a push to a missing repository does."""
    SEE_INVITATIONS = "organization:see-invitations"
    MANAGE_MEMBERS = "organization:manage-members"
    """Invite, change roles, remove."""
    MANAGE_TEAMS = "organization:manage-teams"
    EDIT_PROFILE = "organization:edit-profile"
    EDIT_RULES = "organization:edit-rules"
    """Base permission, who may create, who may publish."""
    TOKENS = "organization:tokens"
    """Make, change and delete organization access tokens."""
    WEBHOOKS = "organization:webhooks"
    """Make, change and delete the webhooks of all its repositories."""
    AUDIT = "organization:audit"
    DELETE = "organization:delete"
    LEAVE = "organization:leave"
    """Give up one's own membership."""


LEAST_MEMBER_ROLE: dict[OrgPermission, MemberRole] = {
    OrgPermission.VIEW: MemberRole.MEMBER,
    OrgPermission.GRANT: MemberRole.EDITOR,
    OrgPermission.EDIT_DEFAULTS: MemberRole.EDITOR,
    OrgPermission.SEE_INVITATIONS: MemberRole.OWNER,
    OrgPermission.MANAGE_MEMBERS: MemberRole.OWNER,
    OrgPermission.MANAGE_TEAMS: MemberRole.OWNER,
    OrgPermission.EDIT_PROFILE: MemberRole.OWNER,
    OrgPermission.EDIT_RULES: MemberRole.OWNER,
    OrgPermission.TOKENS: MemberRole.OWNER,
    OrgPermission.WEBHOOKS: MemberRole.OWNER,
    OrgPermission.AUDIT: MemberRole.OWNER,
    OrgPermission.DELETE: MemberRole.OWNER,
    OrgPermission.LEAVE: MemberRole.MEMBER,
}

# What a personal access token that is not limited needs. Absent: for browser sessions and passwords only.
LEAST_LEVEL: dict[OrgPermission, TokenLevel] = {
    OrgPermission.VIEW: TokenLevel.READ,
    OrgPermission.GRANT: TokenLevel.ADMIN,
    OrgPermission.EDIT_DEFAULTS: TokenLevel.ADMIN,
    OrgPermission.SEE_INVITATIONS: TokenLevel.READ,
    OrgPermission.MANAGE_MEMBERS: TokenLevel.ADMIN,
    OrgPermission.MANAGE_TEAMS: TokenLevel.ADMIN,
    OrgPermission.EDIT_PROFILE: TokenLevel.ADMIN,
    OrgPermission.EDIT_RULES: TokenLevel.ADMIN,
    OrgPermission.WEBHOOKS: TokenLevel.ADMIN,
    OrgPermission.AUDIT: TokenLevel.ADMIN,
    OrgPermission.LEAVE: TokenLevel.ADMIN,
}
CREATE_LEVEL = TokenLevel.ADMIN
"""Of an access token that creates organizations; one that is limited cannot."""

# What a token that is limited (every organization access token is) must have for the organization. Absent: never.
LEAST_ACTIONS: dict[OrgPermission, frozenset[TokenAction]] = {
    OrgPermission.VIEW: frozenset({TokenAction.READ_ORGANIZATION, TokenAction.MANAGE_ORGANIZATION}),
    OrgPermission.SEE_INVITATIONS: frozenset({TokenAction.READ_ORGANIZATION, TokenAction.MANAGE_ORGANIZATION}),
    OrgPermission.MANAGE_MEMBERS: frozenset({TokenAction.MANAGE_ORGANIZATION}),
    OrgPermission.MANAGE_TEAMS: frozenset({TokenAction.MANAGE_ORGANIZATION}),
    OrgPermission.GRANT: frozenset({TokenAction.MANAGE_ORGANIZATION}),
    OrgPermission.WEBHOOKS: frozenset({TokenAction.WEBHOOKS}),
    OrgPermission.AUDIT: frozenset({TokenAction.READ_AUDIT}),
}
LEVEL_ORDER = list(TokenLevel)


def visible_organizations(actor: Actor) -> QuerySet[Organization]:
    """Those the actor belongs to, each with `member_role`, and `namespace` selected. One query when it is evaluated.

    A robot of the organization itself counts as an owner whom its limits cap; one of a team, as nobody.
    Raises TypeError for a missing actor.
    """
    if not isinstance(actor, Actor):
        raise TypeError(f"An actor is needed, not {actor!r}.")
    rows = Organization.objects.select_related("namespace")
    owner = Value(int(MemberRole.OWNER), output_field=IntegerField())
    if actor.is_system:
        return _with_role(rows, owner)
    if actor.robot_id is not None:
        own = rows.filter(namespace__access_tokens__pk=actor.robot_id, namespace__access_tokens__for_team=False)
        return _with_role(own, owner)
    if actor.user_id is None:
        return _with_role(rows.none(), owner)
    capped = F("memberships__role") if actor.confirmed else _at_most_member()
    return _with_role(rows.filter(memberships__user_id=actor.user_id), capped)


def own_organizations(actor: Actor) -> QuerySet[Organization]:
    """Those of `visible_organizations` that the credential may tell of: what lists show. One query when evaluated."""
    rows, credential = visible_organizations(actor), actor.credential
    if not credential.is_token:
        return rows
    if credential.kind is CredentialKind.ACCESS_TOKEN:
        least = LEVEL_ORDER.index(LEAST_LEVEL[OrgPermission.VIEW])
        if credential.level is None or LEVEL_ORDER.index(credential.level) < least:
            return rows.none()
    if credential.limits is None:
        return rows
    enough = LEAST_ACTIONS[OrgPermission.VIEW]
    paths = [limit.path for limit in credential.limits if limit.actions & enough]
    return rows.filter(patterns.condition(paths, "namespace__name"))


def _with_role(rows: QuerySet[Organization], role: Value | F | Case) -> QuerySet[Organization]:
    """Django's stubs refuse an annotation of a declared name; the declaration is what gives `member_role` its type."""
    annotation = {"member_role": role}
    return rows.annotate(**annotation)


def _at_most_member() -> Case:
    """Of somebody whose e-mail address is not confirmed: they look, whatever they are."""
    return Case(When(memberships__role__gte=MemberRole.MEMBER, then=Value(int(MemberRole.MEMBER))))


def decide(actor: Actor, permission: OrgPermission, *, member_role: int, name: str) -> Decision:
    """Whether an actor with `member_role` in the organization `name` has the permission. Costs no query."""
    if actor.is_system:
        return Decision(allowed=True)
    if member_role < LEAST_MEMBER_ROLE[permission]:
        if not actor.is_anonymous and not actor.confirmed:
            return Decision(allowed=False, reason=_("Confirm your e-mail address: until then you may only look."))
        role = LEAST_MEMBER_ROLE[permission].label
        return Decision(
            allowed=False, reason=_("You need the role “%(role)s” in the organization to do this.") % {"role": role}
        )
    return _decide_credential(actor, permission, name)


def _decide_credential(actor: Actor, permission: OrgPermission, name: str) -> Decision:
    credential = actor.credential
    if not credential.is_token:
        return Decision(allowed=True)
    if credential.limits is not None:
        actions = LEAST_ACTIONS.get(permission, frozenset())
        # Who manages the webhooks of all its repositories manages those that hear of all of them.
        places = (name, f"{name}/*") if permission is OrgPermission.WEBHOOKS else (name,)
        if not any(credential.covers(place, action) for action in actions for place in places):
            reason = _("The access token “%(label)s” is limited, and may not do this in the organization.")
            return Decision(allowed=False, reason=reason % {"label": credential.label})
        if credential.kind is CredentialKind.ORGANIZATION_TOKEN:  # it has no level that could cap it
            return Decision(allowed=True)
    least = LEAST_LEVEL.get(permission)
    if least is None:
        return Decision(allowed=False, reason=_("An access token cannot do this. Sign in with your password."))
    if credential.level is None or LEVEL_ORDER.index(credential.level) < LEVEL_ORDER.index(least):
        reason = _("The access token “%(label)s” lacks the level “%(level)s”.")
        return Decision(allowed=False, reason=reason % {"label": credential.label, "level": least.label})
    return Decision(allowed=True)


def fetch_organization(actor: Actor, name: str, permission: OrgPermission = OrgPermission.VIEW) -> Organization:
    """The organization with `member_role`, for an actor who has the permission. One query.

    Raises NotFound when there is none of this name or the actor does not belong to it, Forbidden (or Unauthorized, for
    nobody) otherwise.
    """
    return _checked(actor, permission, visible_organizations(actor).filter(namespace__name=name.lower()))


def require(actor: Actor, permission: OrgPermission, organization: Organization) -> Organization:
    """The organization as the actor sees it now, its row locked until the end of the transaction. Two queries.

    What changes people and rules goes through here, one after the other: so two owners who demote each other at once
    do not both succeed. Raises NotFound, Forbidden, Unauthorized.
    """
    # Two statements: PostgreSQL would compare with the memberships of before the wait for the lock.
    list(Organization.objects.select_for_update().filter(pk=organization.pk).values_list("pk"))
    return _checked(actor, permission, visible_organizations(actor).filter(pk=organization.pk))


def _checked(actor: Actor, permission: OrgPermission, rows: QuerySet[Organization]) -> Organization:
    organization = rows.first()
    if organization is None:
        if actor.is_anonymous:
            raise Unauthorized(_("Sign in to see organizations."))
        raise NotFound(_("There is no such organization, or you do not belong to it."))
    decision = decide(actor, permission, member_role=organization.member_role, name=organization.name)
    if not decision.allowed:
        raise Forbidden(decision.reason)
    return organization


def decide_create_organization(actor: Actor) -> Decision:
    """Whether the actor may create organizations. Costs no query."""
    if actor.user_id is None:
        return Decision(allowed=False, reason=_("Sign in to create an organization."))
    if not actor.confirmed:
        return Decision(allowed=False, reason=_("Confirm your e-mail address before you create an organization."))
    credential = actor.credential
    if credential.is_token and (credential.limits is not None or credential.level != CREATE_LEVEL):
        reason = _("Only an access token of the level “%(level)s” that is not limited can create organizations.")
        return Decision(allowed=False, reason=reason % {"level": CREATE_LEVEL.label})
    return Decision(allowed=True)


def require_create_organization(actor: Actor) -> int:
    """The key of the person who will own it. Costs no query. Raises Forbidden, or Unauthorized for nobody."""
    decision = decide_create_organization(actor)
    if actor.user_id is None and actor.robot_id is None:
        raise Unauthorized(decision.reason)
    if actor.user_id is None or not decision.allowed:
        raise Forbidden(decision.reason)
    return actor.user_id


def visible_members(organization: Organization) -> QuerySet[Membership]:
    """Of an organization that came from here: each with `user` and `username`. One query when it is evaluated.

    Raises NotFound for a row that came another way.
    """
    _from_here(organization)
    return organization.memberships.select_related("user").annotate(username=F("user__username"))


def find_members(
    organization: Organization, query: str, *, role: MemberRole | None = None, by_email: bool = False
) -> QuerySet[Membership]:
    """Those of `visible_members` whose name has `query` in it; `by_email` for owners, who see the addresses."""
    rows = visible_members(organization)
    if role is not None:
        rows = rows.filter(role=role)
    if not query:
        return rows
    named = Q(user__username__icontains=query) | Q(user__full_name__icontains=query)
    return rows.filter(named | Q(user__email__icontains=query) if by_email else named)


def fetch_member(organization: Organization, username: str) -> Membership:
    """One of `visible_members`. One query. Raises NotFound."""
    member = visible_members(organization).filter(user__username=username.lower()).first()
    if member is None:
        raise NotFound(_("“%(name)s” does not belong to this organization.") % {"name": username})
    return member


def visible_teams(organization: Organization) -> QuerySet[Team]:
    """Of an organization that came from here: each with `member_count`. One query when it is evaluated."""
    _from_here(organization)
    return organization.teams.annotate(member_count=Count("team_members"))


def fetch_team(
    actor: Actor, organization_name: str, team_name: str, permission: OrgPermission = OrgPermission.VIEW
) -> Team:
    """A team with `organization` and `member_count`, for an actor who has the permission. Two queries.

    Raises NotFound, Forbidden, Unauthorized, as `fetch_organization`.
    """
    organization = fetch_organization(actor, organization_name, permission)
    team = visible_teams(organization).filter(name=team_name.lower()).first()
    if team is None:
        raise NotFound(_("There is no such team."))
    team.organization = organization
    return team


def visible_team_members(team: Team, query: str = "") -> QuerySet[TeamMember]:
    """Of a team that came from here, each with `membership`, its `user`, and `username`. One query when evaluated."""
    _from_here(team.organization)
    rows = team.team_members.select_related("membership__user").annotate(username=F("membership__user__username"))
    if not query:
        return rows
    user = "membership__user"
    return rows.filter(Q(**{f"{user}__username__icontains": query}) | Q(**{f"{user}__full_name__icontains": query}))


def candidates(team: Team, limit: int) -> list[str]:
    """User names of members who are not in the team, which came from here, in order. One query."""
    rows = visible_members(team.organization).exclude(team_members__team=team).order_by("user__username")
    return list(rows.values_list("user__username", flat=True)[:limit])


def _from_here(organization: Organization) -> None:
    if organization.member_role < MemberRole.MEMBER:
        raise NotFound(_("There is no such organization, or you do not belong to it."))


class OrgCan:
    """What the actor can do with an organization that came from here: `can.manage_teams` in templates. No query."""

    def __init__(self, actor: Actor, organization: Organization) -> None:
        self._actor = actor
        self._organization = organization

    def __getattr__(self, name: str) -> bool:
        try:
            permission = OrgPermission[name.upper()]
        except KeyError as error:
            raise AttributeError(name) from error
        role, own_name = self._organization.member_role, self._organization.name
        return decide(self._actor, permission, member_role=role, name=own_name).allowed
