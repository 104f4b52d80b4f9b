"""Runs and differences as the engine leaves them."""

from datetime import timedelta
from typing import Any

from django.utils import timezone

from portal.accounts.models import User
from repositories.models import Repository
from repositories.sync.models import Difference, Run
from tests.factories import make_user


def make_operator(name: str = "olga") -> User:
    user = make_user(name)
    user.is_superuser = True
    user.save(update_fields=["is_superuser"])
    return user


def make_round(state: str = "done", **columns: Any) -> Run:
    ended = None if state == "running" else timezone.now()
    told = {"total": 10, "repositories": 4, "tags": 40, "finished_at": ended} | columns
    return Run.objects.create(trigger=Run.Trigger.SCHEDULE, state=state, **told)


def make_missing(repository: Repository, *tags: str, state: str = "held", run: Run | None = None) -> list[Difference]:
    seen = timezone.now() - timedelta(minutes=5)
    return [
        Difference.objects.create(
            repository=repository,
            run=run,
            kind=Difference.Kind.MISSING_TAG,
            state=state,
            tag=tag,
            ours=f"sha256:{tag.encode().hex():0>64}",
            first_seen_at=seen,
            seen_at=seen,
            settled_at=seen if state in ("repaired", "gone") else None,
        )
        for tag in tags
    ]
