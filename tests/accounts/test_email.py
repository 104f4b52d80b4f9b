"""Addresses: confirm, send again, add, make primary, remove."""

import re

import pytest
from allauth.account.models import EmailAddress
from django.contrib.messages import get_messages
from django.core import mail
from django.test import Client

from portal.accounts.models import User
from tests.conftest import signed_in

URL = "/accounts/email/"
RESEND = "/accounts/email/resend/"


def texts(response: object) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]  # type: ignore[attr-defined]


def test_the_link_is_sent_again_once_in_a_while(eve: User) -> None:
    client = signed_in(eve)
    first = client.post(RESEND, {"next": "/explore"})
    assert first["Location"] == "/explore"
    assert mail.outbox[0].to == ["eve@example.org"]
    second = client.post(RESEND, {"next": "https://evil.example/"})
    assert second["Location"] == "/"
    assert len(mail.outbox) == 1
    assert "a moment ago" in texts(second)[-1]


def test_a_confirmed_address_needs_no_link(alices_client: Client) -> None:
    response = alices_client.post(RESEND)
    assert texts(response) == ["Your e-mail address is confirmed already."]
    assert not mail.outbox


@pytest.mark.django_db
def test_a_broken_link_says_what_to_do() -> None:
    page = Client().get("/accounts/confirm-email/nonsense/")
    assert "This link does not work" in page.content.decode()
    assert "Send me a new link" in page.content.decode()


def test_a_second_address_is_added_confirmed_and_made_primary(alice: User, alices_client: Client) -> None:
    alices_client.post(URL, {"action_add": "", "email": "alice@work.example"})
    link = re.search(r"/accounts/confirm-email/\S+/", str(mail.outbox[0].body))
    assert link
    Client().post(link.group(0))
    alices_client.post(URL, {"action_primary": "", "email": "alice@work.example"})
    alice.refresh_from_db()
    assert alice.email == "alice@work.example"
    alices_client.post(URL, {"action_remove": "", "email": "alice@example.org"})
    assert [row.email for row in EmailAddress.objects.filter(user=alice)] == ["alice@work.example"]
    assert "was removed" in str(mail.outbox[-1].body)


def test_an_address_cannot_become_primary_before_it_is_confirmed(alice: User, alices_client: Client) -> None:
    alices_client.post(URL, {"action_add": "", "email": "alice@work.example"})
    alices_client.post(URL, {"action_primary": "", "email": "alice@work.example"})
    alice.refresh_from_db()
    assert alice.email == "alice@example.org"


def test_a_confirmed_address_of_somebody_else_cannot_be_confirmed(
    bob: User, alice: User, alices_client: Client
) -> None:
    alices_client.post(URL, {"action_add": "", "email": "bob@example.org"})
    for message in mail.outbox:
        for path in re.findall(r"/accounts/confirm-email/\S+/", str(message.body)):
            alices_client.post(path)
    assert not EmailAddress.objects.filter(user=alice, email="bob@example.org", verified=True).exists()
    assert EmailAddress.objects.get(user=bob).verified
