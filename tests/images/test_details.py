"""What only the config blob tells: read by a task, tried again while the registry is away, given up in the end."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from repositories.images import tasks
from repositories.images.actions import READ_DETAILS, record_found
from repositories.images.details import CONFIG_MAX, MOST_TRIES, SWEEP_AFTER, read_details, sweep
from repositories.images.manifests import parse
from repositories.images.models import Manifest
from repositories.models import Repository
from repositories.registry import client
from tests.images.fake_registry import OCI, FakeRegistry, digest_of, image

Details = Manifest.Details
CONFIG = {
    "os": "linux",
    "architecture": "arm64",
    "variant": "v8",
    "created": "2026-01-02T03:04:05.678901234Z",
    "config": {"Cmd": ["/hello"]},
}


@pytest.fixture
def manifest(private_app: Repository) -> Manifest:
    body = image()
    record_found(repository_id=private_app.pk, digest=digest_of(body), parsed=parse(body, OCI))
    return Manifest.objects.get()


@pytest.fixture
def blob(registry: FakeRegistry, manifest: Manifest):
    """blob(content): the config that the registry holds."""

    def put(content: Any) -> None:
        raw = content if isinstance(content, bytes) else json.dumps(content).encode()
        registry.blobs[manifest.config_digest] = raw

    return put


def read(manifest: Manifest) -> Manifest:
    read_details(manifest.pk)
    manifest.refresh_from_db()
    return manifest


def age(manifest: Manifest, seconds: float) -> None:
    Manifest.objects.filter(pk=manifest.pk).update(pushed_at=timezone.now() - timedelta(seconds=seconds))


class TestReading:
    def test_platform_time_and_settings(self, manifest, blob) -> None:
        blob(CONFIG)
        read(manifest)
        assert (manifest.details, manifest.platform) == (Details.READ, "linux/arm64/v8")
        assert manifest.image_created_at == datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
        assert manifest.config == CONFIG

    def test_twice_is_reading_once(self, manifest, blob, registry) -> None:
        blob(CONFIG)
        read(read(manifest))
        assert len(registry.calls) == 1

    def test_of_a_manifest_that_is_gone(self, db, registry) -> None:
        read_details(4711)
        assert registry.calls == []

    @pytest.mark.parametrize(
        "content", [b"", b"{", b"[]", b'"text"', b"NaN", b"\xff", b"[" * 100_000, b"{" + b" " * CONFIG_MAX + b"}"]
    )
    def test_what_is_not_worth_another_try(self, manifest, blob, content) -> None:
        blob(content)
        read(manifest)
        assert (manifest.details, manifest.platform, manifest.config) == (Details.READ, "", {})

    def test_what_no_database_stores(self, manifest, blob) -> None:
        blob(b'{"os": "li\\u0000nux", "created": "0001-01-01T00:00:00+14:00", "x": "\\ud800"}')
        read(manifest)
        assert (manifest.details, manifest.os, manifest.image_created_at) == (Details.READ, "li\ufffdnux", None)
        assert manifest.config["x"] == "?"

    @pytest.mark.parametrize(
        "config", [{}, {"os": 7, "architecture": None, "created": []}, {"os": "x" * 10_000, "variant": "y" * 10_000}]
    )
    def test_odd_platforms(self, manifest, blob, config) -> None:
        blob(config)
        assert read(manifest).details == Details.READ

    def test_is_a_task(self, manifest, blob) -> None:
        blob(CONFIG)
        tasks.read_details(manifest.pk)
        manifest.refresh_from_db()
        assert manifest.details == Details.READ


class TestTryingAgain:
    def test_while_the_registry_is_away(self, manifest, blob, registry) -> None:
        blob(CONFIG)
        registry.away = True
        read(manifest)
        assert (manifest.details, manifest.details_tries) == (Details.PENDING, 1)
        registry.away = False
        assert read(manifest).details == Details.READ

    def test_ends_some_day(self, manifest, registry, caplog) -> None:
        for _number in range(MOST_TRIES):
            assert manifest.details == Details.PENDING
            read(manifest)
        assert (manifest.details, len(registry.calls)) == (Details.FAILED, MOST_TRIES)
        assert "could not be read" in caplog.text
        read(manifest)
        assert len(registry.calls) == MOST_TRIES

    def test_ends_also_with_errors_that_nobody_thought_of(self, manifest, monkeypatch) -> None:
        def fails(*arguments: Any, **options: Any) -> bytes:
            raise RuntimeError

        monkeypatch.setattr(client, "get_blob", fails)
        for _number in range(MOST_TRIES):
            with pytest.raises(RuntimeError):
                read_details(manifest.pk)
        assert read(manifest).details == Details.FAILED

    def test_can_still_succeed_at_the_last_try(self, manifest, blob) -> None:
        blob(CONFIG)
        Manifest.objects.update(details_tries=MOST_TRIES - 1)
        assert read(manifest).details == Details.READ


class TestTheSweep:
    @pytest.fixture(autouse=True)
    def _committed(self, django_capture_on_commit_callbacks):
        self.commit = django_capture_on_commit_callbacks

    def woken(self, queued: Any) -> list[Any]:
        queued.clear()
        with self.commit(execute=True):
            tasks.sweep()
        return [arguments for _task, arguments in queued]

    def test_wakes_what_lost_its_wake_up(self, manifest, queued) -> None:
        assert self.woken(queued) == [], "it is too young"
        age(manifest, 11)
        assert self.woken(queued) == [(manifest.pk,)]
        assert queued == [(READ_DETAILS, (manifest.pk,))]

    @pytest.mark.parametrize("details", [Details.READ, Details.FAILED])
    def test_leaves_what_is_settled(self, manifest, queued, details) -> None:
        Manifest.objects.update(details=details)
        age(manifest, 10**6)
        assert self.woken(queued) == []

    @pytest.mark.parametrize("tries", [0, 1, 5, MOST_TRIES - 1])
    def test_waits_twice_as_long_after_each_try(self, manifest, queued, tries) -> None:
        Manifest.objects.update(details_tries=tries)
        due = (SWEEP_AFTER * 2**tries).total_seconds()
        age(manifest, due - 5)
        assert self.woken(queued) == []
        age(manifest, due + 5)
        assert self.woken(queued) == [(manifest.pk,)]

    def test_outlasts_an_outage_of_an_hour(self, manifest, blob, registry) -> None:
        """An outage while somebody pushes must not leave images without a platform for ever."""
        blob(CONFIG)
        registry.away = True
        for seconds in range(0, 3600, 30):
            age(manifest, seconds)
            self.sweep_and_work()
        registry.away = False
        age(manifest, 3 * 3600)
        self.sweep_and_work()
        manifest.refresh_from_db()
        assert manifest.details == Details.READ

    def sweep_and_work(self) -> None:
        sent: list[Any] = []
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr("portal.kit.jobs._send", lambda name, args: sent.append(args))
            with self.commit(execute=True):
                sweep()
        for (manifest_id,) in sent:
            read_details(manifest_id)

    def test_costs_one_query_when_nothing_waits(self, db, django_assert_num_queries) -> None:
        with django_assert_num_queries(1):
            sweep()
