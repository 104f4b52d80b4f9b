"""Organization access tokens, made through the product's action."""

from typing import Any

from orgs.actions import access_tokens
from orgs.models import Organization
from portal.accounts import limits
from portal.accounts.models import OrganizationAccessToken, User
from tests import factories


def make_robot(
    owner: User,
    organization: Organization,
    *actions: str,
    path: str = "",
    label: str = "ci",
    team: str = "",
    **more: Any,
) -> tuple[OrganizationAccessToken, str]:
    """Pulls and pushes everything in the organization, unless `actions` and `path` say else. With its secret."""
    where = path or f"{organization.name}/*"
    entries = limits.parse([{"path": where, "actions": list(actions or ("push",))}])
    actor = factories.actor(owner)
    return access_tokens.create_access_token(
        actor=actor, organization=organization, label=label, limits=entries, team=team, **more
    )
