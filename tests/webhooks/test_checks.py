"""A network that is none stops the start."""

import pytest
from django.core.checks import run_checks
from pytest_django import Settings


@pytest.mark.parametrize("network", ["10.0.0.1/8", "everything"])
def test_a_network_that_is_none_is_named(network: str, settings: Settings) -> None:
    settings.WEBHOOK_NETWORKS = ["127.0.0.0/8", network]
    (error,) = [one for one in run_checks() if one.id == "webhooks.E001"]
    assert network in error.msg


def test_networks_are_accepted(settings: Settings) -> None:
    settings.WEBHOOK_NETWORKS = ["127.0.0.0/8", "fd00::/8"]
    assert [one for one in run_checks() if one.id == "webhooks.E001"] == []
