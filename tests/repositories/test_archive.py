"""An archived repository: what its pages say, who brings it back, how check and the list of people explain it."""

import re

import pytest
from django.test import Client

from portal.accounts.models import User
from repositories.access.check import Asked, check
from repositories.access.people import subject_of_user, who_has_access
from repositories.access.reach import explain, reached
from repositories.actions import archive_repository
from repositories.models import Grant, Repository
from tests import factories
from tests.conftest import signed_in
from tests.web.brackets import speak_brackets, untranslated

pytestmark = pytest.mark.django_db
APP = "/alice/public-app"


def read(client: Client, path: str) -> str:
    response = client.get(path)
    assert response.status_code == 200, path
    return re.sub(r"<[^>]+>|\s+", " ", response.content.decode())


@pytest.fixture
def archived(alice: User, bob: User, public_app: Repository) -> Repository:
    """Bob may push there, were it not archived."""
    Grant.objects.create(namespace=public_app.namespace, pattern=public_app.name, user=bob, role=Grant.Role.WRITE)
    return archive_repository(actor=factories.actor(alice), repository=public_app)


def test_every_page_says_so_and_who_brings_it_back(archived: Repository, alices_client: Client) -> None:
    for page in ("", "/-/tags", "/-/history", "/-/comments"):
        assert "alice and the admins of this repository may bring it back." in read(Client(), APP + page)
    assert "Bring it back" in read(alices_client, f"{APP}/-/access")


def test_the_settings_bring_it_back_and_leave_the_rest_out(archived: Repository, alices_client: Client) -> None:
    page = read(alices_client, f"{APP}/-/settings")
    assert "Bring this repository back" in page
    assert "Description" not in page
    refused = alices_client.post(f"{APP}/-/settings", {"description": "x", "full_description": ""})
    assert refused.status_code == 403
    alices_client.post(f"{APP}/-/settings/archive", {"archived": "false"})
    archived.refresh_from_db()
    assert not archived.is_archived
    assert "Archive this repository" in read(alices_client, f"{APP}/-/settings")


def test_comments_are_read_and_not_written(archived: Repository, bobs_client: Client) -> None:
    assert "The repository is archived" in read(bobs_client, f"{APP}/-/comments")
    assert bobs_client.post(f"{APP}/-/comments", {"text": "hello"}).status_code == 403


def test_a_namespace_lists_them_with_a_badge_and_by_state(archived: Repository, alice: User, private_app) -> None:
    client = signed_in(alice)
    assert "Archived" in read(client, "/alice?q=public")
    for state, shown, hidden in (("archived", "public-app", "private-app"), ("active", "private-app", "public-app")):
        found = client.get(f"/alice?state={state}", headers={"HX-Request": "true"}).content.decode()
        assert shown in found
        assert hidden not in found


def test_who_could_push_is_a_reader_and_is_told_why(archived: Repository, alice: User, bob: User) -> None:
    rows = {entry.subject.name: entry for entry in who_has_access(archived)}
    assert (rows["alice"].role_word, rows["bob"].role_word) == ("admin", "read")
    assert any("archived" in cap for cap in rows["bob"].caps)
    subject = subject_of_user(bob, confirmed=True)
    found = explain(subject, list(reached(subject)))
    assert [(row.role_word, [cap for cap in row.caps if "archived" in cap] != []) for row in found] == [("read", True)]


@pytest.mark.parametrize(("asked", "allowed"), [(Asked.PULL, True), (Asked.PUSH, False), (Asked.ARCHIVE, False)])
def test_check_names_the_archive(archived: Repository, bob: User, asked: Asked, *, allowed: bool) -> None:
    found = check(subject_of_user(bob, confirmed=True), archived.namespace, archived.name, asked)
    assert found.allowed == allowed
    caps = [rule.outcome for rule in found.rules if "is archived" in rule.text]
    assert caps == ["caps" if asked == Asked.PUSH else "not"]
    if asked == Asked.PUSH:
        assert found.reason == "The repository is archived: it can be pulled and not changed."


@pytest.mark.parametrize("page", ["", "/-/settings", "/-/comments"])
def test_every_text_goes_through_gettext(
    archived: Repository, alices_client: Client, monkeypatch: pytest.MonkeyPatch, page: str
) -> None:
    speak_brackets(monkeypatch)
    names = ("alice", "public-app", "testserver", "docker", "latest")
    assert untranslated(alices_client.get(APP + page).content.decode(), *names) == []
