"""Everything that writes grants: roles of teams and people on repositories, by name or by pattern.

A grant takes effect with the next page and the next token that docker asks for; what somebody holds dies within five
minutes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from orgs.access import OrgPermission, require as require_in_organization
from orgs.models import Organization, Team
from portal.accounts.actor import Actor
from portal.accounts.models import User
from portal.events.record import record
from portal.kit import patterns
from portal.kit.errors import Conflict, Invalid, NotFound
from repositories.access import Role, reasons_of
from repositories.access.reasons import given_to_all
from repositories.grants.access import find_person, grants_on, require_to_grant
from repositories.models import Grant, Repository
from repositories.names import validate_repository_name

NAMES_SHOWN = 3
"""Of those who keep what somebody wants to take away from themselves."""


class Keep(Enum):
    """Stands for an end date that stays as it is, which None does not."""

    KEEP = "keep"


KEEP: Final = Keep.KEEP


def role_named(text: str) -> Grant.Role:
    """The role that a form or the API names, in any case. Raises Invalid."""
    try:
        return Grant.Role[text.strip().upper()]
    except KeyError as error:
        names = ", ".join(role.name.lower() for role in Grant.Role)
        raise Invalid.field("role", _("Choose one of: %(values)s.") % {"values": names}) from error


def grant_to_team(*, actor: Actor, organization: Organization, team: Team, pattern: str, role: Grant.Role) -> Grant:
    """Give the team the role on what the pattern matches, now and later. Granted already: the role is changed.

    On one repository its admins may, on a pattern whoever may grant in the organization. Raises Invalid (fields),
    Conflict when it takes the actor's own last admin right, NotFound, Forbidden.
    """
    pattern = pattern.strip()
    _validate_pattern(pattern)
    with transaction.atomic():
        repository = require_to_grant(actor, organization.namespace_id, pattern)
        return _grant_to_team(actor, organization, _team(organization, team), pattern, role, repository)


def _grant_to_team(
    actor: Actor, organization: Organization, team: Team, pattern: str, role: Grant.Role, repository: Repository | None
) -> Grant:
    namespace = organization.namespace
    grant = Grant.objects.filter(namespace=namespace, pattern=pattern, team=team).first()
    if grant is None:
        grant = Grant(namespace=namespace, pattern=pattern, team=team)
        return _create(actor, grant, role, repository)
    grant.namespace, grant.team = namespace, team
    return _change(actor, grant, role, grant.expires_at, repository)


def _validate_pattern(pattern: str) -> None:
    """Raise Invalid with the sentence under `pattern`. A name must be one that a repository could have."""
    try:
        patterns.validate_pattern(pattern)
        if "*" not in pattern:
            validate_repository_name(pattern)
    except ValidationError as error:
        raise Invalid(error.messages[0], fields={"pattern": error.messages}) from error


def _team(organization: Organization, team: Team) -> Team:
    """As it is now, locked, so that no grant is given to a team that is deleted at this moment."""
    row = Team.objects.select_for_update().filter(pk=team.pk, organization=organization).first()
    if row is None:
        raise NotFound(_("There is no such team."))
    return row


def grant_to_person(
    *, actor: Actor, repository: Repository, username: str, role: Grant.Role, expires_at: datetime | None = None
) -> Grant:
    """Make the person a collaborator, until `expires_at`. Who is one already gets this role and this end date.

    Raises Invalid (fields), Conflict when it takes the actor's own last admin right, NotFound, Forbidden.
    """
    with transaction.atomic():
        row = _required(actor, repository)
        person = _person(row, username)
        grant = grants_on(row).filter(user=person).first()
        if grant is None:
            _validate_end(expires_at)
            grant = Grant(namespace=row.namespace, pattern=row.name, user=person)
            return _create(actor, grant, role, row, expires_at)
        return _change(actor, grant, role, expires_at, row)


def _required(actor: Actor, repository: Repository) -> Repository:
    row = require_to_grant(actor, repository.namespace_id, repository.name)
    if row is None:
        raise NotFound(_("There is no such repository, or you may not see it."))
    return row


def _person(repository: Repository, username: str) -> User:
    person = find_person(username)
    if person is None:
        sentence = _("There is nobody called “%(name)s” here. Check how the username is spelled.")
        raise Invalid.field("username", sentence % {"name": username.strip()})
    if person.namespace_id == repository.namespace_id:
        sentence = _("%(name)s owns this namespace, and is admin of all its repositories already.")
        raise Invalid.field("username", sentence % {"name": person.username})
    return person


def _validate_end(expires_at: datetime | None) -> None:
    if expires_at is not None and expires_at <= timezone.now():
        raise Invalid.field("expires_at", _("This date has passed. Choose a later one, or none."))


def change_grant(
    *, actor: Actor, grant: Grant, role: Grant.Role | None = None, expires_at: datetime | Keep | None = KEEP
) -> Grant:
    """Another role, another end date (of a collaborator); what is left out stays.

    Raises Invalid (fields), Conflict when it takes the actor's own last admin right, NotFound, Forbidden.
    """
    with transaction.atomic():
        repository = require_to_grant(actor, grant.namespace_id, grant.pattern)
        row = _now(grant)
        wanted = Grant.Role(row.role) if role is None else role
        return _change(actor, row, wanted, row.expires_at if expires_at is KEEP else expires_at, repository)


def revoke_grant(*, actor: Actor, grant: Grant) -> None:
    """Take it away. Raises Conflict when it is the actor's own last admin right, NotFound, Forbidden."""
    with transaction.atomic():
        repository = require_to_grant(actor, grant.namespace_id, grant.pattern)
        _revoke(actor, _now(grant), repository)


