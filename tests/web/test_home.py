"""The start page: for visitors, and for whoever is signed in."""

from typing import Any

import pytest
from django.test import Client

from portal.accounts.models import User
from repositories import actions
from repositories.models import Repository
from tests import factories
from tests.conftest import signed_in


@pytest.mark.django_db
@pytest.mark.parametrize(("mode", "offered"), [("open", True), ("invite", False), ("closed", False)])
def test_a_visitor_learns_what_this_is_and_how_to_begin(settings: Any, mode: str, offered: bool) -> None:
    settings.SIGNUP = mode
    page = Client().get("/").content.decode()
    assert "docker login testserver" in page
    assert ("Create an account" in page) is offered
    assert "/accounts/login/" in page


def test_a_visitor_sees_public_repositories_only(public_app: Repository, private_app: Repository) -> None:
    page = Client().get("/").content.decode()
    assert "alice/public-app" in page
    assert "alice/private-app" not in page


def test_an_empty_dashboard_shows_the_three_commands(alices_client: Client) -> None:
    page = alices_client.get("/").content.decode()
    for command in (
        "docker login testserver",
        "docker tag myfirstapp testserver/alice/myfirstapp",
        "docker push testserver/alice/myfirstapp",
    ):
        assert command in page


def test_commands_name_the_address_that_the_visitor_uses(alices_client: Client) -> None:
    assert "docker login localhost:8000" in alices_client.get("/", headers={"host": "localhost:8000"}).content.decode()


def test_an_unconfirmed_user_is_told_to_confirm_first(eve: User) -> None:
    assert "Confirm your e-mail address first" in signed_in(eve).get("/").content.decode()


def test_the_dashboard_lists_ones_own_last_pushed_first(
    alice: User, bob: User, alices_client: Client, public_app: Repository, private_app: Repository
) -> None:
    factories.make_repository(bob, "bobs", visibility="public")
    names = [repository.full_name for repository in alices_client.get("/").context["repositories"]]
    assert names == ["alice/private-app", "alice/public-app"]


def test_stars_are_listed_newest_first_while_they_may_be_seen(alice: User, bob: User, alices_client: Client) -> None:
    for name in ("one", "two", "three"):
        row = factories.make_repository(bob, name, visibility="public")
        actions.star_repository(actor=factories.actor(alice), repository=row)
    actions.change_visibility(actor=factories.actor(bob), repository=row, visibility="private")
    starred = [repository.full_name for repository in alices_client.get("/").context["starred"]]
    assert starred == ["bob/two", "bob/one"]


def test_the_dashboard_costs_the_same_for_two_and_for_six(
    alice: User, bob: User, alices_client: Client, django_assert_num_queries: Any
) -> None:
    def more(numbers: range) -> None:
        for number in numbers:
            factories.make_repository(alice, f"app-{number}")
            row = factories.make_repository(bob, f"app-{number}", visibility="public")
            actions.star_repository(actor=factories.actor(alice), repository=row)

    more(range(2))
    # Session, user, confirmed, own, starred, shared.
    with django_assert_num_queries(6):
        alices_client.get("/")
    more(range(2, 6))
    with django_assert_num_queries(6):
        alices_client.get("/")
