"""What pages show of an access token, whoever it belongs to. Costs no query."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from portal.accounts import limits
from portal.accounts.models import AccessToken

CLIENT_MAX = 40


@dataclass(frozen=True, slots=True)
class ShownToken:
    """`state` is active, off or expired. `places` is empty for a token that is not limited."""

    row: Any
    state: str
    places: list[dict[str, str]]
    client: str
    team: str = ""
    old_secret_until: datetime | None = None


def shown_token(row: AccessToken, now: datetime, **more: Any) -> ShownToken:
    client = client_words(row.last_used_client)
    return ShownToken(row=row, state=row.state(now), places=limits.words(row.limits), client=client, **more)


def shown_tokens(rows: Iterable[AccessToken], now: datetime) -> list[ShownToken]:
    return [shown_token(row, now) for row in rows]


def client_words(client: str) -> str:
    """A User-Agent in few words: `docker 28.2.2`, `a browser`, `curl 8.5.0`."""
    if client.startswith("Mozilla/"):
        return _("a browser")
    name, _slash, version = client.partition(" ")[0].partition("/")
    return f"{name} {version}".strip()[:CLIENT_MAX]
