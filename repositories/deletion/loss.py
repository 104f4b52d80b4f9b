"""What the deletion of a repository takes away, for the page that asks. Reads only."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Max, Sum
from django.utils import timezone

from repositories.api.contents import Contents, read_contents
from repositories.images.models import Manifest, Tag, TagPulls
from repositories.models import Grant, Repository

DAYS = 30


@dataclass(frozen=True, slots=True)
class Loss:
    """What a repository's deletion takes away, besides the counters on its row."""

    images: int
    size: int
    """Compressed bytes, as on the repository's page; other repositories may share layers."""
    pulls: int
    """Of its tags, within DAYS."""
    last_pulled_at: datetime | None
    people: int
    """Grants for exactly this name."""
    days: int = DAYS


def loss_of(repository: Repository) -> Loss:
    """Five queries."""
    since = timezone.now().date() - timedelta(days=DAYS)
    pulls = TagPulls.objects.filter(repository=repository, day__gte=since).aggregate(sum=Sum("count"))["sum"]
    return Loss(
        images=Manifest.objects.filter(repository=repository).count(),
        size=read_contents([repository.pk]).get(repository.pk, Contents()).storage_size,
        pulls=pulls or 0,
        last_pulled_at=Tag.objects.filter(repository=repository).aggregate(last=Max("last_pulled_at"))["last"],
        people=Grant.objects.filter(namespace_id=repository.namespace_id, pattern=repository.name).count(),
    )
