"""Acme: Alice owns it, Oscar too; Ed edits, Bob is a member and in the team image-users; Charlie is a stranger."""

import hashlib
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from orgs.models import MemberRole, Organization, Team, TeamRobot
from portal.accounts.actor import Actor, actor_for_robot
from portal.accounts.models import OrganizationAccessToken, User
from portal.events.models import Event
from tests import factories
from tests.factories import orgs


@dataclass
class Acme:
    organization: Organization
    team: Team
    alice: User
    oscar: User
    ed: User
    bob: User
    charlie: User


@pytest.fixture
def acme(alice: User, bob: User, charlie: User) -> Acme:
    organization = orgs.make_organization(alice)
    oscar, ed = factories.make_user("oscar"), factories.make_user("ed")
    orgs.add_member(organization, oscar, MemberRole.OWNER)
    orgs.add_member(organization, ed, MemberRole.EDITOR)
    orgs.add_member(organization, bob)
    team = orgs.make_team(organization, "image-users", bob, description="They pull")
    return Acme(organization, team, alice, oscar, ed, bob, charlie)


def make_robot(acme: Acme, *actions: str, label: str = "ci", for_team: Team | None = None) -> tuple[Actor, str]:
    """An organization access token that may do `actions` with the organization itself; and its secret."""
    secret = f"{OrganizationAccessToken.PREFIX}{label}"
    token = OrganizationAccessToken.objects.create(
        public_id=uuid.uuid4(),
        label=label,
        hash=hashlib.sha256(secret.encode()).hexdigest(),
        namespace=acme.organization.namespace,
        limits=[{"path": "acme", "actions": list(actions)}],
        for_team=for_team is not None,
    )
    if for_team:
        TeamRobot.objects.create(team=for_team, token=token)
    return actor_for_robot(token), secret


def role_of(acme: Acme, user: User) -> int | None:
    return acme.organization.memberships.filter(user=user).values_list("role", flat=True).first()


def last_event() -> Event:
    event = Event.objects.order_by("-id").first()
    assert event is not None
    return event


@contextmanager
def counted() -> Iterator[list[dict[str, Any]]]:
    """The queries that are made meanwhile."""
    with CaptureQueriesContext(connection) as context:
        found: list[dict[str, Any]] = []
        yield found
    found.extend(context.captured_queries)
