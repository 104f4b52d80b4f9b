"""Profile and namespace."""

import pytest
from django.test import Client

from portal.accounts.models import Namespace, User
from portal.events.models import Event


def test_the_full_name_is_saved_and_recorded(alice: User, alices_client: Client) -> None:
    page = alices_client.post("/accounts/profile/", {"full_name": "  Alice Anker "}, follow=True)
    assert "Your profile is saved." in page.content.decode()
    alice.refresh_from_db()
    assert alice.full_name == "Alice Anker"
    event = Event.objects.get(action="user.update")
    assert event.new == {"full_name": "Alice Anker"}


def test_a_full_name_that_is_too_long_is_refused(alice: User, alices_client: Client) -> None:
    page = alices_client.post("/accounts/profile/", {"full_name": "x" * 101})
    assert page.status_code == 422
    assert "full_name" in page.context["form"].errors


@pytest.mark.parametrize("value", ["off", "private", "public"])
def test_what_a_push_may_create_is_chosen_for_ones_own_namespace(
    alice: User, bob: User, alices_client: Client, value: str
) -> None:
    alices_client.post("/accounts/namespace/", {"create_on_push": value})
    assert Namespace.objects.get(name="alice").create_on_push == value
    assert Namespace.objects.get(name="bob").create_on_push == "private"


def test_an_unknown_choice_is_refused(alices_client: Client) -> None:
    assert alices_client.post("/accounts/namespace/", {"create_on_push": "everything"}).status_code == 422
    assert Namespace.objects.get(name="alice").create_on_push == "private"
