"""Organization access tokens: robots that act for the organization, or for one of its teams.

A person manages them, with a session or a password: `orgs.access` lets no access token do so. Every change locks the
organization's row, so that two at once neither share a label nor pass the limit.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from orgs import access
from orgs.access import OrgPermission
from orgs.models import DESCRIPTION_MAX, Organization, Team, TeamRobot
from portal.accounts.actor import Actor
from portal.accounts.limits import Entry, require_inside
from portal.accounts.models import OrganizationAccessToken
from portal.accounts.token_rules import check_expiry, valid_label
from portal.events.record import record
from portal.kit import secrets
from portal.kit.errors import Conflict, Invalid, NotFound

TOKENS_MAX = 100
"""Of one organization; those that have expired count."""
OVERLAP_MAX = timedelta(days=7)
NO_OVERLAP = timedelta(0)
Tokens = QuerySet[OrganizationAccessToken]


@dataclass(frozen=True, slots=True)
class Expiry:
    """A new end: a moment, or None for never. Where no Expiry is given the end stays."""

    at: datetime | None


def visible_access_tokens(actor: Actor, organization: Organization) -> Tokens:
    """The organization's, newest first, each with its namespace, team and maker. One query when it is evaluated.

    Raises NotFound, Forbidden.
    """
    access.fetch_organization(actor, organization.name, OrgPermission.TOKENS)
    return _with_all(OrganizationAccessToken.objects.filter(namespace=organization.namespace_id)).order_by("-id")


def visible_team_tokens(organization: Organization, team: Team) -> Tokens:
    """Those that act for a team, by label. Whoever may see the team may know of its robots."""
    rows = OrganizationAccessToken.objects.filter(namespace=organization.namespace_id, team_robot__team=team)
    return _with_all(rows).order_by("label")


def _with_all(rows: Tokens) -> Tokens:
    return rows.select_related("namespace", "team_robot__team", "created_by")


def fetch_access_token(actor: Actor, organization: Organization, public_id: str | uuid.UUID) -> OrganizationAccessToken:
    """One of them. Two queries. Raises NotFound, Forbidden."""
    return _one(visible_access_tokens(actor, organization), public_id)


def _one(rows: Tokens, public_id: str | uuid.UUID) -> OrganizationAccessToken:
    try:
        return rows.get(public_id=public_id)
    except (OrganizationAccessToken.DoesNotExist, ValidationError, ValueError) as error:
        raise NotFound(_("There is no such access token.")) from error


def team_name_of(token: OrganizationAccessToken) -> str:
    """Whose grants it has; empty when it acts for the organization. No query for a token that came from here."""
    robot: TeamRobot | None = getattr(token, "team_robot", None) if token.for_team else None
    return robot.team.name if robot else ""


def create_access_token(
    *,
    actor: Actor,
    organization: Organization,
    label: str,
    limits: Sequence[Entry],
    description: str = "",
    team: str = "",
    expires_at: datetime | None = None,
    resources: Sequence[Mapping[str, Any]] | None = None,
) -> tuple[OrganizationAccessToken, str]:
    """Make a robot; the second value is its secret, which is stored nowhere. It acts for `team`, if one is named.

    `resources`: what a client of Docker Hub's API wrote in place of `limits`, to be read back. Raises Invalid (fields),
    Conflict when the label is taken or there are too many, NotFound, Forbidden.
    """
    values = {"label": valid_label(label, field="label"), "description": _valid_description(description)}
    check_expiry(expires_at)
    secret = secrets.new_token(OrganizationAccessToken.PREFIX)
    with transaction.atomic():
        row = access.require(actor, OrgPermission.TOKENS, organization)
        require_inside(limits, row.name)
        _require_room(row)
        _require_free(row, values["label"])
        owner = _team(row, team) if team else None
        token = OrganizationAccessToken.objects.create(
            **values,
            public_id=uuid.uuid4(),
            namespace=row.namespace,
            limits=list(limits),
            resources=None if resources is None else list(resources),
            for_team=owner is not None,
            hash=secrets.hash_token(secret),
            expires_at=expires_at,
            created_by_id=actor.user_id,
            creator_address=actor.address,
            creator_client=actor.client,
        )
        if owner is not None:
            TeamRobot.objects.create(team=owner, token=token)
        new = {"limits": token.limits, "team": team, "expires_at": expires_at}
        _record("org.access_token.create", actor, token, new=new)
    return token, secret


def update_access_token(
    *,
    actor: Actor,
    organization: Organization,
    public_id: str | uuid.UUID,
    label: str | None = None,
    description: str | None = None,
    limits: Sequence[Entry] | None = None,
    resources: Sequence[Mapping[str, Any]] | None = None,
    is_active: bool | None = None,
) -> OrganizationAccessToken:
    """Change what is given; it counts for the robot's next request. Raises Invalid, Conflict, NotFound, Forbidden."""
    wanted: dict[str, Any] = {
        "label": None if label is None else valid_label(label, field="label"),
        "description": None if description is None else _valid_description(description),
        "limits": None if limits is None else list(limits),
        "is_active": is_active,
    }
    with transaction.atomic():
        row = access.require(actor, OrgPermission.TOKENS, organization)
        token = _one(_of(row), public_id)
        new = {name: value for name, value in wanted.items() if value is not None and value != getattr(token, name)}
        old = {name: getattr(token, name) for name in new}
        if "label" in new:
            _require_free(row, new["label"], but=token)
        if "limits" in new:
            require_inside(new["limits"], row.name)
        if "limits" in new or resources is not None:
            token.resources = None if resources is None else list(resources)
        for name, value in new.items():
            setattr(token, name, value)
        token.save(update_fields=[*new, "resources"])
        if new:
            _record("org.access_token.update", actor, token, old=old, new=new)
    return token


