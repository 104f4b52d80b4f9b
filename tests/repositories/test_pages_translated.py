"""Every text of the repository pages goes through gettext."""

import pytest
from django.test import Client

from portal.accounts.models import User
from repositories.models import Repository
from repositories.webhooks.formats.shipped import shipped
from tests.conftest import signed_in
from tests.factories import images, webhooks
from tests.repositories.test_pages_access import GET, TABLE, address, fill
from tests.web.brackets import speak_brackets, untranslated

# What people and machines wrote, and names that are the same in every language.
NAMES = ("alice", "public-app", "private-app", "empty", "testserver", "latest", "multi", "CI of the shop", "Mine")
MACHINE = (
    "linux s",
    "linux",
    "windows",
    "sha",
    "amd",
    "arm v",
    "arm",
    "ppc",
    "riscv",
    "POST",
    "OK",
    "Not Found",
    "password",
)
TOOLS = ("docker", "Docker", "Podman", "Skopeo", "nerdctl", "crictl", "Kubernetes")
ID_LENGTH = 32
RECEIVERS = tuple(str(each.label) for each in shipped())
WRITTEN = (
    "v.*",
    "application",
    "json",
    "vnd.oci.image.",
    "index",
    "manifest",
    "Content-Type",
    "Webhook-Id",
    "event",
    "hooks",
)
ADDRESSES = (
    "https:",
    "ci.example.org",
    "example.org app",
    "  ci",
    "kB",
    "MB",
    " B",
    "B\n",
    ".v +",
    "go go  kernel   os   arch",
)


def said(client: Client, path: str, *ids: str) -> list[str]:
    """`ids` are shown as they are: without them letters between two figures would be taken for words."""
    response = client.get(path)
    assert response.status_code == 200, path
    page = response.content.decode()
    for each in ids:
        page = page.replace(each, "")
    return untranslated(page, *NAMES, *MACHINE, *TOOLS, *RECEIVERS, *WRITTEN, *ADDRESSES)


@pytest.mark.parametrize("name", [name for name, row in TABLE.items() if row[0] == GET and row[3] == 200])
def test_pages_that_are_full(
    name: str, alice: User, public_app: Repository, private_app: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    rest = fill(alice, public_app)
    images.push_index(public_app, "multi", by=alice)
    images.push_image(public_app, "latest", by=alice, seed="moved")
    path = address(name, public_app, rest)
    client = signed_in(alice)
    speak_brackets(monkeypatch)
    assert said(client, path, *(str(each)[:12] for each in rest.get(name, []) if len(str(each)) == ID_LENGTH)) == []


@pytest.mark.parametrize("page", ["", "/-/tags", "/-/history", "/-/comments", "/-/webhooks", "/-/tags?q=nothing"])
def test_pages_that_are_empty(alice: User, private_app: Repository, monkeypatch: pytest.MonkeyPatch, page: str) -> None:
    client = signed_in(alice)
    speak_brackets(monkeypatch)
    assert said(client, f"/alice/private-app{page}") == []


@pytest.mark.parametrize("state", ["failed", "waiting", "sending"])
def test_a_delivery_that_did_not_arrive(
    alice: User, public_app: Repository, monkeypatch: pytest.MonkeyPatch, state: str
) -> None:
    webhook = webhooks.make_webhook(alice, public_app)
    delivery = webhooks.make_delivery(webhook, state=state, status=404, response_truncated=True)
    client = signed_in(alice)
    speak_brackets(monkeypatch)
    one = f"/alice/public-app/-/webhooks/{webhook.pk}"
    assert said(client, one) == []
    assert said(client, f"{one}/deliveries/{delivery.public_id}", delivery.public_id[:12]) == []


@pytest.mark.parametrize("page", ["", "/-/tags", "/-/comments"])
def test_pages_for_visitors(public_app: Repository, monkeypatch: pytest.MonkeyPatch, page: str) -> None:
    speak_brackets(monkeypatch)
    assert said(Client(), f"/alice/public-app{page}") == []
