"""Names and secrets become actors, or one and the same refusal."""

import pytest
from django.contrib.auth.hashers import check_password, make_password
from django.utils import timezone

from portal.accounts import credentials
from portal.accounts.actor import CredentialKind
from portal.accounts.credentials import authenticate, password_matches
from portal.accounts.models import TokenLevel
from portal.kit.errors import Unauthorized
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _forget() -> None:
    credentials._remembered.clear()


@pytest.mark.parametrize("login", ["alice", "Alice", "alice@example.org", "ALICE@example.org"])
def test_name_or_address_with_the_password(alice, login, django_assert_num_queries) -> None:
    with django_assert_num_queries(1):
        actor = authenticate(login, factories.PASSWORD)
    assert (actor.name, actor.confirmed, actor.credential.kind) == ("alice", True, CredentialKind.PASSWORD)


def test_an_unconfirmed_account_signs_in_and_is_known_as_such(eve) -> None:
    assert not authenticate("eve", factories.PASSWORD).confirmed


def test_an_address_that_was_not_confirmed_is_no_login(eve) -> None:
    """Else somebody could take another's address as theirs and wait for its owner to type a password."""
    with pytest.raises(Unauthorized):
        authenticate("eve@example.org", factories.PASSWORD)


def test_an_access_token_in_place_of_the_password(alice, django_assert_num_queries) -> None:
    token, secret = factories.make_access_token(alice, TokenLevel.READ, label="ci")
    with django_assert_num_queries(1):
        actor = authenticate("alice", secret)
    assert (actor.credential.kind, actor.credential.level) == (CredentialKind.ACCESS_TOKEN, TokenLevel.READ)
    assert (actor.credential.id, actor.credential_label) == (token.pk, "personal access token: ci")
    assert authenticate("alice@example.org", secret).name == "alice"


def test_every_refusal_reads_the_same(alice, bob) -> None:
    token, secret = factories.make_access_token(alice)
    _off, off = factories.make_access_token(alice)
    _old, old = factories.make_access_token(alice)
    type(token).objects.filter(pk=_off.pk).update(is_active=False)
    type(token).objects.filter(pk=_old.pk).update(expires_at=timezone.now())
    tries = [
        ("alice", "wrong"),
        ("alice", ""),
        ("nobody", factories.PASSWORD),
        ("", ""),
        ("bob", secret),
        ("alice", secret + "x"),
        ("alice", off),
        ("alice", old),
        ("alice", token.hash),
        ("alice", alice.password),
        ("alice\0", factories.PASSWORD.upper()),
    ]
    sentences = set()
    for login, given in tries:
        with pytest.raises(Unauthorized) as caught:
            authenticate(login, given)
        sentences.add(str(caught.value))
    assert sentences == {"incorrect username or password"}


def test_a_person_who_was_switched_off_is_refused_with_everything(alice) -> None:
    _token, secret = factories.make_access_token(alice)
    alice.is_active = False
    alice.save()
    for given in (factories.PASSWORD, secret):
        with pytest.raises(Unauthorized):
            authenticate("alice", given)


class TestRememberedPasswords:
    def test_are_hashed_once_per_process(self, monkeypatch) -> None:
        encoded = make_password("right")
        calls: list[str] = []

        def counted(password: str, encoded: str) -> bool:
            calls.append(password)
            return check_password(password, encoded)

        monkeypatch.setattr("portal.accounts.credentials.check_password", counted)
        assert password_matches("right", encoded)
        assert password_matches("right", encoded)
        assert len(calls) == 1
        assert not password_matches("wrong", encoded)
        assert not password_matches("wrong", encoded)
        assert len(calls) == 3

    def test_are_forgotten_when_the_password_changes(self, alice) -> None:
        assert authenticate("alice", factories.PASSWORD).name == "alice"
        alice.set_password("another one")
        alice.save()
        with pytest.raises(Unauthorized):
            authenticate("alice", factories.PASSWORD)
        assert authenticate("alice", "another one").name == "alice"

    def test_are_bounded_and_not_kept_in_clear(self, monkeypatch) -> None:
        monkeypatch.setattr(credentials, "_REMEMBERED_MAX", 3)
        for number in range(5):
            assert password_matches(f"secret-{number}", make_password(f"secret-{number}"))
        assert len(credentials._remembered) == 3
        assert b"secret" not in b"".join(credentials._remembered)


def test_a_password_stamp_changes_with_the_password(alice) -> None:
    before = credentials.password_stamp(alice)
    assert before == credentials.password_stamp(alice)
    alice.set_password("another one")
    assert credentials.password_stamp(alice) != before
