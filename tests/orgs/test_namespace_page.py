"""The organization's first page: its repositories, in its frame for who belongs to it."""

import pytest
from django.test import Client

from orgs.models import BasePermission, WhoCreates
from repositories.models import Repository, Visibility
from tests.conftest import signed_in
from tests.orgs.conftest import Acme, counted
from tests.web.brackets import speak_brackets, untranslated

pytestmark = pytest.mark.django_db


def make_repository(acme: Acme, name: str, visibility: str = Visibility.PRIVATE) -> Repository:
    namespace = acme.organization.namespace
    full_name = f"acme/{name}"
    return Repository.objects.create(namespace=namespace, name=name, full_name=full_name, visibility=visibility)


def test_who_belongs_to_it_sees_its_frame(acme: Acme) -> None:
    make_repository(acme, "api")
    for user in (acme.alice, acme.ed, acme.bob):
        page = signed_in(user).get("/acme").content.decode()
        assert 'href="/acme/-/members"' in page
        assert 'href="/acme/api"' in page
        assert ("New repository" in page.split("<main")[1]) is (user != acme.bob)


def test_members_create_if_the_rules_say_so(acme: Acme) -> None:
    acme.organization.who_creates = WhoCreates.MEMBERS
    acme.organization.save()
    assert "/new?namespace=acme" in signed_in(acme.bob).get("/acme").content.decode()


def test_outsiders_see_it_only_with_a_public_repository(acme: Acme, client: Client) -> None:
    make_repository(acme, "api")
    stranger = signed_in(acme.charlie)
    assert stranger.get("/acme").status_code == client.get("/acme").status_code == 404
    make_repository(acme, "web", Visibility.PUBLIC)
    for visitor in (stranger, client):
        page = visitor.get("/acme").content.decode()
        assert 'href="/acme/web"' in page
        assert 'href="/acme/api"' not in page
        assert "/acme/-/members" not in page


def test_without_a_base_permission_members_see_what_is_granted(acme: Acme) -> None:
    acme.organization.base_permission = BasePermission.NONE
    acme.organization.save()
    make_repository(acme, "api")
    page = signed_in(acme.bob).get("/acme")
    assert page.status_code == 200
    assert 'href="/acme/api"' not in page.content.decode()


def test_it_costs_the_same_for_two_and_for_six(acme: Acme) -> None:
    client = signed_in(acme.bob)

    def cost() -> int:
        with counted() as queries:
            client.get("/acme")
        return len(queries)

    make_repository(acme, "one")
    make_repository(acme, "two")
    few = cost()
    for name in ("three", "four", "five", "six"):
        make_repository(acme, name)
    assert cost() == few


@pytest.mark.parametrize("who", ["alice", "bob", "charlie"])
@pytest.mark.parametrize("empty", [True, False])
def test_its_texts_are_translated(acme: Acme, monkeypatch: pytest.MonkeyPatch, who: str, empty: bool) -> None:
    if not empty or who == "charlie":
        make_repository(acme, "web", Visibility.PUBLIC)
    client = signed_in(getattr(acme, who))
    speak_brackets(monkeypatch)
    page = client.get("/acme").content.decode()
    assert untranslated(page, "acme", "alice", "bob", "charlie", "web", "testserver", "docker", "·") == []
