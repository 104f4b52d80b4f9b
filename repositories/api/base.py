"""What the views of one repository share."""

from collections.abc import Sequence

from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from rest_framework.permissions import SAFE_METHODS
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from portal.accounts.api.base import ApiView, HubPages, Need
from portal.kit.errors import Unauthorized
from repositories.access import Permission, decide, fetch_repository
from repositories.api.contents import read_contents
from repositories.api.serializers import RepositoryFull, RepositoryShort
from repositories.models import Repository


class RepositoryView(ApiView):
    """A view below a repository: what its method needs is a permission on that repository."""

    open_needs = frozenset({Need.NOTHING, Permission.VIEW})

    def fetch(self, namespace: str, repository: str) -> Repository:
        """The repository of the path. One query. Raises NotFound, Forbidden, or Unauthorized: nobody writes."""
        row = fetch_repository(self.actor, namespace, repository, Permission(self.need))
        if self.actor.is_anonymous and self.request.method not in SAFE_METHODS:
            raise Unauthorized(_("Sign in to do this."))
        return row

    def full(self, repository: Repository, *, status: int = 200) -> Response:
        """The repository's own object. Three queries for its admins, two for others, one for nobody."""
        starred = not self.actor.is_anonymous and repository.stars.filter(user=self.actor.user_id).exists()
        context = {
            "actor": self.actor,
            "has_starred": starred,
            "contents": read_contents([repository.pk]),
            "collaborator_count": self._collaborators(repository),
        }
        return Response(RepositoryFull(repository, context=context).data, status=status)

    def _collaborators(self, repository: Repository) -> int:
        """For who may see them; others are told of none."""
        if not decide(self.actor, Permission.MANAGE_ACCESS, repository).allowed:
            return 0
        now = timezone.now()
        grants = repository.namespace.grants.filter(pattern=repository.name, user__isnull=False)
        return grants.filter(Q(expires_at=None) | Q(expires_at__gt=now)).count()


class RepositoryListView(ApiView):
    """A view that answers with a page of repositories."""

    pagination_class = HubPages

    def page_of_repositories(self, rows: QuerySet[Repository]) -> Response:
        """Three queries: count, rows, and what they hold."""
        pages = HubPages()
        found: Sequence[Repository] = pages.paginate_queryset(rows, self.request, view=self) or []
        contents = read_contents([repository.pk for repository in found])
        serializer: type[BaseSerializer[Repository]] = RepositoryShort
        return pages.answer(self.render(found, serializer, {"contents": contents}), {})
