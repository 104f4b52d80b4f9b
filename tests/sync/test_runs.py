"""Rounds and single looks: what is next, who has it, when it is over, and what begins one."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from portal.accounts.actor import SYSTEM
from portal.events.models import Event
from portal.kit.errors import Forbidden, NotFound
from repositories.images.models import Tag
from repositories.models import Repository
from repositories.sync import actions, leases, runs, schedule, tasks
from repositories.sync.looking import Looker
from repositories.sync.models import Difference, RegistryInstance, RepositorySync, Run
from repositories.sync.pace import Pace
from tests import factories
from tests.images.fake_registry import image
from tests.sync.conftest import NAME, later, push


@pytest.fixture
def five(alice, registry) -> list[Repository]:
    """Repositories with ten tags each, here and in the registry."""
    rows = [factories.make_repository(alice, f"app-{number}") for number in range(5)]
    names = [f"1.{number}" for number in range(10)]
    for row in rows:
        push(row, image(), *names)
        registry.hold(row.full_name, image(), *names)
    return rows


@pytest.fixture
def committed(django_capture_on_commit_callbacks) -> Any:
    """`with committed(execute=True)` sends what would be sent after commit."""
    return django_capture_on_commit_callbacks


def begin(repository: Repository | None = None) -> Run:
    return actions.request_reconcile(actor=SYSTEM, repository=repository)


def after(run: Run) -> Run:
    run.refresh_from_db()
    return run


class TestRound:
    def test_looks_at_everything_once(self, five, registry, clock) -> None:
        registry.hold("alice/app-3", image("new"), "2.0")
        run = begin()
        assert runs.work_on(run.pk)
        after(run)
        assert (run.state, run.total, run.repositories, run.tags, run.added) == ("done", 5, 5, 51, 1)
        assert (run.tags_total, run.finished_at, run.leased_until) == (50, timezone.now(), None)
        assert sum(call[0] == "LIST" for call in registry.calls) == 5

    def test_goes_on_where_it_stopped_least_recent_first(self, five, registry, clock) -> None:
        run = begin()
        RepositorySync.objects.bulk_create([RepositorySync(repository=row) for row in five])
        RepositorySync.objects.filter(repository=five[0]).update(looked_at=timezone.now() - timedelta(days=1))
        assert not runs.work_on(run.pk, turn=0)
        assert after(run).leased_until is None
        runs.work_on(run.pk)
        listed = [name for kind, name, *_rest in registry.calls if kind == "LIST"]
        assert listed == [f"alice/app-{number}" for number in (1, 2, 3, 4, 0)]

    def test_wakes_the_next_worker_when_its_time_is_over(self, five, registry, queued, committed) -> None:
        run = begin()
        with committed(execute=True):
            runs.work_on(run.pk, turn=0)
        assert queued == [(actions.WORK, (run.pk,))]

    def test_is_one_workers(self, five, registry) -> None:
        run = begin()
        assert leases.claim_run(run.pk)
        assert not runs.work_on(run.pk)
        assert registry.calls == []

    def test_leaves_a_repository_that_another_worker_has(self, five, registry, clock) -> None:
        run = begin()
        RepositorySync.objects.bulk_create([RepositorySync(repository=row) for row in five])
        assert leases.claim(five[2].pk)
        assert not runs.work_on(run.pk)
        assert after(run).repositories == 4
        later(clock, seconds=61)
        assert runs.work_on(run.pk), "a lease of a worker that was killed ends"
        assert after(run).repositories == 5

    def test_ends_when_the_registry_is_away_and_begins_again_soon(self, five, registry, clock, queued) -> None:
        run = begin()
        registry.away = True
        runs.work_on(run.pk)
        assert (after(run).state, run.errors) == ("failed", 3)
        assert "does not answer" in run.error
        assert Tag.objects.count() == 50
        schedule.sweep()
        assert not Run.objects.filter(state="running").exists()
        later(clock, minutes=11)
        registry.away = False
        schedule.sweep()
        runs.work_on(Run.objects.get(state="running").pk)
        assert Run.objects.latest("id").state == "done"

    def test_stops_when_the_storage_was_emptied_and_keeps_its_plan(self, five, registry, clock) -> None:
        registry.manifests.clear()
        registry.tags.clear()
        for _time in range(2):
            run = begin()
            runs.work_on(run.pk)
            assert after(run).state == "stopped"
            assert "Nothing was removed" in run.error
            later(clock, hours=1)
            runs.work_on_due()
        assert Tag.objects.count() == 50
        assert Difference.objects.filter(state="held").count() == 40, "a second one sees the others"

    def test_stops_when_each_repository_lost_a_few(self, five, registry, clock) -> None:
        for row in five:
            for number in range(3):
                del registry.manifests[row.full_name, f"1.{number}"]
        run = begin()
        runs.work_on(run.pk)
        assert (after(run).state, run.missing, run.repositories) == ("stopped", 12, 4)
        later(clock, minutes=11)
        runs.work_on_due()
        assert Tag.objects.count() == 50
        assert set(Difference.objects.values_list("state", flat=True)) == {"held"}

    def test_a_second_look_comes_by_itself_and_counts(self, five, registry, clock, queued, committed) -> None:
        del registry.manifests["alice/app-1", "1.0"]
        run = begin()
        runs.work_on(run.pk)
        later(clock, minutes=10)
        with committed(execute=True):
            schedule.sweep()
        assert (actions.WORK, (0,)) in queued
        tasks.work(0)
        assert (after(run).missing, run.removed) == (1, 1)
        assert Tag.objects.count() == 49

    def test_of_nothing_is_over(self, registry, db) -> None:
        run = begin()
        assert runs.work_on(run.pk)
        assert after(run).state == "done"


class TestOfOne:
    def test_is_asked_for_by_its_admins(self, private_app, public_app, as_alice, as_bob, registry) -> None:
        run = actions.request_reconcile(actor=as_alice, repository=private_app)
        assert (run.requested_by_name, run.trigger) == ("alice", "button")
        event = Event.objects.get(action="repo.reconcile")
        assert (event.target, event.namespace) == (NAME, "alice")
        with pytest.raises(NotFound):
            actions.request_reconcile(actor=as_bob, repository=private_app)
        with pytest.raises(Forbidden):
            actions.request_reconcile(actor=as_bob, repository=public_app)
        with pytest.raises(NotFound):
            actions.request_reconcile(actor=as_alice)

    def test_asked_for_twice_is_one(self, private_app, as_alice, registry) -> None:
        first = actions.request_reconcile(actor=as_alice, repository=private_app)
        assert actions.request_reconcile(actor=as_alice, repository=private_app) == first
        tasks.work(first.pk)
        assert after(first).state == "done"
        assert actions.request_reconcile(actor=as_alice, repository=private_app) != first

    def test_goes_on_beside_a_round(self, five, registry, as_alice) -> None:
        whole = begin()
        assert leases.claim_run(whole.pk)
        one = actions.request_reconcile(actor=as_alice, repository=five[0])
        assert runs.work_on(one.pk)
        assert after(one).state == "done"

    def test_fails_with_the_reason(self, private_app, registry) -> None:
        registry.away = True
        run = begin(private_app)
        runs.work_on(run.pk)
        assert (after(run).state, run.error) == (
            "failed",
            "The registry does not answer. Please try again in a moment.",
        )

    def test_is_gone_with_its_repository(self, private_app, registry) -> None:
        run = begin(private_app)
        private_app.delete()
        assert runs.work_on(run.pk)


class TestTwoWorkers:
    def test_one_has_a_repository_and_a_late_one_stops(self, private_app, registry, clock, monkeypatch) -> None:
        push(private_app, image(), "1.0")
        registry.hold(NAME, image(), "1.0", "2.0")
        RepositorySync.objects.create(repository=private_app)
        first = leases.claim(private_app.pk)
        assert first is not None
        assert leases.claim(private_app.pk) is None
        later(clock, seconds=61)
        second = leases.claim(private_app.pk)
        assert second is not None
        monkeypatch.setattr(leases, "RENEWED_EVERY", 0.0)
        with Looker(Pace()) as looker:
            assert runs.look(first, None, looker) is None
            assert not Tag.objects.filter(name="2.0").exists()
            assert RepositorySync.objects.get().looked_at.year == 1970
            assert runs.look(second, None, looker) is not None
        assert Tag.objects.filter(name="2.0").exists()


class TestTrying:
    def test_again_after_an_error_ever_more_seldom(self, private_app, registry, clock) -> None:
        registry.away = True
        runs.work_on(begin(private_app).pk)
        waits = []
        for _time in range(8):
            due_at = RepositorySync.objects.get().due_at
            assert due_at is not None
            waits.append((due_at - timezone.now()).total_seconds() / 60)
            clock.move_to(due_at)
            runs.work_on_due()
        assert waits == [5, 10, 20, 40, 80, 160, 320, 360]
        registry.away = False
        clock.move_to(RepositorySync.objects.get().due_at)
        runs.work_on_due()
        row = RepositorySync.objects.get()
        assert (row.failures, row.error, row.due_at) == (0, "", None)


class TestSchedule:
    def test_once_a_day(self, private_app, registry, clock, queued) -> None:
        schedule.sweep()
        run = Run.objects.get()
        assert (run.trigger, run.requested_by_name) == ("schedule", "system")
        assert not Event.objects.filter(action="repo.reconcile").exists()
        runs.work_on(run.pk)
        later(clock, hours=23)
        schedule.sweep()
        assert Run.objects.count() == 1
        later(clock, hours=1)
        schedule.sweep()
        assert Run.objects.count() == 2

    def test_finds_a_run_whose_wake_up_was_lost(self, private_app, registry, clock, queued, committed) -> None:
        run = begin()
        with committed(execute=True):
            tasks.sweep()
        assert queued == [(actions.WORK, (run.pk,))]
        leases.claim_run(run.pk)
        queued.clear()
        with committed(execute=True):
            tasks.sweep()
        assert queued == []

    def test_at_a_new_registry_process(self, private_app, registry, clock) -> None:
        schedule.note_instances(["one", ""])
        assert not Run.objects.exists(), "nothing can be lost before the first"
        schedule.note_instances(["one", "two"])
        run = Run.objects.get()
        assert run.trigger == "instance"
        runs.work_on(run.pk)
        schedule.note_instances(["two"])
        assert Run.objects.count() == 1
        assert set(RegistryInstance.objects.values_list("instance", flat=True)) == {"one", "two"}

    def test_at_a_new_registry_process_a_round_begins_anew(self, five, registry, clock) -> None:
        schedule.note_instances(["one"])
        run = begin()
        runs._prepare(run)
        lease, _left = runs._next(run)
        assert lease is not None
        with Looker(Pace()) as looker:
            runs.look(lease, run, looker)
        later(clock, seconds=5)
        schedule.note_instances(["two"])
        runs.work_on(run.pk)
        assert (after(run).state, run.repositories, run.total) == ("done", 6, 6)

    def test_forgets_what_was_settled_long_ago(self, private_app, registry, clock) -> None:
        registry.hold(NAME, image(), "1.0")
        runs.work_on(begin().pk)
        later(clock, days=29)
        schedule.forget()
        assert (Run.objects.count(), Difference.objects.count()) == (1, 1)
        later(clock, days=2)
        schedule.forget()
        assert (Run.objects.count(), Difference.objects.count()) == (0, 0)


class TestPace:
    def pauses(self, *answers: float) -> list[float]:
        slept: list[float] = []
        pace = Pace(sleep=slept.append)
        for seconds in answers:
            pace.told(seconds)
            pace.wait()
        return slept

    def test_no_pause_while_answers_are_quick(self) -> None:
        assert self.pauses(*[0.003, 0.005, 0.002] * 50) == []

    def test_pauses_while_they_are_slow_and_no_longer_than_that(self) -> None:
        slept = self.pauses(*[0.003] * 20, *[0.1] * 20)
        assert slept
        assert slept == sorted(slept), "the slower, the longer"
        assert not self.pauses(*[0.003] * 20, *[0.1] * 20, *[0.003] * 60)[len(slept) + 30 :]

    def test_never_longer_than_two_seconds(self) -> None:
        assert max(self.pauses(0.003, *[60.0] * 30)) == 2.0

    def test_a_registry_that_became_slower_for_good_is_not_slow_for_ever(self) -> None:
        def answers(count: int) -> Any:
            return [0.003] * 5 + [0.1] * count

        assert len(self.pauses(*answers(5000))) == len(self.pauses(*answers(8000)))
