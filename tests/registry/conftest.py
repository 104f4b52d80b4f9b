"""Asks the token service as clients do."""

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client

from repositories.registry.verify import Verified, verify
from tests.factories import PASSWORD


def basic(login: str, secret: str = PASSWORD) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{login}:{secret}".encode()).decode()}


@dataclass
class Reply:
    """The answer of the token endpoint; `grants` is {repository: actions} of the token, verified."""

    response: Any

    @property
    def status(self) -> int:
        return int(self.response.status_code)

    @property
    def body(self) -> dict[str, Any]:
        return dict(json.loads(self.response.content))

    @property
    def token(self) -> Verified:
        return verify(self.body["token"])

    @property
    def grants(self) -> dict[str, set[str]]:
        return {entry.name: set(entry.actions) for entry in self.token.access}


Ask = Callable[..., Reply]


@pytest.fixture
def ask(db: None) -> Ask:
    """ask("repository:a/b:pull", login="alice"): GET with Basic, as docker does."""

    def get(*scopes: str, login: str = "", secret: str = PASSWORD, service: str = "moorage", **extra: str) -> Reply:
        headers = basic(login, secret) if login else {}
        parameters: dict[str, Any] = {"service": service, "scope": list(scopes), **extra}
        return Reply(Client().get("/token", parameters, headers=headers))

    return get


@pytest.fixture
def post(db: None) -> Ask:
    """As containerd does."""

    def send(**form: str) -> Reply:
        body: dict[str, Any] = {"service": "moorage", "client_id": "containerd-client", **form}
        return Reply(Client(enforce_csrf_checks=True).post("/token", urlencode(body, doseq=True), content_type=FORM))

    return send


FORM = "application/x-www-form-urlencoded"


__all__ = ["FORM", "Ask", "Reply", "basic"]
