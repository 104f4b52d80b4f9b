"""What the registry has no more must be missing twice, and much of it at once is for an operator to decide about."""

from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone

from portal.accounts.actor import ANONYMOUS, SYSTEM
from portal.events.models import Event
from portal.kit.errors import NotFound, Unauthorized
from repositories.images.models import Manifest, Tag, TagHistory
from repositories.models import Repository
from repositories.sync import actions, reads
from repositories.sync.models import Difference, RepositorySync
from tests import factories
from tests.images.fake_registry import FakeRegistry, digest_of, image
from tests.sync.conftest import NAME, later, look, push, try_to_look


@pytest.fixture
def ten_tags(private_app: Repository, registry: FakeRegistry, clock: Any) -> Repository:
    """Known here, and in the registry."""
    names = [f"1.{number}" for number in range(10)]
    push(private_app, image(), *names)
    registry.hold(NAME, image(), *names)
    look(private_app)
    return private_app


def lose(registry, *tags: str) -> None:
    for tag in tags:
        del registry.manifests[NAME, tag]
        registry.tags[NAME].remove(tag)


def empty(registry) -> None:
    registry.manifests.clear()
    registry.tags.clear()


def states() -> dict[str, str]:
    return dict(Difference.objects.filter(kind="missing_tag").values_list("tag", "state"))


def count() -> int:
    kept = Tag.objects.count()
    assert kept == Repository.objects.get(full_name=NAME).tag_count
    return kept


class TestTwoLooks:
    def test_one_changes_nothing_and_the_second_removes(self, ten_tags, registry, clock) -> None:
        lose(registry, "1.3")
        assert look(ten_tags).waiting == ["1.3"]
        assert (count(), states()) == (10, {"1.3": "waiting"})
        due_at = RepositorySync.objects.get().due_at
        assert due_at is not None
        clock.move_to(due_at)
        assert look(ten_tags).removed == ["1.3"]
        assert (count(), states()) == (9, {"1.3": "repaired"})
        last = TagHistory.objects.order_by("-id")[0]
        assert (last.tag, last.action, last.digest, last.actor_name) == ("1.3", "lost", digest_of(image()), "")
        assert not Event.objects.filter(action="repo.tag.delete").exists()
        assert RepositorySync.objects.get().due_at is None

    def test_two_at_once_are_one(self, ten_tags, registry, clock) -> None:
        lose(registry, "1.3")
        look(ten_tags)
        later(clock, minutes=9)
        assert look(ten_tags).waiting == ["1.3"]
        assert count() == 10
        later(clock, minutes=1)
        look(ten_tags)
        assert count() == 9

    def test_one_that_is_back_in_between_begins_anew(self, ten_tags, registry, clock) -> None:
        lose(registry, "1.3")
        look(ten_tags)
        registry.hold(NAME, image(), "1.3")
        later(clock, minutes=11)
        look(ten_tags)
        assert states() == {"1.3": "gone"}
        lose(registry, "1.3")
        later(clock, minutes=11)
        assert look(ten_tags).waiting == ["1.3"]
        assert count() == 10

    def test_one_that_was_pushed_anew_in_between_begins_anew(self, ten_tags, registry, clock) -> None:
        lose(registry, "1.3")
        look(ten_tags)
        push(ten_tags, image("new"), "1.3")
        later(clock, minutes=11)
        assert look(ten_tags).waiting == ["1.3"]
        assert count() == 10

    def test_a_look_that_fails_is_none(self, ten_tags, registry, clock) -> None:
        lose(registry, "1.3")
        look(ten_tags)
        later(clock, minutes=11)
        registry.away = True
        try_to_look(ten_tags)
        assert (count(), states()) == (10, {"1.3": "waiting"})

    def test_what_is_left_out_of_the_listing_and_there_is_not_missing(self, ten_tags, registry, clock) -> None:
        registry.tags[NAME].remove("1.3")
        for _look in range(2):
            assert look(ten_tags).waiting == []
            later(clock, minutes=11)
        assert count() == 10

    def test_a_push_between_the_look_and_the_removal_wins(self, ten_tags, registry, clock, monkeypatch) -> None:
        lose(registry, "1.3")
        look(ten_tags)
        later(clock, minutes=11)
        real = registry.list_tags

        def pushed_meanwhile(name: str):
            push(ten_tags, image(), "1.3")  # the same image again
            return real(name)

        monkeypatch.setattr("repositories.registry.client.list_tags", pushed_meanwhile)
        assert look(ten_tags).removed == []
        assert count() == 10


