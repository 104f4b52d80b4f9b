"""Many tags are deleted by a job, and brought back by another; a worker may die in between. At a real registry."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from portal.accounts.actor import Actor
from portal.accounts.models import PersonalAccessToken
from portal.kit.errors import Conflict, Forbidden, Invalid, NotFound
from repositories.deletion import bulk, bulk_actions
from repositories.deletion.bulk_filter import Selection
from repositories.deletion.models import BulkDeletion, BulkItem
from repositories.images import intents, tag_actions
from repositories.images.models import PushIntent, Tag
from repositories.images.reconcile import add
from repositories.models import Grant, Repository
from repositories.registry import client
from tests import factories
from tests.deletion.conftest import NAME, digest_of, events

pytestmark = pytest.mark.django_db
Why = BulkItem.Why


def start(actor: Actor, repository: Repository, *names: str, expected: int = 1_000, **chosen: Any) -> BulkDeletion:
    selection = Selection(names=names, **chosen)
    return bulk_actions.start_deletion(actor=actor, repository=repository, selection=selection, expected=expected)


def work(job: BulkDeletion) -> BulkDeletion:
    """As if no lease were held."""
    BulkDeletion.objects.filter(pk=job.pk).update(leased_until=timezone.now())
    bulk.sweep()
    job.refresh_from_db()
    return job


def result(job: BulkDeletion) -> tuple[str, int, int, int]:
    job.refresh_from_db()
    return job.state, job.total, job.done, job.skipped


def skipped(job: BulkDeletion) -> dict[str, str]:
    return dict(job.items.filter(state="skipped").values_list("tag", "why"))


class TestDeleting:
    def test_takes_each_tag_with_its_history_and_event(self, app, registry, as_alice, queued) -> None:
        job = start(as_alice, app, name="0")
        assert (job.total, job.selection) == (2, {"name": "0"})
        work(job)
        assert result(job) == ("done", 2, 2, 0)
        assert job.finished_at is not None
        assert registry.tags(NAME) == ["stable"]
        assert sorted(events("repo.")[1:]) == [
            ("repo.bulk.delete", NAME),
            ("repo.tag.delete", f"{NAME}:1.0"),
            ("repo.tag.delete", f"{NAME}:2.0"),
        ]
        told = app.tag_history.latest("id")
        assert (told.actor_name, told.client) == ("alice", f"Moorage job {job.pk}")

    def test_leaves_what_came_after_the_look(self, app, registry, as_alice) -> None:
        looked = timezone.now()
        add(app, registry.hold(NAME, "3.0", text="three"), tag="3.0")
        work(start(as_alice, app, pattern=r"\d\.0", as_of=looked))
        assert registry.tags(NAME) == ["3.0", "stable"]

    def test_skips_what_moved_went_or_is_immutable_and_says_so(self, app, registry, as_alice) -> None:
        Repository.objects.filter(pk=app.pk).update(immutability="matching", immutable_rules=["stable"])
        add(app, digest_of("2.0"), tag="gone")
        registry.hold(NAME, "gone", text="new")
        job = start(as_alice, app, "1.0", "2.0", "stable", "gone")
        job.repository = app
        bulk._write_down(job)
        tag_actions.copy_tag(actor=as_alice, source=app, reference="2.0", repository=app, tag="1.0")
        tag_actions.delete_tag(actor=as_alice, repository=app, tag="gone")
        work(job)
        assert skipped(job) == {"1.0": Why.MOVED, "stable": Why.IMMUTABLE, "gone": Why.GONE}
        assert result(job) == ("done", 4, 1, 3)
        assert registry.tags(NAME) == ["1.0", "stable"]

    def test_stops_when_who_started_it_lost_the_right(self, app, registry, as_alice, bob) -> None:
        grant = Grant.objects.create(namespace=app.namespace, pattern=app.name, user=bob, role=Grant.Role.ADMIN)
        job = start(factories.actor(bob), app, "1.0", "2.0")
        grant.delete()
        work(job)
        assert (job.state, job.problem) == ("stopped", "right")
        assert registry.tags(NAME) == ["1.0", "2.0", "stable"]

    def test_stops_when_the_token_that_started_it_is_revoked(self, app, registry, alice) -> None:
        job = start(factories.token_actor(alice), app, "1.0")
        PersonalAccessToken.objects.all().delete()
        work(job)
        assert (job.state, job.problem) == ("stopped", "right")
        assert registry.digest(NAME, "1.0")

    def test_waits_for_a_registry_that_is_away(self, app, registry, as_alice) -> None:
        job = start(as_alice, app, "1.0")
        registry.stop()
        work(job)
        assert (job.state, job.leased_until > timezone.now()) == ("running", True)
        registry.start()
        PushIntent.objects.filter(state="open").update(state="refused")
        assert result(work(job)) == ("done", 1, 1, 0)

    def test_stops_where_the_registry_deletes_nothing(self, app, registry, as_alice) -> None:
        registry.stop()
        registry.deletes = False
        registry.start()
        job = work(start(as_alice, app, "1.0"))
        assert (job.state, job.problem) == ("stopped", "off")
        assert registry.tags(NAME) == ["1.0", "2.0", "stable"]

    def test_is_cancelled_in_between(self, app, registry, as_alice, monkeypatch) -> None:
        job = start(as_alice, app, "1.0", "2.0", "stable")
        whole = bulk._do

        def cancelled(job: BulkDeletion, item: BulkItem) -> None:
            whole(job, item)
            bulk_actions.cancel(actor=as_alice, repository=app, job_id=job.pk)

        monkeypatch.setattr(bulk, "_do", cancelled)
        work(job)
        assert result(job) == ("cancelled", 3, 1, 0)
        assert len(registry.tags(NAME)) == 2
        assert ("repo.bulk.cancel", NAME) in events("repo.bulk")

    def test_goes_on_after_a_worker_was_killed_at_any_request(self, app, registry, as_alice, monkeypatch) -> None:
        """What it had done and not said is known by the history; what it had begun is settled by the sweep."""
        job = start(as_alice, app, "1.0", "2.0", "stable")
        send = client._send
        left = killed = 0

        class Killed(BaseException):
            pass

        def dies(*args: Any, **options: Any) -> Any:
            nonlocal left
            response = send(*args, **options)
            left -= 1
            if left == 0:
                raise Killed
            return response

        monkeypatch.setattr(client, "_send", dies)
        while job.state == "running":
            left = killed + 1
            try:
                work(job)
            except Killed:
                killed += 1
                PushIntent.objects.filter(state="open").update(leased_until=timezone.now())
                left = 0
                intents.sweep()
            job.refresh_from_db()
        assert killed >= 3
        assert result(job) == ("done", 3, 3, 0)
        assert registry.tags(NAME) == []
        assert len(events("repo.tag.delete")) == 3


class TestWhoMay:
    def test_start_one(self, app, bob, as_alice) -> None:
        with pytest.raises(NotFound):
            start(factories.actor(bob), app, "1.0")
        Grant.objects.create(namespace=app.namespace, pattern=app.name, user=bob, role=Grant.Role.WRITE)
        with pytest.raises(Forbidden):
            start(factories.actor(bob), app, "1.0")

    def test_only_one_at_a_time(self, app, as_alice) -> None:
        start(as_alice, app, "1.0")
        with pytest.raises(Conflict, match="under way"):
            start(as_alice, app, "2.0")

    def test_not_more_than_were_told(self, app, as_alice) -> None:
        with pytest.raises(Conflict, match="3 tags match by now, not 2"):
            start(as_alice, app, expected=2)
        with pytest.raises(Invalid, match="No tag matches"):
            start(as_alice, app, name="nothing")

    def test_two_workers_share_nothing(self, app, as_alice) -> None:
        job = start(as_alice, app, "1.0")
        assert bulk._claim(job.pk) is not None
        assert bulk._claim(job.pk) is None


class TestUndoing:
    def test_brings_all_back_that_can_come_back(self, app, registry, as_alice) -> None:
        one, two = digest_of("1.0"), digest_of("2.0")
        job = work(start(as_alice, app, "1.0", "2.0", "stable"))
        add(app, registry.hold(NAME, "stable", text="another"), tag="stable")
        back = bulk_actions.start_restoration(actor=as_alice, repository=app, job_id=job.pk)
        work(back)
        assert result(back) == ("done", 3, 2, 1)
        assert skipped(back) == {"stable": Why.TAKEN}
        assert (registry.digest(NAME, "1.0"), registry.digest(NAME, "2.0")) == (one, two)
        assert Tag.objects.filter(repository=app).count() == 3

    def test_says_what_left_the_registry(self, app, registry, as_alice) -> None:
        job = work(start(as_alice, app, "2.0"))
        digest = job.items.get().digest
        client.delete_manifest(NAME, digest, subject="")
        back = work(bulk_actions.start_restoration(actor=as_alice, repository=app, job_id=job.pk))
        assert skipped(back) == {"2.0": Why.PURGED}

    def test_ends_with_the_window(self, app, as_alice) -> None:
        job = work(start(as_alice, app, "2.0"))
        BulkDeletion.objects.update(finished_at=timezone.now() - timedelta(days=8))
        with pytest.raises(Conflict, match="Nothing can be restored"):
            bulk_actions.start_restoration(actor=as_alice, repository=app, job_id=job.pk)


def test_old_items_are_forgotten_and_the_job_stays(app, as_alice) -> None:
    job = work(start(as_alice, app, "2.0"))
    bulk.forget()
    assert job.items.count() == 1
    BulkDeletion.objects.update(finished_at=timezone.now() - timedelta(days=91))
    bulk.forget()
    assert (job.items.count(), result(job)) == (0, ("done", 1, 1, 0))
