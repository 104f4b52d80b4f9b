"""Whether a repository was compared with the registry lately, so that no tag that the portal does not know is lost."""

from datetime import timedelta

from django.utils import timezone

from portal.accounts.actor import SYSTEM
from repositories.models import Repository
from repositories.sync.actions import request_reconcile
from repositories.sync.models import RepositorySync, Run


def is_compared(repository: Repository, *, within: timedelta) -> bool:
    """If not, have it compared soon. One query, and a few more then."""
    since = timezone.now() - within
    if RepositorySync.objects.filter(repository=repository, compared_at__gt=since).exists():
        return True
    request_reconcile(actor=SYSTEM, repository=repository, trigger=Run.Trigger.SCHEDULE)
    return False