def _revoke(actor: Actor, row: Grant, repository: Repository | None) -> None:
    old = _terms(row)
    row.delete()
    _keep_own_admin(actor, repository, was=old)
    _record("repo.grant.delete", actor, row, repository, old=old)


def _now(grant: Grant) -> Grant:
    """As it is now; `require_to_grant` holds the lock that every change of it takes."""
    row = Grant.objects.select_related("namespace", "user", "team").filter(pk=grant.pk).first()
    if row is None:
        raise NotFound(_("This grant is gone: somebody else has removed it."))
    return row


def _create(
    actor: Actor, grant: Grant, role: Grant.Role, repository: Repository | None, expires_at: datetime | None = None
) -> Grant:
    grant.role, grant.expires_at, grant.created_by_id = role, expires_at, actor.user_id
    grant.save(force_insert=True)
    _record("repo.grant.create", actor, grant, repository, new=_terms(grant))
    return grant


def _change(
    actor: Actor, row: Grant, role: Grant.Role, expires_at: datetime | None, repository: Repository | None
) -> Grant:
    """No event when nothing changes. An end date that stays may have passed."""
    old = _terms(row)
    if expires_at != row.expires_at:
        _validate_end(expires_at)
    row.role, row.expires_at = role, expires_at
    new = _terms(row)
    if new != old:
        row.save(update_fields=["role", "expires_at"])
        _keep_own_admin(actor, repository, was=old)
        _record("repo.grant.update", actor, row, repository, old=old, new=new)
    return row


def _keep_own_admin(actor: Actor, repository: Repository | None, *, was: dict[str, Any]) -> None:
    """Raise Conflict, which undoes the change, when the actor could not take it back: an owner or another admin can
    make it for them. By pattern only owners and editors grant, who are admin in any case.
    """
    if repository is None or actor.is_system or was["role"] != "admin":
        return
    if any(reason.role == Role.ADMIN for reason in reasons_of(actor, repository)):
        return
    others = _other_admins(actor, repository)
    if not others:
        raise Conflict(
            _("This would take away your own role admin on %(name)s, and nobody else has it. Make somebody else admin.")
            % {"name": repository.full_name}
        )
    raise Conflict(
        _("This would take away your own role admin on %(name)s. Nothing was changed. Ask %(others)s to do it.")
        % {"name": repository.full_name, "others": ", ".join(others)}
    )


