"""What happens to an account stands in its log: sign-ins and refused ones, passwords, addresses, tokens."""

import re
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.test import Client

from portal.accounts import last_use
from portal.accounts.models import User
from portal.events.models import Event
from tests import factories
from tests.api.world import call
from tests.conftest import signed_in
from tests.registry.test_last_use import FakeRedis, fake

__all__ = ["fake"]
CHROME = {"User-Agent": "Mozilla/5.0 (X11) Chrome/140", "X-Forwarded-For": "203.0.113.7"}
NEW_PASSWORD = "an even better battery"


def sign_in(login: str, password: str = factories.PASSWORD) -> Any:
    return Client(headers=CHROME).post("/accounts/login/", {"login": login, "password": password})


def events(action: str) -> list[Event]:
    return list(Event.objects.filter(action=action).order_by("id"))


@pytest.mark.parametrize("login", ["alice", "alice@example.org"])
def test_a_sign_in_with_the_browser(alice: User, login: str) -> None:
    assert sign_in(login).status_code == 302
    (event,) = events("user.login")
    assert (event.actor_name, event.actor_id, event.namespace) == ("alice", alice.public_id, "alice")
    assert (event.credential, event.address, event.client) == ("session", "203.0.113.7", CHROME["User-Agent"])


@pytest.mark.parametrize(("path", "names"), [("auth/token", "identifier secret"), ("users/login", "username password")])
def test_a_sign_in_through_the_api_says_with_what(alice: User, path: str, names: str) -> None:
    _token, secret = factories.make_access_token(alice, label="ci")
    login, password = names.split()
    for given in (factories.PASSWORD, secret, "wrong"):
        call("POST", path, {login: "alice", password: given})
    assert [event.credential for event in events("user.login")] == ["password", "personal access token: ci"]
    assert secret not in str(Event.objects.values_list("new", "old", "credential"))


def test_a_sign_out(alice: User) -> None:
    assert signed_in(alice).post("/accounts/logout/").status_code == 302
    assert [event.actor_name for event in events("user.logout")] == ["alice"]


@pytest.mark.parametrize("login", ["alice", "ALICE@example.org"])
def test_a_wrong_password_at_the_browser(alice: User, fake: FakeRedis, login: str) -> None:
    for name in (login, login, "nobody", "nobody@example.org", "x\0y"):
        assert sign_in(name, "wrong").status_code == 200
    last_use.flush()
    (event,) = events("user.login_failed")
    assert (event.target, event.namespace, event.address, event.new) == ("alice", "alice", "203.0.113.7", {"count": 2})
    assert not events("user.login")


def test_a_changed_password(alice: User) -> None:
    form = {"oldpassword": factories.PASSWORD, "password1": NEW_PASSWORD, "password2": NEW_PASSWORD}
    assert signed_in(alice).post("/accounts/password/change/", form).status_code == 302
    (event,) = events("user.password.change")
    assert (event.actor_name, event.old, event.new) == ("alice", {}, {})


def test_a_password_that_was_reset_by_mail(alice: User) -> None:
    client = Client()
    client.post("/accounts/password/reset/", {"email": "alice@example.org"})
    link = re.search(r"/accounts/password/reset/key/\S+", str(mail.outbox[0].body))
    assert link
    page = client.get(link.group(0))
    client.post(page["Location"], {"password1": NEW_PASSWORD, "password2": NEW_PASSWORD})
    (event,) = events("user.password.change")
    assert (event.namespace, event.new) == ("alice", {"by": "link in a mail"})


def test_addresses_added_confirmed_made_primary_and_removed(alice: User) -> None:
    client = sign_in_client()
    client.post("/accounts/email/", {"action_add": "", "email": "new@example.org"})
    link = re.search(r"/accounts/confirm-email/\S+", str(mail.outbox[0].body))
    assert link
    client.post(link.group(0))
    client.post("/accounts/email/", {"action_primary": "", "email": "new@example.org"})
    client.post("/accounts/email/", {"action_remove": "", "email": "alice@example.org"})
    assert EmailAddress.objects.get(user=alice).email == "new@example.org"
    found = events("user.email.update")
    assert [(event.old, event.new) for event in found] == [
        ({}, {"added": "new@example.org"}),
        ({}, {"confirmed": "new@example.org"}),
        ({"primary": "alice@example.org"}, {"primary": "new@example.org"}),
        ({"removed": "alice@example.org"}, {}),
    ]
    assert {event.namespace for event in found} == {"alice"}


def sign_in_client() -> Client:
    """Signed in by the form: changes of addresses ask for a password that was typed lately."""
    client = Client(headers=CHROME)
    client.post("/accounts/login/", {"login": "alice", "password": factories.PASSWORD})
    return client


def test_tokens_say_their_limits_and_never_their_secret(alice: User) -> None:
    body = {"token_label": "ci", "resources": [{"path": "acme/api", "actions": ["push"]}]}
    token = call("POST", "access-tokens", body, client=signed_in(alice)).json()
    path = f"access-tokens/{token['uuid']}"
    call("PATCH", path, {"is_active": False}, client=signed_in(alice))
    call("DELETE", path, client=signed_in(alice))
    found = list(Event.objects.filter(action__startswith="user.access_token.").order_by("id"))
    assert [event.action.rpartition(".")[2] for event in found] == ["create", "update", "delete"]
    limits = [{"path": "acme/api", "actions": ["pull", "push"]}]
    assert found[0].new == {"level": "repo:write", "limits": limits, "expires_at": None}
    assert (found[1].old, found[1].new) == ({"label": "ci", "is_active": True}, {"label": "ci", "is_active": False})
    assert found[2].old == {"level": "repo:write", "limits": limits}
    assert token["token"] not in str([(event.old, event.new) for event in found])
