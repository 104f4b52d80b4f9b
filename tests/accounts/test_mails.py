"""Mails: three files each, and one for every occasion that allauth knows."""

from pathlib import Path
from typing import Any

import allauth
import pytest
from django.conf import settings

from portal.accounts.adapter import AccountAdapter

OURS = Path(settings.BASE_DIR) / "templates" / "account" / "email"
FOLDERS = sorted(folder.name for folder in OURS.iterdir() if folder.is_dir())
CONTEXT: dict[str, Any] = {
    "activate_url": "http://localhost:8000/a?b=1&c=<2>",
    "password_reset_url": "http://localhost:8000/a?b=1&c=<2>",
    "email": "a&b@example.org",
    "deleted_email": "a&b@example.org",
    "from_email": "a&b@example.org",
    "to_email": "c@example.org",
    "ip": "192.0.2.1",
    "user_agent": "<script>",
    "timestamp": "now",
    "username": "alice",
}


def test_every_occasion_of_allauth_has_a_mail() -> None:
    theirs = Path(str(allauth.__file__)).parent / "templates" / "account" / "email"
    occasions = {path.name.removesuffix("_subject.txt") for path in theirs.glob("*_subject.txt")}
    by_code = {"login_code", "password_reset_code"}  # sign-in by a code is not offered
    assert set(FOLDERS) == occasions - by_code


@pytest.mark.parametrize("folder", FOLDERS)
def test_text_is_plain_and_html_is_escaped(folder: str) -> None:
    message = AccountAdapter().render_mail(f"account/email/{folder}", "x@example.org", CONTEXT)
    assert message.subject
    assert "\n" not in message.subject
    assert "&amp;" not in str(message.body), "text is not HTML"
    html, kind = message.alternatives[0]  # type: ignore[attr-defined]
    assert kind == "text/html"
    assert "<script>" not in html
    assert "c=<2>" not in html
    assert "style=" not in html
    assert str(message.body).rstrip().endswith("Moorage, http://localhost:8000")