def _other_admins(actor: Actor, repository: Repository) -> list[str]:
    """Who can take an admin's right away: a few names. Two queries."""
    given = given_to_all([repository.pk])
    keys = {entry.user_id for entry in given if entry.reason.role == Role.ADMIN and entry.user_id != actor.user_id}
    rows = User.objects.filter(pk__in=[key for key in keys if key], is_active=True).order_by("username")
    return list(rows.values_list("username", flat=True)[:NAMES_SHOWN])


@dataclass(frozen=True, slots=True)
class Cell:
    """One change of an organization's access matrix. `role`, `seen`: what is wanted, and what was shown; None: none."""

    team: Team
    pattern: str
    role: Grant.Role | None
    seen: Grant.Role | None


def set_team_grants(*, actor: Actor, organization: Organization, cells: Sequence[Cell]) -> list[Cell]:
    """Write all of the cells or, when somebody else has changed one of them meanwhile, none.

    Returns the cells that stand in the way, each with what holds now as `seen`; empty: everything is written. Raises
    Invalid (a pattern), NotFound, Forbidden.
    """
    for cell in cells:
        _validate_pattern(cell.pattern)
    with transaction.atomic():
        row = require_in_organization(actor, OrgPermission.GRANT, organization)
        repositories = _locked({cell.pattern for cell in cells}, row)
        now = _roles_now(row, cells)
        stale = [
            Cell(cell.team, cell.pattern, cell.role, now.get((cell.team.pk, cell.pattern)))
            for cell in cells
            if now.get((cell.team.pk, cell.pattern)) not in {cell.seen, cell.role}
        ]
        if not stale:
            for cell in cells:
                _set(actor, row, cell, repositories.get(cell.pattern))
    return stale


def _locked(names: set[str], organization: Organization) -> dict[str, Repository]:
    rows = Repository.objects.select_for_update().filter(namespace=organization.namespace_id, name__in=names)
    return {row.name: row for row in rows.order_by("pk")}


def _roles_now(organization: Organization, cells: Sequence[Cell]) -> dict[tuple[int | None, str], Grant.Role]:
    rows = Grant.objects.filter(
        namespace=organization.namespace_id,
        team__in=[cell.team.pk for cell in cells],
        pattern__in=[cell.pattern for cell in cells],
    )
    return {(team, pattern): Grant.Role(role) for team, pattern, role in rows.values_list("team", "pattern", "role")}


def _set(actor: Actor, organization: Organization, cell: Cell, repository: Repository | None) -> None:
    team = _team(organization, cell.team)
    if cell.role is not None:
        _grant_to_team(actor, organization, team, cell.pattern, cell.role, repository)
        return
    row = Grant.objects.filter(namespace=organization.namespace_id, pattern=cell.pattern, team=team).first()
    if row is not None:
        row.namespace, row.team = organization.namespace, team
        _revoke(actor, row, repository)


def _terms(grant: Grant) -> dict[str, Any]:
    """What an event says of it."""
    who = {"team": grant.team.name} if grant.team else {"user": grant.user.username if grant.user else ""}
    ends = {"expires_at": grant.expires_at} if grant.user_id else {}
    return {"pattern": grant.pattern, **who, "role": Grant.Role(grant.role).name.lower(), **ends}


def _record(
    action: str,
    actor: Actor,
    grant: Grant,
    repository: Repository | None,
    *,
    old: dict[str, Any] | None = None,
    new: dict[str, Any] | None = None,
) -> None:
    record(
        action,
        actor=actor,
        namespace=grant.namespace.name,
        repository_id=repository.pk if repository else None,
        target=f"{grant.namespace.name}/{grant.pattern}",
        old=old,
        new=new,
    )
