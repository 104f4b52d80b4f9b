"""Fixtures of the real stack, shared by tests/system and tests/browser: one product and one dockerd for both."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.dockerd import Docker
from tests.system.product import Product

_PRODUCT = pytest.StashKey[Product]()


@pytest.fixture(scope="session")
def product(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """The running product, ready. Both folders' conftest import this fixture, and get the same one."""
    stash = request.config.stash
    if _PRODUCT not in stash:
        stash[_PRODUCT] = Product(tmp_path_factory.mktemp("product") / "data").start()
    yield stash[_PRODUCT]
    stash[_PRODUCT].stop()


@pytest.fixture(scope="session")
def docker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Docker]:
    engine = Docker(tmp_path_factory.mktemp("docker")).start()
    yield engine
    engine.stop()


@pytest.fixture
def layout(tmp_path: Path) -> Path:
    """A folder for make_image()."""
    return tmp_path / "layout"
