"""What the views below one organization share."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from drf_spectacular.utils import OpenApiResponse

from orgs.access import OrgCan, OrgPermission, fetch_organization, fetch_team
from orgs.models import Organization, Team
from portal.accounts.api.base import ApiView
from portal.kit.errors import Conflict, Invalid


def in_the_way(description: str) -> OpenApiResponse:
    """How the description tells of a 409 to a request without a body."""
    return OpenApiResponse({"$ref": "#/components/schemas/Error"}, description=description)


class OrganizationView(ApiView):
    """What its method needs is a permission on the organization of the path."""

    def fetch(self, org: str) -> Organization:
        """One query. Raises NotFound, Forbidden, or Unauthorized for nobody."""
        return fetch_organization(self.actor, org, OrgPermission(self.need))

    def fetch_team(self, org: str, group: str) -> Team:
        """With `organization` and `member_count`. Two queries. Raises likewise."""
        return fetch_team(self.actor, org, group, OrgPermission(self.need))

    def sees_addresses(self, organization: Organization) -> bool:
        """Who manages members sees e-mail addresses. Costs no query."""
        return OrgCan(self.actor, organization).manage_members


@contextmanager
def called(names: Mapping[str, str]) -> Iterator[None]:
    """Call the fields of an action's error what the API calls them."""
    try:
        yield
    except (Invalid, Conflict) as error:
        fields = {names.get(name, name): texts for name, texts in error.fields.items()}
        raise type(error)(error.message, fields=fields) from error
