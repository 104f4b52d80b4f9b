"""Last uses, refusals and wrong passwords: noted in Redis, written once a minute, and done without when it is away."""

import json
from collections import defaultdict
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import redis as redis_py
from django.utils import timezone

from portal.accounts import last_use, tries
from portal.accounts.models import PersonalAccessToken, RefreshToken, User
from portal.accounts.tasks import flush_last_use, free_unconfirmed_names
from portal.events.models import Event
from portal.kit import redis
from tests import factories
from tests.factories.orgs import make_organization
from tests.registry.conftest import Ask, basic

pytestmark = pytest.mark.django_db


class FakeRedis:
    """The few commands that are used, in memory; `rounds` counts what would go over the network."""

    def __init__(self) -> None:
        self.hashes: dict[str, dict[str, str]] = defaultdict(dict)
        self.sets: dict[str, set[str]] = defaultdict(set)
        self.expiries: dict[str, int] = {}
        self.rounds = 0
        self.away = False
        self._answers: list[Any] = []

    def pipeline(self, *, transaction: bool) -> "FakeRedis":
        self._answers = []
        return self

    def execute(self) -> list[Any]:
        self.rounds += 1
        if self.away:
            raise redis_py.ConnectionError
        return self._answers

    def hset(self, key: str, field: Any, value: str) -> None:
        self.hashes[key][str(field)] = value
        self._answers.append(1)

    def hincrby(self, key: str, field: str, by: int) -> None:
        self.hashes[key][field] = str(int(self.hashes[key].get(field, 0)) + by)
        self._answers.append(1)

    def hgetall(self, key: str) -> None:
        self._answers.append(dict(self.hashes[key]))

    def delete(self, key: str) -> None:
        self.hashes.pop(key, None)
        self._answers.append(1)

    def sadd(self, key: str, member: str) -> None:
        self.sets[key].add(member)
        self._answers.append(1)

    def scard(self, key: str) -> None:
        self._answers.append(len(self.sets[key]))

    def expire(self, key: str, seconds: int) -> None:
        self.expiries[key] = seconds
        self._answers.append(1)


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeRedis]:
    store = FakeRedis()
    monkeypatch.setattr(redis, "client", lambda: store)
    monkeypatch.setattr(redis._circuit, "closed_at", 0.0)
    last_use._noted.clear()
    yield store
    last_use._noted.clear()


class TestLastUse:
    def test_of_an_access_token_reaches_its_row(self, ask: Ask, alice, fake) -> None:
        token, secret = factories.make_access_token(alice)
        ask(login="alice", secret=secret)
        rows = PersonalAccessToken.objects.filter(pk=token.pk).values_list("last_used_at", flat=True)
        assert rows.get() is None
        flush_last_use()
        noted = rows.get()
        assert noted is not None
        flush_last_use()
        assert rows.get() == noted

    def test_of_a_refresh_token_too(self, post: Ask, alice, fake) -> None:
        refresh = post(
            grant_type="password", username="alice", password=factories.PASSWORD, access_type="offline"
        ).body["refresh_token"]
        post(grant_type="refresh_token", refresh_token=refresh)
        flush_last_use()
        assert RefreshToken.objects.get().last_used_at is not None

    def test_steady_use_is_noted_now_and_then(self, ask: Ask, alice, fake) -> None:
        _token, secret = factories.make_access_token(alice)
        for _time in range(5):
            ask(login="alice", secret=secret)
        assert fake.rounds == 1

    def test_an_earlier_use_does_not_undo_a_later(self, alice, fake) -> None:
        token, _secret = factories.make_access_token(alice)
        fake.hset(last_use.TOKENS, token.pk, "2000000000.0")
        flush_last_use()
        fake.hset(last_use.TOKENS, token.pk, "1000000000.0")
        flush_last_use()
        token.refresh_from_db()
        assert token.last_used_at is not None
        assert token.last_used_at.year == 2033

    def test_a_token_deleted_meanwhile_is_passed_over(self, fake) -> None:
        fake.hset(last_use.TOKENS, 4711, "1000000000.0")
        flush_last_use()

    def test_memory_is_bounded(self, fake, monkeypatch) -> None:
        monkeypatch.setattr(last_use, "_NOTED_MAX", 3)
        for number in range(10):
            last_use.note_use(access_token_id=number)
        assert len(last_use._noted) == 3


