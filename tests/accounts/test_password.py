"""Password: change, and reset by mail."""

import re

import pytest
from django.core import mail
from django.test import Client

from portal.accounts.models import User
from tests import factories
from tests.conftest import signed_in

NEW = "another long password"
CHANGE = "/accounts/password/change/"
RESET = "/accounts/password/reset/"


def test_a_change_needs_the_old_password_and_ends_other_sessions(alice: User, alices_client: Client) -> None:
    elsewhere = signed_in(alice)
    wrong = alices_client.post(CHANGE, {"oldpassword": "wrong", "password1": NEW, "password2": NEW})
    assert wrong.context["form"].errors == {"oldpassword": ["This is not your current password."]}
    alices_client.post(CHANGE, {"oldpassword": factories.PASSWORD, "password1": NEW, "password2": NEW})
    alice.refresh_from_db()
    assert alice.check_password(NEW)
    assert alices_client.get("/").context["user"].is_authenticated
    assert not elsewhere.get("/").context["user"].is_authenticated
    assert mail.outbox[0].subject == "Your password was changed"


def test_a_forgotten_password_is_replaced_by_mail(alice: User) -> None:
    client = Client()
    page = client.post(RESET, {"email": "alice@example.org"}, follow=True)
    assert "a link is on its way" in page.content.decode()
    link = re.search(r"http://localhost:8000(/accounts/password/reset/key/\S+/)", str(mail.outbox[0].body))
    assert link
    assert "Your username is alice." in str(mail.outbox[0].body)
    form = client.get(link.group(1), follow=True)
    target = form.redirect_chain[-1][0]
    done = client.post(target, {"password1": NEW, "password2": NEW}, follow=True)
    assert "Your new password works" in done.content.decode()
    alice.refresh_from_db()
    assert alice.check_password(NEW)
    used = Client().get(link.group(1), follow=True)
    assert "This link does not work" in used.content.decode()


@pytest.mark.django_db
def test_the_answer_is_the_same_for_an_address_that_nobody_has() -> None:
    page = Client().post(RESET, {"email": "nobody@example.org"}, follow=True)
    assert "a link is on its way" in page.content.decode()
    assert mail.outbox[0].subject == "There is no account with this address"


def test_too_many_resets_get_a_page_that_says_so(alice: User) -> None:
    client = Client()
    answers = [client.post(RESET, {"email": "alice@example.org"}) for _ in range(6)]
    assert answers[-1].status_code == 429
    assert "a little too often" in answers[-1].content.decode()
