"""Who was seen when, and from where each credential was last used: noted now and then, written once a minute."""

from collections import OrderedDict
from typing import Any

import pytest
from django.test import Client

from portal.accounts import last_use
from portal.accounts.models import OrganizationAccessToken, PersonalAccessToken, RefreshToken, User
from portal.accounts.shown import client_words
from tests import factories
from tests.api.world import bearer
from tests.conftest import signed_in
from tests.factories.orgs import make_organization
from tests.factories.robots import make_robot
from tests.registry.test_last_use import FakeRedis, fake

__all__ = ["fake"]
pytestmark = pytest.mark.django_db
DOCKER = "docker/28.2.2 go/go1.24.3"
FROM = {"User-Agent": DOCKER, "X-Forwarded-For": "203.0.113.7"}


def ask_api(secret: str, path: str = "repositories/namespaces") -> None:
    assert Client().get(f"/v2/{path}", headers={**bearer(secret), **FROM}).status_code == 200


def where(row: Any) -> tuple[bool, str, str]:
    row.refresh_from_db()
    return row.last_used_at is not None, row.last_used_address, row.last_used_client


def test_a_personal_token_and_its_owner(alice: User, fake: FakeRedis) -> None:
    token, secret = factories.make_access_token(alice)
    ask_api(secret)
    assert fake.rounds == 1
    assert where(token) == (False, "", "")
    last_use.flush()
    assert where(token) == (True, "203.0.113.7", DOCKER)
    alice.refresh_from_db()
    assert alice.last_seen_at == token.last_used_at


def test_an_organizations_token(alice: User, fake: FakeRedis) -> None:
    token, secret = make_robot(alice, make_organization(alice), "pull")
    other, _secret = factories.make_access_token(alice)
    ask_api(secret)
    last_use.flush()
    assert where(token) == (True, "203.0.113.7", DOCKER)
    assert not PersonalAccessToken.objects.exclude(last_used_at=None).exists()
    assert where(other)[0] is False
    alice.refresh_from_db()
    assert alice.last_seen_at is None


def test_a_refresh_token(alice: User, fake: FakeRedis) -> None:
    row = RefreshToken.objects.create(user=alice, service="moorage", hash="0" * 64)
    last_use.note_use(refresh_token_id=row.pk, user_id=alice.pk, address="203.0.113.7", client=DOCKER)
    assert fake.rounds == 1
    last_use.flush()
    assert where(row) == (True, "203.0.113.7", DOCKER)


def test_a_bearer_token_counts_for_the_token_behind_it(alice: User, fake: FakeRedis) -> None:
    token, secret = factories.make_access_token(alice)
    answer = Client().post("/v2/auth/token", {"identifier": "alice", "secret": secret}, "application/json")
    last_use.flush()
    noted = where(token)
    assert noted[0]
    last_use._noted.clear()
    ask_api(answer.json()["access_token"])
    last_use.flush()
    assert where(token) == (True, "203.0.113.7", DOCKER)


def test_pages_note_their_reader_once_in_five_minutes(
    alice: User, fake: FakeRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, now = signed_in(alice), [1000.0]
    monkeypatch.setattr("portal.accounts.last_use.time.monotonic", lambda: now[0])
    for seconds, rounds in ((0, 1), (200, 1), (99, 1), (2, 2)):
        now[0] += seconds
        assert client.get("/accounts/tokens/").status_code == 200
        assert fake.rounds == rounds
    last_use.flush()
    alice.refresh_from_db()
    assert alice.last_seen_at is not None


def test_a_visitor_is_not_noted(db: None, fake: FakeRedis) -> None:
    Client().get("/")
    assert fake.rounds == 0


def test_only_what_is_due_is_noted(alice: User, fake: FakeRedis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(last_use, "_noted", OrderedDict())
    last_use.note_use(access_token_id=1, user_id=2)
    last_use.note_use(access_token_id=1, user_id=2, organization_token_id=3)
    assert fake.rounds == 2
    assert set(fake.hashes[last_use.ROBOTS]) == {"3"}
    last_use.note_use(access_token_id=1, user_id=2, organization_token_id=3)
    assert fake.rounds == 2


def test_odd_clients_do_no_harm(alice: User, fake: FakeRedis) -> None:
    token, _secret = factories.make_access_token(alice)
    last_use.note_use(access_token_id=token.pk, address="x" * 99, client="\0" + "y" * 999)
    last_use.flush()
    used, address, client = where(token)
    assert (used, address, client) == (True, "x" * 45, "y" * 255)


def test_a_robot_that_is_gone_is_passed_over(fake: FakeRedis, db: None) -> None:
    last_use.note_use(organization_token_id=4711, user_id=4711, refresh_token_id=4711, access_token_id=4711)
    last_use.flush()
    assert not OrganizationAccessToken.objects.exists()


@pytest.mark.parametrize(
    ("client", "words"),
    [
        (DOCKER, "docker 28.2.2"),
        ("Mozilla/5.0 (X11; Linux x86_64) Firefox/140", "a browser"),
        ("curl/8.5.0", "curl 8.5.0"),
        ("containers/5.24.1 (github.com/containers/image)", "containers 5.24.1"),
        ("Terraform", "Terraform"),
        ("x" * 99, "x" * 40),
        ("", ""),
    ],
)
def test_clients_in_few_words(client: str, words: str) -> None:
    assert client_words(client) == words
