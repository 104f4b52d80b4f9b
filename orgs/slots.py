"""Places on the organization's pages that rooms above fill: what a person reaches, what a change would take away.

This room cannot import them, so they register a part when their app is ready:
`slots.register(Slot.TEAM, team_grants)`.
"""

from collections.abc import Callable
from enum import StrEnum
from typing import Any

from django.utils.safestring import SafeString

from portal.accounts.http import PortalRequest


class Slot(StrEnum):
    TEAM = "team"
    """Below the people on a team's page. `about`: the Team, with its organization."""
    TEAM_DELETE = "team delete"
    """Before a team is deleted: who loses what. `about`: the Team."""
    MEMBER = "member"
    """On the page of a member. `about`: the Membership, with user and organization."""
    MEMBER_ROLE = "member role"
    """Before a role is changed. `about`: the Membership; `role`: the MemberRole that is wanted."""
    MEMBER_REMOVE = "member remove"
    """Before a member is removed or leaves. `about`: the Membership."""


Part = Callable[..., SafeString]
"""Called as part(request, about, **more); answers with HTML, or with nothing."""

_PARTS: dict[Slot, list[Part]] = {}


def register(slot: Slot, part: Part) -> None:
    """Once for each part, when its app is ready. Parts stand in the order of their registration."""
    parts = _PARTS.setdefault(slot, [])
    if part not in parts:
        parts.append(part)


def fill(slot: Slot, request: PortalRequest, about: object, **more: Any) -> list[SafeString]:
    """What is to be shown there; costs what the parts cost."""
    return [html for part in _PARTS.get(slot, []) if (html := part(request, about, **more))]
