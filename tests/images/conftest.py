"""A registry in memory for whoever asks for `registry`."""

import pytest

from tests.images.fake_registry import FakeRegistry, install


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> FakeRegistry:
    return install(monkeypatch)
