"""Teams and who is in them."""

from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from orgs import access
from orgs.access import OrgPermission
from orgs.models import DESCRIPTION_MAX, Membership, Organization, Team, TeamMember
from orgs.names import validate_team_name
from portal.accounts.actor import Actor
from portal.accounts.models import OrganizationAccessToken
from portal.events.record import record
from portal.kit.errors import Conflict, Invalid, NotFound


def create_team(*, actor: Actor, organization: Organization, name: str, description: str = "") -> Team:
    """An empty team. Raises Invalid (fields), Conflict (the name is taken), NotFound, Forbidden."""
    team = Team(organization=organization, name=name, description=description.strip())
    _validate(team)
    with _conflict_on_name(name), transaction.atomic():
        row = access.require(actor, OrgPermission.MANAGE_TEAMS, organization)
        team.organization = row
        team.save(force_insert=True)
        _record("org.team.create", actor, team, new={"name": team.name, "description": team.description})
    return team


def update_team(*, actor: Actor, team: Team, name: str | None = None, description: str | None = None) -> Team:
    """Change what is given; grants and members stay. Raises Invalid (fields), Conflict, NotFound, Forbidden."""
    with _conflict_on_name(name or ""), transaction.atomic():
        row = _locked(actor, team)
        wanted = {"name": name, "description": None if description is None else description.strip()}
        new = {field: text for field, text in wanted.items() if text is not None and text != getattr(row, field)}
        old = {field: getattr(row, field) for field in new}
        for field, text in new.items():
            setattr(row, field, text)
        _validate(row)
        if new:
            row.save(update_fields=list(new))
            _record("org.team.update", actor, row, old=old, new=new)
    return row


def delete_team(*, actor: Actor, team: Team) -> None:
    """With its grants, and with the access tokens that act for it. Its members stay in the organization.

    Raises NotFound, Forbidden.
    """
    with transaction.atomic():
        row = _locked(actor, team)
        robots = OrganizationAccessToken.objects.filter(team_robot__team=row)
        labels = list(robots.order_by("id").values_list("label", flat=True))
        for label in labels:
            record(
                "org.access_token.delete",
                actor=actor,
                namespace=row.organization.name,
                target=label,
                old={"team": row.name},
            )
        old = {
            "description": row.description,
            "members": list(_usernames(row)),
            "grants": [
                {"pattern": grant.pattern, "role": grant.get_role_display().lower()}
                for grant in row.grants.order_by("pattern")
            ],
            "access_tokens": labels,
        }
        _record("org.team.delete", actor, row, old=old)
        robots.delete()
        row.delete()


def add_team_member(*, actor: Actor, team: Team, username: str) -> TeamMember:
    """By user name, or by a confirmed e-mail address. Who is in the team already stays in it.

    Raises Invalid for who is no member, NotFound, Forbidden.
    """
    with transaction.atomic():
        row = _locked(actor, team)
        member = _find(row.organization, username)
        if member is None:
            raise Invalid.field(
                "member",
                _("“%(name)s” does not belong to %(organization)s. Invite them first; then they can join the team.")
                % {"name": username, "organization": row.organization.name},
            )
        place, created = TeamMember.objects.get_or_create(team=row, membership=member)
        if created:
            _record("org.team.member.add", actor, row, new={"member": member.user.username})
    return place


def _find(organization: Organization, name: str) -> Membership | None:
    rows = organization.memberships.select_related("user")
    if "@" in name:
        return rows.filter(user__emailaddress__email__iexact=name, user__emailaddress__verified=True).first()
    return rows.filter(user__username=name.lower()).first()


def remove_team_member(*, actor: Actor, team: Team, username: str) -> None:
    """Their next token lacks what the team grants. Raises NotFound, Forbidden."""
    with transaction.atomic():
        row = _locked(actor, team)
        gone, _rows = row.team_members.filter(membership__user__username=username).delete()
        if not gone:
            raise NotFound(
                _("“%(name)s” is not in the team %(team)s.") % {"name": username, "team": row.name},
            )
        _record("org.team.member.remove", actor, row, old={"member": username})


def _locked(actor: Actor, team: Team) -> Team:
    """The team as it is now, its organization locked and with it. Three queries. Raises NotFound, Forbidden."""
    organization = access.require(actor, OrgPermission.MANAGE_TEAMS, team.organization)
    row = organization.teams.filter(pk=team.pk).first()
    if row is None:
        raise NotFound(_("There is no such team."))
    row.organization = organization
    return row


def _usernames(team: Team) -> list[str]:
    rows = team.team_members.order_by("membership__user__username")
    return list(rows.values_list("membership__user__username", flat=True))


def _validate(team: Team) -> None:
    try:
        validate_team_name(team.name)
    except ValidationError as error:
        raise Invalid(error.messages[0], fields={"name": error.messages}) from error
    if len(team.description) > DESCRIPTION_MAX:
        raise Invalid.field("description", _("Use at most %(max)d characters.") % {"max": DESCRIPTION_MAX})


class _conflict_on_name:  # noqa: N801  reads as what it does
    """The unique constraint decides, so that two requests at once cannot both have the name."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: Any) -> None:
        if isinstance(error, IntegrityError):
            message = _("There is a team “%(name)s” already. Choose another name.") % {"name": self._name}
            raise Conflict(message, fields={"name": [message]}) from error


def _record(
    action: str, actor: Actor, team: Team, *, old: dict[str, Any] | None = None, new: dict[str, Any] | None = None
) -> None:
    record(action, actor=actor, namespace=team.organization.name, target=team.name, old=old, new=new)
