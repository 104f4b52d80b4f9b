"""Light, dark, or as the system: without a script, and without a flash."""

import pytest
from django.test import Client

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("theme", ["light", "dark", "system"])
def test_the_choice_is_kept_and_written_into_the_page(theme: str) -> None:
    client = Client()
    response = client.post("/-/theme", {"theme": theme, "next": "/explore"})
    assert response["Location"] == "/explore"
    assert f'data-theme="{theme}"' in client.get("/explore").content.decode()


def test_nonsense_changes_nothing() -> None:
    client = Client()
    client.post("/-/theme", {"theme": '"><script>'})
    client.cookies["theme"] = "purple"
    assert 'data-theme="system"' in client.get("/").content.decode()


def test_it_leads_nowhere_else() -> None:
    assert Client().post("/-/theme", {"theme": "dark", "next": "//evil.example/"})["Location"] == "/"


def test_the_address_alone_does_nothing() -> None:
    assert Client().get("/-/theme").status_code == 405
