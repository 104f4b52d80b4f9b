"""Pulls are counted once, by day, tag and repository, whatever order they come in."""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from time_machine import travel

from repositories.images import manifests, pulls, tasks
from repositories.images.actions import record_found
from repositories.images.models import Tag, TagPulls
from repositories.images.pulls import Pull
from repositories.models import Repository
from tests.images.fake_registry import digest_of, image, index

NAME = "alice/private-app"
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
TODAY, YESTERDAY = date(2026, 11, 24), date(2026, 11, 23)


@pytest.fixture(autouse=True)
def _noon() -> Iterator[None]:
    with travel(NOW, tick=False):
        yield


def record(repository: Repository, body: bytes, tag: str = "") -> None:
    parsed = manifests.parse(body, json.loads(body)["mediaType"])
    record_found(repository_id=repository.pk, digest=digest_of(body), parsed=parsed, tag=tag)


def by_tag(tag: str, at: datetime = NOW, repository: str = NAME) -> Pull:
    return Pull(repository, tag, digest_of(image()), at)


def by_digest(body: bytes, at: datetime = NOW) -> Pull:
    return Pull(NAME, "", digest_of(body), at)


def count(*told: Pull) -> None:
    with transaction.atomic():
        pulls.count_pulls(told)


def by_day(tag: str = "1.0") -> dict[date, int]:
    return dict(TagPulls.objects.filter(tag=tag).values_list("day", "count"))


def total(name: str = NAME) -> int:
    return Repository.objects.get(full_name=name).pull_count


class TestCounting:
    def test_by_day_tag_and_repository(self, private_app, public_app) -> None:
        for repository in (private_app, public_app):
            record(repository, image(), "1.0")
        count(by_tag("1.0"), by_tag("1.0"), by_tag("1.0", repository="alice/public-app"))
        count(by_tag("1.0", NOW - timedelta(days=1)), by_tag("1.0"))
        rows = set(TagPulls.objects.values_list("repository", "day", "count"))
        assert rows == {
            (private_app.pk, TODAY, 3),
            (private_app.pk, YESTERDAY, 1),
            (public_app.pk, TODAY, 1),
        }
        assert (total(), total("alice/public-app")) == (4, 1)
        assert set(Tag.objects.values_list("repository", "pull_count")) == {(private_app.pk, 4), (public_app.pk, 1)}

    def test_the_last_one_is_the_latest_and_not_what_came_last(self, private_app) -> None:
        record(private_app, image(), "1.0")
        count(by_tag("1.0", NOW - timedelta(hours=1)), by_tag("1.0", NOW - timedelta(hours=3)))
        count(by_tag("1.0", NOW - timedelta(hours=2)))
        assert Tag.objects.get().last_pulled_at == NOW - timedelta(hours=1)

    def test_what_nobody_knows_counts_nothing(self, private_app) -> None:
        count(by_tag("1.0", repository="nobody/app"))
        assert not TagPulls.objects.exists()

    def test_a_tag_that_is_gone_keeps_its_days(self, private_app) -> None:
        count(by_tag("1.0"))
        assert (by_day(), total()) == ({TODAY: 1}, 1)

    def test_a_clock_that_is_ahead_opens_no_day(self, private_app) -> None:
        count(by_tag("1.0", NOW + timedelta(days=3)))
        assert by_day() == {TODAY: 1}

    def test_what_is_told_much_too_late_has_no_day(self, private_app) -> None:
        record(private_app, image(), "1.0")
        count(by_tag("1.0", NOW - pulls.KEPT - timedelta(days=2)))
        assert (by_day(), total(), Tag.objects.get().pull_count) == ({}, 1, 1)

    def test_costs_the_same_for_any_number_of_pulls(self, private_app) -> None:
        for number in range(6):
            record(private_app, image(str(number)), f"{number}")
        costs = []
        for number in (2, 6):
            told = [by_tag(f"{tag}") for tag in range(number)] * number
            with CaptureQueriesContext(connection) as queries:
                count(*told, by_digest(image("0")))
            costs.append(len(queries))
        assert costs[0] == costs[1] <= 12


class TestByDigest:
    def test_counts_for_the_only_tag(self, private_app) -> None:
        record(private_app, image(), "1.0")
        count(by_digest(image()))
        assert (by_day(), total(), Tag.objects.get().pull_count) == ({TODAY: 1}, 1, 1)

    def test_of_several_tags_counts_for_none(self, private_app) -> None:
        record(private_app, image(), "1.0")
        record(private_app, image(), "latest")
        count(by_digest(image()), by_tag("latest"))
        assert (by_day(), by_day("latest"), total()) == ({}, {TODAY: 1}, 2)

    def test_a_platform_is_part_of_its_index(self, private_app) -> None:
        amd, arm = image("amd64"), image("arm64")
        record(private_app, amd)
        record(private_app, arm)
        record(private_app, index(amd, arm), "1.0")
        # Two machines, one with docker and one with containerd, told in the wrong order.
        count(by_digest(arm), by_tag("1.0"))
        count(by_digest(amd), by_digest(index(amd, arm)))
        assert (by_day(), total()) == ({TODAY: 2}, 2)

    def test_another_repositorys_tag_is_none_of_its(self, private_app, public_app) -> None:
        record(public_app, image(), "1.0")
        count(by_digest(image()))
        assert (by_day(), total(), total("alice/public-app")) == ({}, 1, 0)


class TestReading:
    def test_thirty_days_with_today_last(self, private_app) -> None:
        for days, number in ((0, 2), (1, 1), (29, 1), (30, 5)):
            count(*[by_tag("1.0", NOW - timedelta(days=days))] * number)
        found = pulls.recent_pulls(private_app, ["1.0", "2.0"])
        assert found["1.0"].days == [1, *[0] * 27, 1, 2]
        assert (found["1.0"].total, found["2.0"].total) == (4, 0)

    def test_old_days_are_forgotten_and_totals_stay(self, private_app, monkeypatch) -> None:
        monkeypatch.setattr(pulls, "FORGET_MOST", 2)
        for days in range(4, -1, -1):
            count(by_tag("1.0", NOW - timedelta(days=days)))
        with travel(NOW + pulls.KEPT - timedelta(days=2), tick=False):
            tasks.forget_pulls()
        assert sorted(by_day()) == [TODAY - timedelta(days=2), YESTERDAY, TODAY]
        assert total() == 5