class TestRefusals:
    def test_become_one_event_with_a_count(self, ask: Ask, public_app, bob, fake) -> None:
        for _time in range(3):
            ask("repository:alice/public-app:pull,push", login="bob")
        flush_last_use()
        event = Event.objects.get(action="repo.access_refused")
        assert (event.actor_name, event.namespace, event.target) == ("bob", "alice", "alice/public-app")
        assert event.new == {"actions": ["push"], "count": 3}
        assert event.credential == "password"

    def test_of_a_missing_repository_where_there_is_the_namespace(self, ask: Ask, alice, bob, fake) -> None:
        ask("repository:alice/nothing:pull,push", login="bob")
        flush_last_use()
        event = Event.objects.get(action="repo.access_refused")
        assert (event.namespace, event.target, event.actor_name) == ("alice", "alice/nothing", "bob")
        assert event.new == {"actions": ["pull", "push"], "count": 1}

    @pytest.mark.parametrize("scope", ["repository:nobody-here/nothing:push", "repository:alice/public-app:pull,fly,*"])
    def test_of_nothing_are_none(self, ask: Ask, public_app, bob, fake, scope) -> None:
        ask(scope, login="bob")
        ask("repository:alice/public-app:push")
        flush_last_use()
        assert not Event.objects.filter(action="repo.access_refused").exists()

    def test_of_one_minute_are_bounded(self, bob, fake, monkeypatch) -> None:
        monkeypatch.setattr(last_use, "EVENTS_MAX", 2)
        last_use.note_refusals(factories.actor(bob), {f"alice/app{number}": ("pull",) for number in range(5)})
        flush_last_use()
        assert Event.objects.filter(action="repo.access_refused").count() == 2


class TestWrongPasswords:
    def test_become_an_event_of_the_person(self, ask: Ask, alice, fake) -> None:
        ask(login="alice", secret="wrong")
        ask(login="not-a-name", secret="wrong")
        flush_last_use()
        event = Event.objects.get(action="user.login_failed")
        assert (event.target, event.address, event.new) == ("alice", "127.0.0.1", {"count": 1})

    def test_ten_different_ones_are_enough(self, ask: Ask, alice, bob, fake) -> None:
        for number in range(tries.PER_NAME):
            assert ask(login="alice", secret=f"guess {number}").body["details"] == "incorrect username or password"
        refused = ask(login="alice")
        assert refused.status == 401  # never 429: docker would show a parse error
        assert "too many wrong passwords" in refused.body["details"]
        assert ask(login="bob").status == 200

    def test_of_an_organization_is_recorded_for_its_owners(self, ask: Ask, alice, fake) -> None:
        make_organization(alice)
        assert ask(login="acme", secret="moor_oat_dead").status == 401
        assert ask(login="globex", secret="moor_oat_dead").status == 401
        flush_last_use()
        event = Event.objects.get(action="user.login_failed")
        assert (event.namespace, event.target, event.new) == ("acme", "acme", {"count": 1})

    def test_an_access_token_and_a_remembered_password_still_work(self, ask: Ask, alice, fake) -> None:
        assert ask(login="alice").status == 200
        _token, secret = factories.make_access_token(alice)
        for number in range(tries.PER_NAME):
            ask(login="alice", secret=f"guess {number}")
        assert ask(login="alice").status == 200
        assert ask(login="alice", secret=secret).status == 200

    def test_the_same_one_counts_once(self, ask: Ask, post: Ask, alice, fake) -> None:
        """containerd tries by POST, then by GET; a build farm tries an old password all day."""
        for _time in range(tries.PER_NAME):
            post(grant_type="password", username="alice", password="old")
            ask(login="alice", secret="old")
        assert ask(login="alice").status == 200

    def test_one_address_cannot_try_all_names(self, alice, fake, monkeypatch, ask: Ask) -> None:
        monkeypatch.setattr(tries, "PER_ADDRESS", 3)
        for number in range(3):
            ask(login=f"name{number}", secret="wrong")
        assert "too many" in ask(login="alice").body["details"]

    def test_docker_search_counts_too(self, client, alice, fake) -> None:
        for number in range(tries.PER_NAME):
            client.get("/v1/search", headers=basic("alice", f"guess {number}"))
        assert "too many" in client.get("/v1/search", headers=basic("alice")).json()["details"]

    def test_what_is_stored_is_no_password_and_goes_away(self, ask: Ask, alice, fake) -> None:
        ask(login="alice", secret="nearly right")
        (marks,) = {frozenset(marks) for marks in fake.sets.values()}
        assert [len(mark) for mark in marks] == [4]
        assert set(fake.expiries.values()) == {tries.WINDOW}
        assert "nearly" not in json.dumps(fake.hashes)


class TestRedisAway:
    def test_costs_one_try_and_nothing_else(self, ask: Ask, alice, private_app, fake, caplog) -> None:
        _token, secret = factories.make_access_token(alice)
        fake.away = True
        for _time in range(3):
            last_use._noted.clear()
            assert ask("repository:alice/private-app:pull", login="alice", secret=secret).status == 200
            assert ask(login="alice", secret="wrong").status == 401
        assert fake.rounds == 1
        flush_last_use()

    def test_it_is_asked_again_after_a_pause(self, fake, monkeypatch) -> None:
        fake.away = True
        assert redis.run(lambda pipeline: None) is None
        fake.away = False
        monkeypatch.setattr(redis._circuit, "closed_at", 0.0)
        assert redis.run(lambda pipeline: None) == []

    def test_the_real_client_gives_up_at_once(self, monkeypatch) -> None:
        monkeypatch.setattr(redis._circuit, "closed_at", 0.0)
        assert redis.run(lambda pipeline: pipeline.get("x")) is None


def test_the_hourly_task_frees_names(eve) -> None:
    User.objects.filter(pk=eve.pk).update(date_joined=timezone.now() - timedelta(days=8))
    free_unconfirmed_names()
    assert not User.objects.filter(username="eve").exists()
