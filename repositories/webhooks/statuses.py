"""What receivers reported of tags, for the pages and the API of images: named in `settings.TAG_STATUSES`."""

from collections.abc import Mapping, Sequence

from repositories.images.statuses import Status
from repositories.models import Repository
from repositories.webhooks.models import BuildStatus


def of_tags(repository: Repository, digests: Mapping[str, str]) -> Mapping[str, Sequence[Status]]:
    """Tag -> what was reported of it and of the digest that it has, by context. One query at most.

    For a repository that access has let through.
    """
    if not digests:
        return {}
    rows = BuildStatus.objects.filter(repository=repository, tag__in=digests, digest__in=set(digests.values()))
    found: dict[str, list[Status]] = {}
    for row in rows.order_by("context"):
        if row.digest == digests[row.tag]:
            found.setdefault(row.tag, []).append(_shown(row))
    return found


def _shown(row: BuildStatus) -> Status:
    return Status(
        context=row.context,
        state=row.state,
        label=row.get_state_display(),
        description=row.description,
        target_url=row.target_url,
        reported_at=row.reported_at,
    )
