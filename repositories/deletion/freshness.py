"""Whether a repository was compared with the registry lately, so that no tag that the portal does not know is lost."""

from datetime import timedelta
from functools import partial

from django.core.cache import cache

from repositories.images import intents
from repositories.images.reconcile import reconcile
from repositories.models import Repository


def is_compared(repository: Repository, *, within: timedelta) -> bool:
    """Compare it if that is longer ago than `within`. Raises RegistryUnavailable."""
    key = f"deletion-compared:{repository.pk}"
    if cache.get(key):
        return True
    report = reconcile(repository, being_pushed=partial(intents.being_pushed, repository))
    complete = not report.moved and not report.skipped
    if complete:
        cache.set(key, 1, within.total_seconds())
    return complete
