"""Queueing while the broker is away."""

import logging

import pytest

from portal.kit import jobs
from portal.kit.jobs import _send as real_send  # before the autouse fixture `queued` puts itself in its place


def test_a_broker_that_is_away_fails_nothing_and_is_left_alone_for_a_while(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(jobs, "_broker", jobs._Broker())
    reached: list[str] = []

    def send_task(name: str, **_options: object) -> None:
        reached.append(name)
        if name == "refused":
            raise ConnectionRefusedError

    monkeypatch.setattr(jobs, "current_app", type("App", (), {"send_task": staticmethod(send_task)}))
    with caplog.at_level(logging.WARNING):
        for name in ("good", "refused", "skipped"):
            real_send(name, (1,))
    assert reached == ["good", "refused"]
    assert caplog.messages == ["Task refused was not queued (ConnectionRefusedError); a sweep will find its work."]
    monkeypatch.setattr(jobs._broker, "away_until", 0.0)
    real_send("later", (1,))
    assert reached == ["good", "refused", "later"]
