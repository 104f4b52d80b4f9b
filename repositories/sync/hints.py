"""What the registry's notifications tell of is looked at; what they say is not believed."""

from collections.abc import Iterable

from django.db.models import Q
from django.utils import timezone

from repositories.images import reconcile
from repositories.images.models import Manifest, Tag, TagHistory
from repositories.models import Repository
from repositories.registry import client
from repositories.sync import repairs
from repositories.sync.models import RepositorySync


def take_over(repository: Repository, *, tag: str, digest: str) -> bool:
    """A push came another way: record what the registry holds there now, which may be something newer.

    `tag` is empty for a push by digest. What the gateway writes at this moment is left to it. False when the registry
    still has what we know there, and the pushed manifest is none that we know: it tells of a push before it writes the
    tag (distribution issue 2625). Raises as `client.get_manifest`, and ManifestInvalid.
    """
    if not tag:
        held = client.head_manifest(repository.full_name, digest).digest
        reconcile.add(repository, held)
        return True
    history = TagHistory.objects.filter(repository=repository).order_by("-id")
    mark = history.values_list("pk", flat=True).first() or 0
    tags = Tag.objects.filter(repository=repository, name=tag)
    previous = tags.values_list("manifest__digest", flat=True).first() or ""
    held = client.head_manifest(repository.full_name, tag).digest
    if held == previous:
        return held == digest or Manifest.objects.filter(repository=repository, digest=digest).exists()
    repairs.take_over(repository, None, tag=tag, digest=held, previous=previous, mark=mark)
    return True


def look_soon(full_names: Iterable[str]) -> None:
    """Something was deleted past the portal: have these repositories looked at, by the next sweep. Three queries."""
    ids = list(Repository.objects.filter(full_name__in=full_names).order_by("id").values_list("pk", flat=True))
    if not ids:
        return
    now = timezone.now()
    RepositorySync.objects.bulk_create([RepositorySync(repository_id=pk) for pk in ids], ignore_conflicts=True)
    later = Q(due_at=None) | Q(due_at__gt=now)
    RepositorySync.objects.filter(later, pk__in=ids, failures=0).update(due_at=now)
