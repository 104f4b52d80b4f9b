"""The cast: Alice owns, Bob reads what is public, Charlie is a stranger; Eve's address is not confirmed."""

import pytest
from django.core.cache import cache
from django.test import Client
from hypothesis import HealthCheck, settings

from portal.accounts.actor import Actor
from portal.accounts.models import User
from repositories.models import Repository
from tests import factories

# A busy machine is no failure of what is tested.
settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")


@pytest.fixture(autouse=True)
def _empty_cache() -> None:
    """Rate limits count in the cache; one test's tries are not another's."""
    cache.clear()


@pytest.fixture(autouse=True)
def queued(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, tuple[int | str, ...]]]:
    """What would have been sent to Celery, as (task, arguments); only the real stack has a broker."""
    sent: list[tuple[str, tuple[int | str, ...]]] = []
    monkeypatch.setattr("portal.kit.jobs._send", lambda name, args: sent.append((name, args)))
    return sent


@pytest.fixture
def alice(db: None) -> User:
    return factories.make_user("alice")


@pytest.fixture
def bob(db: None) -> User:
    return factories.make_user("bob")


@pytest.fixture
def charlie(db: None) -> User:
    return factories.make_user("charlie")


@pytest.fixture
def eve(db: None) -> User:
    return factories.make_user("eve", confirmed=False)


@pytest.fixture
def as_alice(alice: User) -> Actor:
    return factories.actor(alice)


@pytest.fixture
def as_bob(bob: User) -> Actor:
    return factories.actor(bob)


@pytest.fixture
def public_app(alice: User) -> Repository:
    return factories.make_repository(alice, "public-app", visibility="public")


@pytest.fixture
def private_app(alice: User) -> Repository:
    return factories.make_repository(alice, "private-app", visibility="private")


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def alices_client(alice: User) -> Client:
    return signed_in(alice)


@pytest.fixture
def bobs_client(bob: User) -> Client:
    return signed_in(bob)
