"""A client that pushes, and a registry in memory behind the gateway."""

from dataclasses import dataclass
from typing import Any

import pytest
from django.test import Client

from portal.accounts.actor import Credential, CredentialKind
from portal.accounts.models import User
from repositories.registry.signing import Access, sign
from repositories.registry.verify import credential_claim
from tests.images.fake_registry import OCI, FakeRegistry, install

BY_PASSWORD = Credential(kind=CredentialKind.PASSWORD)


@dataclass
class Reply:
    """The gateway's answer."""

    response: Any

    @property
    def status(self) -> int:
        return int(self.response.status_code)

    @property
    def code(self) -> str:
        return str(self.response.json()["errors"][0]["code"])

    @property
    def refusal(self) -> tuple[int, str]:
        return self.status, self.code


def registry_token(user: User, repository: str, *actions: str, credential: Credential = BY_PASSWORD) -> str:
    """As the token service signs it, whatever the person may do."""
    access = [Access(repository, actions or ("pull", "push"))]
    return sign(user.public_id, access, credential=credential_claim(credential)).token


@dataclass
class Pusher:
    """put("alice/app", "1.0", body) with a token for that repository, unless another one is given."""

    user: User

    def put(
        self,
        repository: str,
        reference: str,
        body: bytes,
        *,
        media_type: str = OCI,
        token: str | None = None,
        **extra: Any,
    ) -> Reply:
        token = registry_token(self.user, repository) if token is None else token
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        path = f"/v2/{repository}/manifests/{reference}"
        return Reply(Client().generic("PUT", path, body, content_type=media_type, headers=headers, **extra))


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> FakeRegistry:
    return install(monkeypatch)


@pytest.fixture
def alices(alice: User) -> Pusher:
    return Pusher(alice)
