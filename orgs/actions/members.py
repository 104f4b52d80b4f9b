"""Members: who belongs to an organization, and with which role."""

from typing import Any

from allauth.account.models import EmailAddress
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from orgs import access
from orgs.access import OrgPermission
from orgs.models import MemberRole, Membership, Organization, Team, TeamMember
from portal.accounts.actor import Actor
from portal.accounts.models import User
from portal.events.record import record
from portal.kit.errors import Conflict, Invalid, NotFound, Unauthorized


def role_named(text: str) -> MemberRole:
    """The role that a form or the API names, in any case. Raises Invalid."""
    try:
        return MemberRole[text.strip().upper()]
    except KeyError as error:
        names = ", ".join(role.name.lower() for role in MemberRole)
        raise Invalid.field("role", _("Choose one of: %(values)s.") % {"values": names}) from error


def enrol(
    *,
    actor: Actor,
    organization: Organization,
    user: User,
    role: MemberRole = MemberRole.MEMBER,
    team: Team | None = None,
) -> Membership:
    """Make the person a member, and if wanted put them in a team. The caller has decided that they may be.

    Who is a member already stays what they are. Runs in the caller's transaction. Raises Conflict when somebody without
    a confirmed address would become owner.
    """
    row, created = Membership.objects.get_or_create(organization=organization, user=user, defaults={"role": role})
    if created:
        if role == MemberRole.OWNER:
            _require_confirmed(user)
        new = {"role": role.name.lower(), **({"team": team.name} if team else {})}
        record("org.member.add", actor=actor, namespace=organization.name, target=user.username, new=new)
    if team is not None:
        TeamMember.objects.get_or_create(team=team, membership=row)
    return row


def change_member_role(*, actor: Actor, organization: Organization, username: str, role: MemberRole) -> Membership:
    """Takes effect for the next token and the next page. A role that the member has already changes nothing.

    Raises NotFound, Forbidden, and Conflict for the last owner or for an owner whose address is not confirmed.
    """
    with transaction.atomic():
        row = access.require(actor, OrgPermission.MANAGE_MEMBERS, organization)
        member = _member(row, username)
        old, member.role = MemberRole(member.role), role
        if old == role:
            return member
        if old == MemberRole.OWNER:
            _keep_an_owner(row, member)
        if role == MemberRole.OWNER:
            _require_confirmed(member.user)
        member.save(update_fields=["role"])
        record(
            "org.member.role.change",
            actor=actor,
            namespace=row.name,
            target=username,
            old={"role": old.name.lower()},
            new={"role": role.name.lower()},
        )
    return member


def remove_member(*, actor: Actor, organization: Organization, username: str) -> None:
    """With their places in teams and their own grants on the organization's repositories.

    Oneself is removed too, which is leaving. Raises NotFound, Forbidden, and Conflict for the last owner.
    """
    with transaction.atomic():
        own = not actor.is_anonymous and actor.name == username
        permission = OrgPermission.LEAVE if own else OrgPermission.MANAGE_MEMBERS
        row = access.require(actor, permission, organization)
        _remove(actor, row, _member(row, username))


def leave_organization(*, actor: Actor, organization: Organization) -> None:
    """Remove oneself. Raises NotFound, Forbidden, Unauthorized, and Conflict for the last owner."""
    if actor.user_id is None:
        raise Unauthorized(_("Sign in to leave an organization."))
    remove_member(actor=actor, organization=organization, username=actor.name)


def _remove(actor: Actor, organization: Organization, member: Membership) -> None:
    if member.role == MemberRole.OWNER:
        _keep_an_owner(organization, member)
    grants = member.user.grants.filter(namespace=organization.namespace_id)
    old: dict[str, Any] = {
        "role": MemberRole(member.role).name.lower(),
        "teams": list(member.team_members.order_by("team__name").values_list("team__name", flat=True)),
        "grants": [
            {"pattern": grant.pattern, "role": grant.get_role_display().lower(), "expires_at": grant.expires_at}
            for grant in grants.order_by("pattern")
        ],
    }
    grants.delete()
    member.delete()
    record("org.member.remove", actor=actor, namespace=organization.name, target=member.user.username, old=old)


def _member(organization: Organization, username: str) -> Membership:
    member = organization.memberships.select_related("user").filter(user__username=username).first()
    if member is None:
        raise NotFound(
            _("“%(name)s” does not belong to %(organization)s.") % {"name": username, "organization": organization.name}
        )
    return member


def _keep_an_owner(organization: Organization, member: Membership) -> None:
    """One who can act: whose account is switched on and whose address is confirmed. Needs the organization's lock."""
    owners = organization.memberships.filter(
        role=MemberRole.OWNER, user__is_active=True, user__emailaddress__verified=True
    )
    if not owners.exclude(pk=member.pk).exists():
        raise Conflict(
            _("%(name)s is the last owner of %(organization)s. Make somebody else an owner first.")
            % {"name": member.user.username, "organization": organization.name}
        )


def _require_confirmed(user: User) -> None:
    if not EmailAddress.objects.filter(user=user, verified=True).exists():
        raise Conflict(
            _("%(name)s has not confirmed an e-mail address yet, and cannot become owner before.")
            % {"name": user.username}
        )
