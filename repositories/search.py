"""Search over repositories: the same for pages, API and `docker search`."""

from django.db.models import Q, QuerySet

from repositories.models import Repository

QUERY_MAX = 200


def matching(rows: QuerySet[Repository], query: str) -> QuerySet[Repository]:
    """Those of `rows` whose name or description holds every word of the query; all for an empty one."""
    for word in query[:QUERY_MAX].replace("\0", "").split():
        rows = rows.filter(Q(full_name__icontains=word) | Q(description__icontains=word))
    return rows