class TestTooMany:
    def test_of_one_repository_are_held(self, ten_tags, registry, clock) -> None:
        lose(registry, *[f"1.{number}" for number in range(6)])
        for _look in range(3):
            assert len(look(ten_tags).held) == 6
            later(clock, minutes=11)
        assert (count(), set(states().values())) == (10, {"held"})
        plan = reads.held_plan()
        assert (plan.tags, plan.repositories) == (6, 1)
        assert (plan.rows[0].full_name, plan.rows[0].tags, plan.rows[0].missing) == (NAME, 10, 6)

    @pytest.mark.parametrize("listing", ["empty", "unknown"])
    def test_all_of_it_however_few_they_are(self, private_app, registry, clock, listing) -> None:
        push(private_app, image(), "1.0")
        if listing == "empty":
            registry.tags[NAME] = []
        for _look in range(3):
            assert look(private_app).held == ["1.0"]
            later(clock, minutes=11)
        assert count() == 1

    def test_of_all_repositories_in_a_day_are_held(self, ten_tags, alice, registry, clock) -> None:
        """Each repository within its own share; together too many."""
        others = [factories.make_repository(alice, f"other-{number}") for number in range(3)]
        for other in others:
            for number in range(10):
                push(other, image(), f"1.{number}")
                registry.hold(other.full_name, image(), f"1.{number}")
            for number in range(3):
                del registry.manifests[other.full_name, f"1.{number}"]
            look(other)
        later(clock, minutes=11)
        assert [len(look(other).removed) for other in others] == [3, 3, 0], "8 of 40 may go"
        assert Difference.objects.filter(repository=others[2], state="held").count() == 3

    def test_what_comes_back_is_asked_about_no_more(self, ten_tags, registry, clock) -> None:
        before = dict(registry.manifests), {name: list(tags) for name, tags in registry.tags.items()}
        empty(registry)
        look(ten_tags)
        registry.manifests, registry.tags = before
        look(ten_tags)
        assert (count(), set(states().values())) == (10, {"gone"})


class TestDeciding:
    @pytest.fixture
    def held(self, ten_tags: Repository, registry: FakeRegistry, clock: Any) -> Repository:
        empty(registry)
        look(ten_tags)
        later(clock, minutes=11)
        return ten_tags

    @pytest.fixture
    def operator(self, db):
        olga = factories.make_user("olga")
        olga.is_superuser = True
        olga.save()
        return factories.actor(olga)

    def ids(self) -> list[int]:
        return list(Difference.objects.filter(state="held").values_list("pk", flat=True))

    def test_what_is_approved_goes_at_the_next_look(self, held, registry, operator) -> None:
        assert actions.approve(actor=operator, difference_ids=self.ids()[:4]) == 4
        assert RepositorySync.objects.get().due_at == timezone.now()
        assert len(look(held).removed) == 4
        assert count() == 6
        event = Event.objects.get(action="repo.reconcile.approve")
        assert (event.actor_name, event.target, event.new) == ("olga", NAME, {"tags": 4})

    def test_what_is_approved_and_back_stays(self, held, registry, operator) -> None:
        actions.approve_all(actor=operator)
        registry.hold(NAME, image(), *[f"1.{number}" for number in range(10)])
        assert look(held).removed == []
        assert (count(), set(states().values())) == (10, {"gone"})

    def test_what_is_approved_after_one_look_waits_for_the_second(self, ten_tags, registry, clock, operator) -> None:
        empty(registry)
        look(ten_tags)
        actions.approve_all(actor=operator)
        assert look(ten_tags).removed == []
        assert (
            RepositorySync.objects.get().due_at
            == Difference.objects.all()[0].first_seen_at + settings.RECONCILE_SECOND_LOOK
        )
        later(clock, minutes=10)
        assert len(look(ten_tags).removed) == 10

    def test_an_approval_during_a_look_is_not_forgotten(self, held, registry, operator, monkeypatch, clock) -> None:
        def approved_meanwhile(name: str):
            later(clock, seconds=1)
            actions.approve_all(actor=operator)
            return iter(())

        with monkeypatch.context() as patched:
            patched.setattr("repositories.registry.client.list_tags", approved_meanwhile)
            look(held)
        assert RepositorySync.objects.get().due_at is not None or count() == 0

    def test_what_is_dismissed_stays_and_is_not_asked_again(self, held, registry, operator, clock) -> None:
        assert actions.dismiss_all(actor=operator) == 10
        for _look in range(2):
            report = look(held)
            assert (report.held, report.removed) == ([], [])
            later(clock, minutes=11)
        assert (count(), set(states().values())) == (10, {"dismissed"})
        assert actions.approve(actor=operator, difference_ids=[Difference.objects.all()[0].pk]) == 1

    def test_is_for_operators(self, held, as_alice) -> None:
        for decide in (actions.approve, actions.dismiss):
            with pytest.raises(NotFound):
                decide(actor=as_alice, difference_ids=self.ids())
            with pytest.raises(Unauthorized):
                decide(actor=ANONYMOUS, difference_ids=self.ids())
        assert set(states().values()) == {"held"}

    def test_by_the_system_is_no_approval_of_what_waits(self, ten_tags, registry, clock) -> None:
        lose(registry, "1.3")
        look(ten_tags)
        assert actions.approve_all(actor=SYSTEM) == 0


class TestManifests:
    def test_an_untagged_one_is_marked_at_the_second_look(self, private_app, registry, clock) -> None:
        old = push(private_app, image("old"), "1.0")
        push(private_app, image("new"), "1.0")
        registry.hold(NAME, image("new"), "1.0")
        look(private_app)
        assert Manifest.objects.get(digest=old).missing_since is None
        later(clock, minutes=11)
        look(private_app)
        row = Manifest.objects.get(digest=old)
        assert row.missing_since == Difference.objects.get(kind="missing_manifest").first_seen_at
        later(clock, minutes=11)
        look(private_app)
        assert Difference.objects.count() == 1, "not told again"
        registry.hold(NAME, image("old"))
        look(private_app)
        assert Manifest.objects.get(digest=old).missing_since is None

    def test_says_nothing_of_an_emptied_registry(self, private_app, registry, clock) -> None:
        push(private_app, image("old"), "1.0")
        push(private_app, image("new"), "1.0")
        for _look in range(2):
            look(private_app)
            later(clock, minutes=11)
        assert not Manifest.objects.filter(missing_since__isnull=False).exists()
