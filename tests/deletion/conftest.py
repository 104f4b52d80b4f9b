"""A repository whose images are in a real registry too."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from portal.events.models import Event
from repositories.images.models import Tag
from repositories.images.reconcile import add
from repositories.models import Repository
from tests.real_registry import BINARIES, RealRegistry, running_registry

NAME = "alice/private-app"


@pytest.fixture(params=BINARIES)
def registry(request: pytest.FixtureRequest, tmp_path: Path, settings: object) -> Iterator[RealRegistry]:
    with running_registry(tmp_path, request.param) as running:
        settings.REGISTRY_URL = running.url  # type: ignore[attr-defined]
        yield running


@pytest.fixture
def app(private_app: Repository, registry: RealRegistry) -> Repository:
    """1.0 and stable are one image, 2.0 is another."""
    old, new = registry.hold(NAME, "1.0", "stable", text="old"), registry.hold(NAME, "2.0", text="new")
    for tag, digest in (("1.0", old), ("stable", old), ("2.0", new)):
        add(private_app, digest, tag=tag)
    private_app.refresh_from_db()
    return private_app


def digest_of(tag: str) -> str:
    return Tag.objects.get(repository__full_name=NAME, name=tag).manifest.digest


def events(prefix: str) -> list[tuple[str, str]]:
    return list(Event.objects.filter(action__startswith=prefix).order_by("id").values_list("action", "target"))