def rotate_access_token(
    *,
    actor: Actor,
    organization: Organization,
    public_id: str | uuid.UUID,
    overlap: timedelta = NO_OVERLAP,
    expiry: Expiry | None = None,
) -> tuple[OrganizationAccessToken, str]:
    """A new secret, the second value; the one before is taken for as long as `overlap`, and any older dies at once.

    A token that has expired gets no overlap: its old secret stays dead. Raises Invalid, NotFound, Forbidden.
    """
    if not NO_OVERLAP <= overlap <= OVERLAP_MAX:
        raise Invalid.field("overlap", _("The old secret can stay valid for seven days at most."))
    if expiry is not None:
        check_expiry(expiry.at)
    secret, now = secrets.new_token(OrganizationAccessToken.PREFIX), timezone.now()
    with transaction.atomic():
        row = access.require(actor, OrgPermission.TOKENS, organization)
        token = _one(_of(row), public_id)
        was_expired = token.state(now) == "expired"
        if was_expired and expiry is None:
            raise Invalid.field("expires_at", _("This token has expired. Choose until when the new secret is valid."))
        keeps_old = overlap > NO_OVERLAP and not was_expired
        token.old_hash, token.old_hash_until = (token.hash, now + overlap) if keeps_old else (None, None)
        token.hash = secrets.hash_token(secret)
        new: dict[str, Any] = {"rotated": True, "old_secret_until": token.old_hash_until}
        old: dict[str, Any] = {}
        if expiry is not None and expiry.at != token.expires_at:
            old["expires_at"], new["expires_at"], token.expires_at = token.expires_at, expiry.at, expiry.at
        token.save(update_fields=["hash", "old_hash", "old_hash_until", "expires_at"])
        _record("org.access_token.update", actor, token, old=old, new=new)
    return token, secret


def delete_access_token(*, actor: Actor, organization: Organization, public_id: str | uuid.UUID) -> None:
    """Both its secrets are refused at once, and so is what was made with them. Raises NotFound, Forbidden."""
    with transaction.atomic():
        row = access.require(actor, OrgPermission.TOKENS, organization)
        token = _one(_of(row), public_id)
        old = {"limits": token.limits, "team": team_name_of(token)}
        _record("org.access_token.delete", actor, token, old=old)
        token.delete()


def _of(row: Organization) -> Tokens:
    return _with_all(OrganizationAccessToken.objects.filter(namespace=row.namespace_id))


def _team(row: Organization, name: str) -> Team:
    team = row.teams.filter(name=name).first()
    if team is None:
        raise Invalid.field("team", _("There is no team “%(name)s” in %(org)s.") % {"name": name, "org": row.name})
    return team


def _require_room(row: Organization) -> None:
    if _of(row).count() >= TOKENS_MAX:
        text = _("%(org)s has %(max)d access tokens. Delete one first: those that have expired count too.")
        raise Conflict(text % {"org": row.name, "max": TOKENS_MAX})


def _require_free(row: Organization, label: str, *, but: OrganizationAccessToken | None = None) -> None:
    """The log names a robot by its label, so no two share one."""
    others = _of(row).filter(label__iexact=label)
    if (others.exclude(pk=but.pk) if but else others).exists():
        message = _("There is a token “%(label)s” in %(org)s already. Choose another label.")
        text = message % {"label": label, "org": row.name}
        raise Conflict(text, fields={"label": [text]})


def _valid_description(text: str) -> str:
    if len(text.strip()) > DESCRIPTION_MAX:
        raise Invalid.field("description", _("Use at most %(max)d characters.") % {"max": DESCRIPTION_MAX})
    return text.strip()


def _record(
    action: str,
    actor: Actor,
    token: OrganizationAccessToken,
    *,
    old: dict[str, Any] | None = None,
    new: dict[str, Any] | None = None,
) -> None:
    record(action, actor=actor, namespace=token.namespace.name, target=token.label, old=old, new=new)
