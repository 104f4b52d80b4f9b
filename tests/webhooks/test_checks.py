"""What would only fail at the first delivery stops the start."""

from pathlib import Path

import pytest
from django.core.checks import run_checks
from pytest_django import Settings

from tests.kit.loopback import self_signed


@pytest.mark.parametrize("network", ["10.0.0.1/8", "everything"])
def test_a_network_that_is_none_is_named(network: str, settings: Settings) -> None:
    settings.WEBHOOK_NETWORKS = ["127.0.0.0/8", network]
    (error,) = [one for one in run_checks() if one.id == "webhooks.E001"]
    assert network in error.msg


def test_networks_are_accepted(settings: Settings) -> None:
    settings.WEBHOOK_NETWORKS = ["127.0.0.0/8", "fd00::/8"]
    assert [one for one in run_checks() if one.id == "webhooks.E001"] == []


def test_authorities_that_cannot_be_read_stop_the_start(settings: Settings, tmp_path: Path) -> None:
    nothing, empty = tmp_path / "missing.pem", tmp_path / "empty.pem"
    empty.write_text("no certificate\n")
    for path in (nothing, empty):
        settings.WEBHOOK_CA_FILE = str(path)
        (error,) = [one for one in run_checks() if one.id == "webhooks.E002"]
        assert str(path) in error.msg
    _context, good = self_signed(tmp_path, "ci.internal")
    settings.WEBHOOK_CA_FILE = good
    assert [one for one in run_checks() if one.id == "webhooks.E002"] == []
