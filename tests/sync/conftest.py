"""A registry in memory, a repository with tags in both, and looks at it at any time."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import transaction
from django.utils import timezone

from repositories.images.actions import Push, record_push
from repositories.images.manifests import parse
from repositories.models import Repository
from repositories.sync import leases, runs
from repositories.sync.compare import Report
from repositories.sync.looking import Looker
from repositories.sync.models import RepositorySync
from repositories.sync.pace import Pace
from tests.images.fake_registry import OCI, FakeRegistry, digest_of, install

NAME = "alice/private-app"
START = datetime(2026, 11, 24, 8, tzinfo=UTC)


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> FakeRegistry:
    return install(monkeypatch)


@pytest.fixture
def clock() -> Any:
    with time_machine.travel(START, tick=False) as traveller:
        yield traveller


def push(repository: Repository, body: bytes, *tags: str) -> str:
    """As the gateway records it."""
    for tag in tags:
        with transaction.atomic():
            record_push(repository_id=repository.pk, push=Push(digest_of(body), parse(body, OCI), tag=tag))
    return digest_of(body)


def look(repository: Repository) -> Report:
    """One whole look at it, that must end well."""
    result = try_to_look(repository)
    assert isinstance(result, Report), result
    return result


def try_to_look(repository: Repository) -> Any:
    RepositorySync.objects.get_or_create(repository=repository)
    lease = leases.claim(repository.pk)
    assert lease is not None
    with Looker(Pace()) as looker:
        result = runs.look(lease, None, looker)
    return result and result[1]


def later(clock: Any, **much: float) -> None:
    clock.move_to(timezone.now() + timedelta(**much))
