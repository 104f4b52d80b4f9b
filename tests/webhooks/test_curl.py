"""A delivery as commands of a shell, run by bash with the real curl against a receiver that verifies."""

import hashlib
import hmac
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from standardwebhooks.webhooks import Webhook as Verifier

from portal.accounts.models import User
from repositories.models import Repository
from repositories.webhooks import actions
from repositories.webhooks.curl import Sent, command, variable_of
from repositories.webhooks.models import Attempt, Delivery, Webhook
from repositories.webhooks.placeholders import MASK
from tests import factories
from tests.system.receiver import Received, Receiver

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
ID = "msg_p5jXN8AQM9LWM0D4loKWxJek"
NASTY = """{"tag": "it's \\"quoted\\" $(touch pwned) `touch pwned` ${HOME} !! \\\\ é \\u0000", "rest": 'x'}\n\n"""


def run(script: str, folder: Path, **variables: str) -> None:
    done = subprocess.run(
        ["bash", "-e"],
        input=script,
        cwd=folder,
        env={"PATH": os.environ["PATH"], "NO_PROXY": "*", **variables},
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert not (folder / "pwned").exists()


def sent(url: str, body: bytes, **more: Any) -> Sent:
    headers = {"Content-Type": "application/json", "Webhook-Id": ID, "Webhook-Signature": "v1,old", "X-Its": "a'b $c"}
    values: dict[str, Any] = {"has_query": False, "headers": headers, "signs": True, "github": True}
    return Sent(url=url, body=body, webhook_id=ID, **(values | more))


def verify(received: Received, body: bytes) -> None:
    assert received.body == body
    headers = {name.lower(): value for name, value in received.headers.items()}
    signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    assert headers["x-hub-signature-256"] == f"sha256={signature}"
    verifier = Verifier(SECRET)
    try:
        verifier.verify(body, headers)
    except ValueError:  # the library reads JSON once it has verified
        assert not body.startswith(b'{"tag": "latest"')


@pytest.mark.parametrize(
    "body",
    [
        b'{"tag": "latest"}',
        NASTY.encode(),
        b"@/etc/passwd",
        b"\x00\x01\xff\r\n",
        b'{"tag": "latest", "pad": "' + b"x" * 150_000 + b'"}',
    ],
    ids=["plain", "nasty", "at", "bytes", "long"],
)
def test_bash_sends_the_same_bytes_and_a_signature_that_holds(receiver: Receiver, tmp_path: Path, body: bytes) -> None:
    run(command(sent(receiver.url("/ci"), body)), tmp_path, WEBHOOK_SECRET=SECRET)
    (received,) = receiver.got("/ci")
    verify(received, body)
    assert received.headers["Webhook-Id"] == ID
    assert received.headers["X-Its"] == "a'b $c"


def test_what_is_secret_is_a_variable(receiver: Receiver, tmp_path: Path) -> None:
    headers = {"Authorization": MASK, "X-Api-Key": MASK}
    script = command(sent("https://hooks.example.org/serv…", b"{}", headers=headers, signs=False, github=False))
    assert script.splitlines()[0] == "# Set first: WEBHOOK_URL WEBHOOK_AUTHORIZATION WEBHOOK_X_API_KEY"
    given = {"WEBHOOK_URL": receiver.url("/in?token=s3"), "WEBHOOK_AUTHORIZATION": "Bearer 1", "WEBHOOK_X_API_KEY": "2"}
    run(script, tmp_path, **given)
    (received,) = receiver.got("/in?token=s3")
    assert (received.headers["Authorization"], received.headers["X-Api-Key"]) == ("Bearer 1", "2")
    missing = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=20, check=False)
    assert "WEBHOOK_URL" in missing.stderr
    assert len(receiver.got("/in?token=s3")) == 1


def test_names_of_variables_are_plain() -> None:
    assert variable_of("X-Api.Key!") == "WEBHOOK_X_API_KEY"


@pytest.mark.django_db
@pytest.mark.parametrize("is_sent", [True, False])
def test_the_page_offers_it_without_secrets(
    alices_client: Client, alice: User, public_app: Repository, *, is_sent: bool
) -> None:
    hook = actions.create_webhook(
        actor=factories.actor(alice),
        place=public_app,
        name="CI",
        url="https://ci:pass@93.184.215.14/hooks/{tag}?token=s3cret",
        headers={"X-Api-Key": "k3y"},
        github_signature=True,
    )
    row = Delivery.objects.create(
        webhook=hook, event_id="e1", event_action="repo.tag.push", body=b"{}", values={"tag": "1.0"}
    )
    if is_sent:
        shown = {"X-Api-Key": MASK, "Authorization": MASK, "Webhook-Id": "e1"}
        url = "https://93.184.215.14/hooks/1.0"
        Attempt.objects.create(delivery=row, number=1, status=500, request_url=url, request_headers=shown)
    path = f"/alice/public-app/-/webhooks/{hook.pk}/deliveries/{row.public_id}"
    page = alices_client.get(path).content.decode()
    assert "# WEBHOOK_URL: https://93.184.215.14/hooks/1.0" in page
    for variable in ("WEBHOOK_URL", "WEBHOOK_AUTHORIZATION", "WEBHOOK_X_API_KEY", "WEBHOOK_SECRET"):
        assert f"${{{variable}:?}}" in page, variable
    for secret in ("s3cret", "k3y", "ci:pass", hook.new_secret):
        assert secret not in page


@pytest.mark.django_db
def test_what_cannot_be_decrypted_any_more_is_left_out(
    alices_client: Client, alice: User, public_app: Repository
) -> None:
    hook = actions.create_webhook(
        actor=factories.actor(alice), place=public_app, name="CI", url="https://93.184.215.14/"
    )
    row = Delivery.objects.create(webhook=hook, event_id="e1", event_action="repo.tag.push", body=b"{}")
    Webhook.objects.update(encrypted_url="broken")
    page = alices_client.get(f"/alice/public-app/-/webhooks/{hook.pk}/deliveries/{row.public_id}")
    assert page.status_code == 200
