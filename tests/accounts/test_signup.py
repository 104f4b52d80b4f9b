"""Sign-up: names, addresses, what follows, and who may."""

import re
from typing import Any
from unittest.mock import patch

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.test import Client

from portal.accounts.adapter import AccountAdapter
from portal.accounts.models import Namespace, User
from tests import factories

URL = "/accounts/signup/"
FORM = {"username": "dora", "email": "dora@example.org", "password1": factories.PASSWORD}


def sign_up(client: Client, **changes: str) -> Any:
    return client.post(URL, {**FORM, **changes})


@pytest.mark.django_db
def test_a_visitor_becomes_a_user_with_a_namespace_and_is_signed_in() -> None:
    client = Client()
    response = sign_up(client)
    assert response.status_code == 302
    user = User.objects.get(username="dora")
    assert user.namespace.name == "dora"
    assert user.check_password(factories.PASSWORD)
    assert client.get("/").context["user"] == user
    assert not EmailAddress.objects.get(user=user).verified


@pytest.mark.django_db
def test_the_mail_holds_a_link_that_confirms_the_address() -> None:
    client = Client()
    sign_up(client)
    message = mail.outbox[0]
    assert message.to == ["dora@example.org"]
    assert message.subject == "Confirm your e-mail address"
    link = re.search(r"http://localhost:8000(/accounts/confirm-email/\S+/)", str(message.body))
    assert link
    html = message.alternatives[0][0]  # type: ignore[attr-defined]
    assert link.group(0) in html
    page = client.get(link.group(1))
    assert "dora@example.org" in page.content.decode()
    assert not EmailAddress.objects.get(email="dora@example.org").verified, "opening the link must not be enough"
    assert client.post(link.group(1)).status_code == 302
    assert EmailAddress.objects.get(email="dora@example.org").verified


@pytest.mark.django_db
def test_every_page_tells_an_unconfirmed_user_what_is_missing() -> None:
    client = Client()
    sign_up(client)
    for path in ("/", "/explore", "/accounts/tokens/", "/accounts/profile/"):
        assert "Send the mail again" in client.get(path).content.decode(), path


@pytest.mark.django_db
def test_a_confirmed_user_is_not_told_so(alices_client: Client) -> None:
    assert "Send the mail again" not in alices_client.get("/").content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("Dora", "Use lower-case letters only."),
        ("do..ra", "Use letters and digits, with single separators"),
        ("-dora", "Use letters and digits, with single separators"),
        ("dora.", "Use letters and digits, with single separators"),
        ("do ra", "Use letters and digits, with single separators"),
        ("do/ra", "Use letters and digits, with single separators"),
        ("admin", "“admin” is reserved"),
        ("explore", "“explore” is reserved"),
        ("repositories", "“repositories” is reserved"),
        ("d" * 256, "Use 2 to 39 characters."),
        ("d", "Use 2 to 39 characters."),
        ("dоra", "letters of other scripts can look alike"),  # the o is Cyrillic
        ("dörа", "letters of other scripts can look alike"),
        ("", "This field is required."),
    ],
)
def test_a_bad_name_gets_a_sentence_under_the_field(name: str, sentence: str) -> None:
    response = sign_up(Client(), username=name)
    errors = response.context["form"].errors
    assert list(errors) == ["username"]
    assert len(errors["username"]) == 1, "one sentence is enough"
    assert sentence in errors["username"][0]
    assert 'aria-describedby="id_username_helptext id_username_error"' in response.content.decode()
    assert not User.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["bob", "held"])
def test_a_name_that_is_taken_or_held_is_refused(bob: User, name: str) -> None:
    Namespace.objects.create(name="held")
    response = sign_up(Client(), username=name)
    assert response.context["form"].errors["username"] == [f"“{name}” is taken. Choose another name."]


@pytest.mark.django_db
def test_of_two_sign_ups_at_once_the_second_gets_the_sentence(bob: User) -> None:
    # The form looked before the other one's row was there; the unique constraint decides.
    with patch.object(AccountAdapter, "clean_username", lambda self, username, shallow=False: username):
        response = sign_up(Client(), username="bob")
    assert response.status_code == 200
    assert response.context["form"].errors["username"] == ["“bob” is taken. Choose another name."]
    assert User.objects.get() == bob
    assert not EmailAddress.objects.filter(email=FORM["email"]).exists()
    assert not mail.outbox


@pytest.mark.django_db
def test_an_address_that_is_taken_is_refused(bob: User) -> None:
    response = sign_up(Client(), email="bob@example.org")
    assert response.context["form"].errors == {"email": ["There is an account with this e-mail address already."]}


@pytest.mark.django_db
@pytest.mark.parametrize("password", ["short", "12345678901", "password123"])
def test_a_weak_password_is_refused(password: str) -> None:
    assert "password1" in sign_up(Client(), password1=password).context["form"].errors


@pytest.mark.django_db
@pytest.mark.parametrize(("mode", "sentence"), [("invite", "made by invitation"), ("closed", "takes no new accounts")])
def test_sign_up_can_be_closed_to_the_public(settings: Any, mode: str, sentence: str) -> None:
    settings.SIGNUP = mode
    client = Client()
    assert sentence in client.get(URL).content.decode()
    assert sentence in sign_up(client).content.decode()
    assert not User.objects.exists()
    assert URL not in client.get("/").content.decode()


@pytest.mark.django_db
def test_too_many_sign_ups_get_a_page_that_says_so() -> None:
    client = Client()
    answers = [sign_up(client, username="") for _ in range(21)]
    assert [answer.status_code for answer in answers] == [200] * 20 + [429]
    assert "a little too often" in answers[-1].content.decode()
    assert answers[-1]["Retry-After"] == "60"
