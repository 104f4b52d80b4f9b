"""Explore and search: who sees what, order, pages, htmx."""

from typing import Any

import pytest
from django.test import Client

from portal.accounts.models import User
from portal.web import views
from repositories.models import Repository
from tests import factories


def names(response: Any) -> list[str]:
    return [repository.full_name for repository in response.context["page"].rows]


def test_explore_shows_what_is_public_to_everybody(
    alices_client: Client, public_app: Repository, private_app: Repository
) -> None:
    for client in (Client(), alices_client):
        assert names(client.get("/explore")) == ["alice/public-app"]


@pytest.mark.django_db
def test_an_empty_list_says_so() -> None:
    assert "No public repositories yet" in Client().get("/explore").content.decode()
    assert "Nothing found" in Client().get("/search?q=x").content.decode()


def test_search_finds_parts_of_name_and_description(alice: User) -> None:
    factories.make_repository(alice, "shop/web", visibility="public", description="The front of the SHOP")
    factories.make_repository(alice, "api", visibility="public", description="Payments")
    for words, found in [
        ("shop", ["alice/shop/web"]),
        ("WEB front", ["alice/shop/web"]),
        ("alice/a", ["alice/api"]),
        ("pay", ["alice/api"]),
        ("web payments", []),
        ("%", []),
        ("_", []),
        ("\0api", ["alice/api"]),
    ]:
        assert names(Client().get("/search", {"q": words})) == found, words


def test_search_never_shows_strangers_what_is_private(
    alices_client: Client, bobs_client: Client, public_app: Repository, private_app: Repository
) -> None:
    assert set(names(alices_client.get("/search?q=app"))) == {"alice/public-app", "alice/private-app"}
    assert names(bobs_client.get("/search?q=app")) == ["alice/public-app"]
    assert names(Client().get("/search?q=app")) == ["alice/public-app"]


def test_pages_lead_forward_and_back(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(views, "PAGE_SIZE", 2)
    for number in range(5):
        factories.make_repository(alice, f"app-{number}", visibility="public")
    client = Client()
    first = client.get("/explore?order=name")
    assert names(first) == ["alice/app-0", "alice/app-1"]
    assert 'rel="prev"' not in first.content.decode()
    second = client.get("/explore", {"order": "name", "cursor": first.context["page"].next})
    assert names(second) == ["alice/app-2", "alice/app-3"]
    back = client.get("/explore", {"order": "name", "cursor": second.context["page"].previous})
    assert names(back) == names(first)
    assert f"?order=name&amp;cursor={first.context['page'].next}" in first.content.decode()


def test_the_order_can_be_chosen_and_nonsense_is_the_default(alice: User) -> None:
    for number, stars in enumerate([1, 3, 2]):
        row = factories.make_repository(alice, f"app-{number}", visibility="public")
        Repository.objects.filter(pk=row.pk).update(star_count=stars)
    assert names(Client().get("/explore?order=stars")) == ["alice/app-1", "alice/app-2", "alice/app-0"]
    assert names(Client().get("/explore?order=name")) == ["alice/app-0", "alice/app-1", "alice/app-2"]
    assert names(Client().get("/explore?order=;drop")) == ["alice/app-2", "alice/app-1", "alice/app-0"]


@pytest.mark.django_db
def test_a_broken_cursor_is_a_page_not_a_crash() -> None:
    response = Client().get("/explore?cursor=nonsense")
    assert response.status_code == 400
    assert "address is broken" in response.content.decode()


def test_htmx_gets_the_results_alone_with_their_count_announced(public_app: Repository) -> None:
    page = Client().get("/search?q=app", headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in page
    assert "1 repository on this page" in page
    boosted = Client().get("/search?q=app", headers={"HX-Request": "true", "HX-Boosted": "true"}).content.decode()
    assert "<html" in boosted


def test_explore_costs_the_same_for_two_and_for_six(alice: User, django_assert_num_queries: Any) -> None:
    for number in range(6):
        factories.make_repository(alice, f"app-{number}", visibility="public")
        if number in {1, 5}:
            with django_assert_num_queries(1):
                Client().get("/explore")
